#!/usr/bin/python3
"""Writes golden.npz: weights after each of three steps on fixed gradients.

AdamW and SGD are PyTorch's own (torch.optim), in float32 and in float64. The
other optimizers are computed in float64 from the formulas of their papers with
NumPy: Muon's orthogonalization by explicit Newton-Schulz steps.

Needs NumPy and PyTorch (made with 1.24 and 1.13).
"""
import numpy as np
import torch

STEPS = 3
random = np.random.default_rng(20240)
W = random.standard_normal((6, 4)).astype(np.float32)
G = random.standard_normal((STEPS, 6, 4)).astype(np.float32)
BASIS = np.linalg.qr(random.standard_normal((4, 2)))[0]
out = {"weights": W, "gradients": G, "basis": BASIS}


def by_torch(name, optimizer, **options):
    for dtype in (torch.float32, torch.float64):
        w = torch.nn.Parameter(torch.tensor(W, dtype=dtype))
        o = optimizer([w], **options)
        path = []
        for g in G:
            w.grad = torch.tensor(g, dtype=dtype)
            o.step()
            path.append(w.detach().numpy().copy())
        out[f"{name}-{8 * w.element_size()}"] = np.stack(path)


by_torch("adamw", torch.optim.AdamW, lr=1e-2, weight_decay=0.1)
by_torch("adamw-betas", torch.optim.AdamW, lr=8e-3, betas=(0.8, 0.95), eps=1e-10, weight_decay=0)
by_torch("sgd", torch.optim.SGD, lr=0.1, weight_decay=0.05)
by_torch("sgd-momentum", torch.optim.SGD, lr=0.1, momentum=0.9)
by_torch("sgd-nesterov", torch.optim.SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.05)
by_torch("sgd-dampening", torch.optim.SGD, lr=0.1, momentum=0.9, dampening=0.5, weight_decay=0.05)


def newton_schulz(x, steps):
    """Muon's steps on x divided by its Frobenius norm."""
    wide = x if x.shape[0] <= x.shape[1] else x.T
    wide = wide / np.linalg.norm(wide)
    for _ in range(steps):
        a = wide @ wide.T
        wide = 3.4445 * wide + (-4.7750 * a + 2.0315 * a @ a) @ wide
    return wide if x.shape[0] <= x.shape[1] else wide.T


def run(name, step, transposed=False):
    """Weights after each step; step(w, g, state) returns the new weights."""
    w, path, state = W.astype(np.float64), [], {}
    w = w.T if transposed else w
    for g in G.astype(np.float64):
        w = step(w, g.T if transposed else g, state)
        path.append(w)
    out[name] = np.stack(path)


def average(g, state, beta):
    state["m"] = beta * state.get("m", 0) + (1 - beta) * g
    return state["m"]


def muon(lr=0.05, decay=0.0, nesterov=True, scale=lambda m, n: max(1, m / n) ** 0.5, heads=1, rows=False):
    def step(w, g, state):
        m = average(g, state, 0.95)
        n = 0.05 * g + 0.95 * m if nesterov else m
        parts = []
        for i, x in enumerate(np.split(n, heads)):
            y = newton_schulz(x, 5)
            if rows:
                v = 0.9 * state.get(("v", i), 0) + 0.1 * (y * y).mean(axis=1, keepdims=True)
                state["v", i] = v
                z = y / (np.sqrt(v) + 1e-8)
                y = z * np.linalg.norm(y) / np.linalg.norm(z)
            parts.append(scale(*x.shape) * y)
        return (1 - lr * decay) * w - lr * np.concatenate(parts)

    return step


run("muon", muon(decay=0.1))
run("muon-wide", muon(decay=0.1), transposed=True)
run("muon-heavy", muon(nesterov=False))
run("muon-match-adamw", muon(scale=lambda m, n: 0.2 * max(m, n) ** 0.5))
run("muon-spectral", muon(scale=lambda m, n: (m / n) ** 0.5), transposed=True)
run("muon-heads", muon(heads=3))
run("normuon", muon(rows=True, decay=0.1))


def dion(lr=0.05, mu=0.9, decay=0.1):
    def step(w, g, state):
        b = state.get("m", 0) + g
        q = state.get("q", BASIS)
        p = np.linalg.qr(b @ q)[0]
        r = b.T @ p
        state["m"] = b - (1 - mu) * p @ r.T
        state["q"] = r / np.linalg.norm(r, axis=0)
        return (1 - lr * decay) * w - lr * (w.shape[0] / w.shape[1]) ** 0.5 * p @ state["q"].T

    return step


run("dion", dion())


def auon(lr=0.05, decay=0.1, gamma=1.0, code=False, steps=0):
    def step(w, g, state):
        m = average(g, state, 0.95)
        q = 0.05 * g + 0.95 * m
        x = newton_schulz(q, steps) if steps else q / (np.linalg.norm(q) + 1e-7)
        z = x / (np.linalg.norm(x) + 1e-7) if code and steps else x
        r = np.sqrt(np.mean(np.cosh(gamma * z) ** 2))
        u = (q if code and not steps else x) / (r + 1e-8)
        return (1 - lr * decay) * w - lr * u

    return step


run("auon", auon())
run("auon-code", auon(gamma=1.5, code=True))
run("hybrid", auon(steps=1))
run("hybrid-code", auon(gamma=1.5, code=True, steps=5))

np.savez_compressed("golden.npz", **out)
