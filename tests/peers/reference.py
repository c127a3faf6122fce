"""Writes arrays and what NumPy and POT compute from them into a folder."""
import json
import sys

import numpy as np
import ot

out = sys.argv[1]
rng = np.random.default_rng(1)
answers = {"svd": {}, "polar": {}, "sinkhorn": {}, "hessian": {}}

frame = rng.standard_normal((90, 80))
for name, a in {
    "f2_c": rng.standard_normal((60, 40)).astype("f2"),
    "f4_c": rng.standard_normal((60, 40)).astype("f4"),
    "f8_c": rng.standard_normal((60, 40)),
    "f2_f": np.asfortranarray(rng.standard_normal((40, 60)).astype("f2")),
    "f4_f": np.asfortranarray(rng.standard_normal((50, 50)).astype("f4")),
    "f8_f": np.asfortranarray(rng.standard_normal((70, 30))),
    "view": frame[::2, 1::3],
    "graded": rng.standard_normal((50, 50)) * np.logspace(0, -12, 50),
    "tall": rng.standard_normal((3000, 60)),
}.items():
    np.save(f"{out}/{name}.npy", a)
    u, s, vt = np.linalg.svd(a.astype("f8"), full_matrices=False)
    answers["svd"][name] = s.tolist()
    if name != "graded":  # its polar factor is not determined to working accuracy
        np.save(f"{out}/{name}_polar.npy", u @ vt)
        answers["polar"][name] = float(s[-1] / s[0])

x, y = rng.random((80, 3)), rng.random((60, 3))
a, b = rng.random(80), rng.random(60)
a, b = a / a.sum(), b / b.sum()
c = ot.dist(x, y)
for k, v in dict(x=x, y=y, a=a, b=b, cost=c).items():
    np.save(f"{out}/{k}.npy", v)
for eps in (0.5, 0.05, 0.01):
    plan = ot.sinkhorn(a, b, c, eps, method="sinkhorn_log", stopThr=1e-14, numItermax=200000)
    answers["sinkhorn"][str(eps)] = {"cost": float((plan * c).sum()), "exact": float(ot.emd2(a, b, c))}

n, d, k = 200, 12, 4
z = rng.standard_normal((n, d))
labels = rng.integers(0, k, n)
labels[:k] = range(k)
w, bias = 0.5 * rng.standard_normal((k, d)), 0.1 * rng.standard_normal(k)
np.save(f"{out}/features.npy", z)
np.save(f"{out}/labels.npy", labels)
np.savez(f"{out}/weights.npz", W1=w, b1=bias)
logits = z @ w.T + bias
p = np.exp(logits - logits.max(1, keepdims=True))
p /= p.sum(1, keepdims=True)
zt = np.hstack([z, np.ones((n, 1))])
h = np.zeros((k * (d + 1),) * 2)
for i in range(n):
    h += np.kron(np.diag(p[i]) - np.outer(p[i], p[i]), np.outer(zt[i], zt[i])) / n
answers["hessian"] = {"values": np.linalg.eigvalsh(h)[::-1][:5].tolist(), "trace": float(np.trace(h))}

with open(f"{out}/answers.json", "w") as f:
    json.dump(answers, f)
