#!/usr/bin/python3
"""Writes golden.json: values of other implementations for points that the
tests make by the same generator.

Plans of low rank are computed by the algorithm of Scetbon, Cuturi and Peyré
(2021) in its plain form: fixed relative step sizes, Dykstra's projections,
random starts. Gromov-Wasserstein plans are POT's (from the product coupling);
the fused ones are computed by the same iteration with POT's gradient and
Sinkhorn solver, which POT 0.8 does not combine itself.

Needs NumPy and POT (made with 1.24 and 0.8.2).
"""
import json

import numpy as np
import ot


def lcg(seed, n):
    v = np.empty(n)
    for i in range(n):
        seed = (1664525 * seed + 1013904223) % 2**32
        v[i] = seed / 2**32
    return v


def square(seed, n):
    u = lcg(seed, 4 * n)
    return u[: 2 * n].reshape(n, 2), u[2 * n :].reshape(n, 2)


def rising(n):
    return 2 * np.arange(1, n + 1) / (n * (n + 1))


def dykstra(k1, k2, k3, a, b):
    r = len(k3)
    v1, v2, q1, q2, q3a, q3b = (np.ones(r) for _ in range(6))
    g = k3.copy()
    for _ in range(500):
        u1, u2 = a / (k1 @ v1), b / (k2 @ v2)
        last, g = g, np.maximum(1e-10, g * q3a)
        q3a = last * q3a / g
        last, s1, s2 = g, k1.T @ u1, k2.T @ u2
        g = (last * q3b * v1 * q1 * s1 * v2 * q2 * s2) ** (1 / 3)
        old1, old2, v1, v2 = v1, v2, g / s1, g / s2
        q1, q2, q3b = old1 * q1 / v1, old2 * q2 / v2, last * q3b / g
        if np.abs(u1 * (k1 @ v1) - a).sum() + np.abs(u2 * (k2 @ v2) - b).sum() < 1e-8:
            break
    return u1[:, None] * k1 * v1, u2[:, None] * k2 * v2, g


def low_rank(c, a, b, r, seed):
    rng = np.random.default_rng(seed)
    q = rng.random((len(a), r)) + 0.1
    p = rng.random((len(b), r)) + 0.1
    q, p, g = dykstra(q * a[:, None], p * b[:, None], np.full(r, 1 / r), a, b)
    for _ in range(150):
        dq, dp = c @ p / g, c.T @ q / g
        dg = -np.einsum("ik,ik->k", q, c @ p) / g**2
        step = 10 / max(np.abs(d).max() for d in (dq, dp, dg))
        q, p, g = dykstra(q * np.exp(-step * dq), p * np.exp(-step * dp), g * np.exp(-step * dg), a, b)
    return float(np.sum((q / g) @ p.T * c))


def fused(m, c1, c2, a, b, alpha, eps):
    const, h1, h2 = ot.gromov.init_matrix(c1, c2, a, b, "square_loss")
    plan = np.outer(a, b)
    for _ in range(300):
        last = plan
        cost = (1 - alpha) * m + alpha * ot.gromov.gwggrad(const, h1, h2, plan)
        plan = ot.sinkhorn(a, b, cost, eps, method="sinkhorn_log", stopThr=1e-13, numItermax=20000)
        if np.abs(plan - last).sum() < 1e-12:
            break
    gw = ot.gromov.gwloss(const, h1, h2, plan)
    kl = float(np.sum(plan * np.log(plan / np.outer(a, b))))
    return {"linear": float((m * plan).sum()), "gw": float(gw), "kl": kl, "change": float(np.abs(plan - last).sum())}


out = {}
x, y = square(7, 120)
c, b = ot.dist(x, y), rising(120)
a = np.full(120, 1 / 120)
out["low_rank"] = {str(r): min(low_rank(c, a, b, r, s) for s in range(2)) for r in (2, 5, 12)}

n, m = 30, 36
x, y = lcg(3, 2 * n).reshape(n, 2), lcg(5, 3 * m).reshape(m, 3)
a, b = np.full(n, 1 / n), rising(m)
c1, c2 = ot.dist(x, x), ot.dist(y, y)
out["gromov"] = {}
for eps in (0.1, 0.05):
    out["gromov"][str(eps)] = fused(np.zeros((n, m)), c1, c2, a, b, 1.0, eps)
plan = ot.gromov.entropic_gromov_wasserstein(c1, c2, a, b, "square_loss", 0.1, max_iter=300, tol=1e-11)
const, h1, h2 = ot.gromov.init_matrix(c1, c2, a, b, "square_loss")
out["gromov"]["pot 0.1"] = float(ot.gromov.gwloss(const, h1, h2, plan))
linear = ot.dist(x, y[:, :2])
out["fused"] = {str(alpha): fused(linear, c1, c2, a, b, alpha, 0.05) for alpha in (0.25, 0.5, 0.9)}
with open("golden.json", "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
