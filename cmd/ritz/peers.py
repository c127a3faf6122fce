"""Times NumPy, SciPy and POT on the problems of `ritz bench --peers`.

Reads one statement a line, answers the seconds it took. Problems are made once
and kept; they are of the same kind as Ritz's own, not the same numbers.
"""
import sys
import time
import warnings

import numpy as np
import ot
import scipy
import scipy.linalg
import scipy.sparse.linalg

try:
    import sklearn
    from sklearn.utils.extmath import randomized_svd
except ImportError:
    sklearn = None

try:
    import torch
    torch.set_grad_enabled(False)
except ImportError:
    torch = None

warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
kept = {}


def keep(key, make):
    if key not in kept:
        kept.clear()
        kept[key] = make()
    return kept[key]


def normal(m, n, dtype="f8"):
    return keep(("normal", m, n, dtype), lambda: rng.standard_normal((m, n)).astype(dtype))


def decaying(m, n):
    return keep(("decaying", m, n), lambda: rng.standard_normal((m, n)) / np.arange(1, n + 1))


def symmetric(n):
    def make():
        a = rng.standard_normal((n, n))
        a = np.triu(a) + np.triu(a, 1).T
        return a + np.diag(n / np.arange(1.0, n + 1))
    return keep(("symmetric", n), make)


def conditioned(n, kappa):
    def make():
        u, v = (np.linalg.qr(rng.standard_normal((n, n)))[0] for _ in "uv")
        return u * np.logspace(0, -np.log10(kappa), n) @ v
    return keep(("conditioned", n, kappa), make)


def decays(n, name):
    i = np.arange(n)
    if name.startswith("condition-"):
        return float(name[len("condition-"):]) ** (-i / (n - 1))
    return {
        "all-equal": lambda: np.ones(n),
        "1/i": lambda: 1 / (i + 1),
        "clustered": lambda: 10.0 ** -np.floor(8 * i / n),
        "low-rank": lambda: np.where(10 * i >= n, 0, 1 / (i + 1)),
    }[name]()


def decay(n, name):
    def make():
        a = rng.standard_normal((n, n))
        if name == "gaussian":
            return a
        u, v = np.linalg.qr(a)[0], np.linalg.qr(rng.standard_normal((n, n)))[0]
        return u * decays(n, name) @ v
    return keep(("decay", n, name), make)


def unit_square(n):
    def make():
        x, y = rng.random((n, 2)), rng.random((n, 2))
        c = ot.dist(x, y)
        return c / c.max()
    return keep(("square", n), make)


def muon(g):
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g / (np.linalg.norm(g) + 1e-7)
    for _ in range(5):
        m = x @ x.T
        x = a * x + (b * m + c * m @ m) @ x
    return x


def zeropower(g, dtype):
    """Five steps of Newton and Schulz, as the Muon optimizer's own program."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = g.to(dtype)
    x = x / (x.norm() + 1e-7)
    if g.size(0) > g.size(1):
        x = x.T
    for _ in range(5):
        m = x @ x.T
        x = a * x + (b * m + c * m @ m) @ x
    return x.T if g.size(0) > g.size(1) else x


def l1(p, n):
    return abs(p.sum(1) - 1 / n).sum() + abs(p.sum(0) - 1 / n).sum()


def threshold(solve, n, tol):
    """The largest stopping threshold of POT, whose error is the 2-norm of one
    marginal, that gives the wanted L1 error of both."""
    t = tol
    while t > 1e-15 and l1(solve(t), n) > tol:
        t /= 3
    return t


def statement(words):
    name, rest = words[0], words[1:]
    if name == "svd":
        a = normal(int(rest[0]), int(rest[1]), rest[2])
        return lambda: np.linalg.svd(a, full_matrices=False)
    if name == "svdvalues":
        a = normal(int(rest[0]), int(rest[1]), rest[2])
        return lambda: np.linalg.svd(a, compute_uv=False)
    if name == "svddecay":
        a = decay(int(rest[0]), rest[1])
        return lambda: np.linalg.svd(a)
    if name == "scipysvd":
        a = normal(int(rest[0]), int(rest[1]), rest[2])
        return lambda: scipy.linalg.svd(a, full_matrices=False)
    if name == "eigh":
        a = symmetric(int(rest[0]))
        return lambda: np.linalg.eigh(a)
    if name == "rsvd":
        a = decaying(int(rest[0]), int(rest[1]))
        return lambda: randomized_svd(a, int(rest[2]), random_state=0)
    if name == "svdbatch":
        count, n = int(rest[0]), int(rest[1])
        a = normal(count, n * n, rest[2]).reshape(count, n, n)
        return lambda: np.linalg.svd(a)
    if name == "svds":
        a = decaying(int(rest[0]), int(rest[1]))
        return lambda: scipy.sparse.linalg.svds(a, k=int(rest[2]))
    if name == "muon":
        a = normal(int(rest[0]), int(rest[1]), rest[2])
        return lambda: muon(a)
    if name == "zeropower":
        m, n = int(rest[0]), int(rest[1])
        g = keep(("torch", m, n), lambda: torch.randn(m, n))
        return lambda: zeropower(g, getattr(torch, rest[2]))
    if name == "zeropowers":
        count, m, n = map(int, rest)
        gs = keep(("torch", count, m, n), lambda: [torch.randn(m, n) for _ in range(count)])
        return lambda: [zeropower(g, torch.float32) for g in gs]
    if name == "conditioned":
        a = conditioned(int(rest[0]), float(rest[1]))
        return lambda: scipy.linalg.polar(a)
    if name == "polar":
        a = normal(int(rest[0]), int(rest[1]))
        return lambda: scipy.linalg.polar(a)
    if name == "eigsh":
        a = symmetric(int(rest[0]))
        return lambda: scipy.sparse.linalg.eigsh(a, k=int(rest[1]), which="LA", tol=1e-8)
    n, eps, tol = int(rest[0]), float(rest[1]), float(rest[2])
    c = unit_square(n)
    w = np.full(n, 1 / n)
    method = "sinkhorn_log" if name == "sinkhorn_log" else "sinkhorn"

    def solve(t):
        return ot.sinkhorn(w, w, c, eps, method=method, stopThr=t, numItermax=100000)

    key = ("threshold", name, n, eps, tol)
    if key not in thresholds:
        # The log solver stops at the same iterate as the plain one.
        plain = lambda t: ot.sinkhorn(w, w, c, eps, stopThr=t, numItermax=100000)
        thresholds[key] = threshold(plain, n, tol)
    t = thresholds[key]
    return lambda: solve(t)


thresholds = {}
print(f"numpy {np.__version__}, scipy {scipy.__version__}, POT {ot.__version__}"
      + (f", scikit-learn {sklearn.__version__}" if sklearn else "")
      + (f", torch {torch.__version__}" if torch else ""), flush=True)
for line in sys.stdin:
    try:
        f = statement(line.split())
        start = time.perf_counter()
        f()
        print(time.perf_counter() - start, flush=True)
    except Exception as e:
        print("failed:", repr(e), flush=True)
