"""Writes transport problems and POT's answers into a folder."""
import json
import sys

import numpy as np
import ot

out = sys.argv[1]
rng = np.random.default_rng(3)
c = ot.dist(rng.random((30, 2)), rng.random((40, 2)))
a, b = rng.random(30), rng.random(40)
a, b = a / a.sum(), b / b.sum()
eps, limits = 0.05, dict(numItermax=100000)
answers = {"exact": float(ot.emd2(a, b, c))}
# POT regularizes relative to ones, not to the product of the weights.
product = c - eps * np.log(np.outer(1.5 * a, b))
plan = ot.unbalanced.sinkhorn_unbalanced(1.5 * a, b, product, eps, 0.3, stopThr=1e-15, **limits)
answers["unbalanced"] = float((plan * c).sum())
product = c - eps * np.log(np.outer(a, b))
plan = ot.partial.entropic_partial_wasserstein(a, b, product, eps, m=0.6, stopThr=1e-14, **limits)
answers["partial"] = float((plan * c).sum())
measures = rng.random((16, 3))
measures /= measures.sum(0)
grid = np.arange(16.0) / 16
cost = (grid[:, None] - grid) ** 2
answers["barycenter"] = ot.bregman.barycenter(measures, cost, 0.01, stopThr=1e-14, **limits).tolist()
for k, v in dict(a=a, heavy=1.5 * a, b=b, cost=c, measures=measures.T.copy(), axis=cost).items():
    np.save(f"{out}/{k}.npy", v)
with open(f"{out}/transport.json", "w") as f:
    json.dump(answers, f)
