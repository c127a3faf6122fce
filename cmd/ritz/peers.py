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


def double_backward(layers, x, y):
    """The parameters of a tanh network and its Hessian-vector product: the
    gradient is computed once, with its graph, and differentiated for each
    product."""
    with torch.enable_grad():
        params = [torch.tensor(a, requires_grad=True) for a in layers]
        h = torch.tensor(x)
        for l in range(0, len(params), 2):
            h = torch.nn.functional.linear(h, params[l], params[l + 1])
            if l + 2 < len(params):
                h = torch.tanh(h)
        loss = torch.nn.functional.cross_entropy(h, torch.tensor(y))
        grads = torch.autograd.grad(loss, params, create_graph=True)
    return params, lambda v: torch.autograd.grad(grads, params, grad_outputs=v, retain_graph=True)


def stored_network(path):
    f = np.load(path)
    layers = []
    while f"W{len(layers) // 2 + 1}" in f:
        n = len(layers) // 2 + 1
        layers += [f[f"W{n}"], f[f"b{n}"]]
    return double_backward(layers, f["X"], f["y"].astype("i8"))


def random_network(sizes, samples):
    layers = []
    for m, n in zip(sizes, sizes[1:]):
        layers += [(rng.standard_normal((n, m)) / m ** 0.5).astype("f4"), np.zeros(n, "f4")]
    x = rng.standard_normal((samples, sizes[0])).astype("f4")
    return double_backward(layers, x, np.arange(samples) % sizes[-1])


def inner(a, b):
    return sum(float((x * y).sum()) for x, y in zip(a, b))


def scaled(a, s):
    return [x * s for x in a]


def cleared(v, basis):
    """v without its parts along basis, one after the other, of unit length."""
    for b in basis:
        s = inner(v, b)
        v = [x - s * y for x, y in zip(v, b)]
    return scaled(v, 1 / (inner(v, v) ** 0.5 + 1e-6))


def power_iteration(params, product, count, most=100, tol=1e-3):
    """Eigenvalues one after the other, as PyHessian finds them."""
    values, vectors = [], []
    for _ in range(count):
        v = [torch.randn_like(p) for p in params]
        last = None
        for _ in range(most):
            v = cleared(v, vectors)
            w = product(v)
            value = inner(w, v)
            v = scaled(w, 1 / (inner(w, w) ** 0.5 + 1e-6))
            if last is not None and abs(last - value) / (abs(last) + 1e-6) < tol:
                break
            last = value
        values.append(value)
        vectors.append(v)
    return values


def lanczos_quadrature(params, product, probes, steps):
    """Nodes and weights of each probe by Lanczos steps with orthogonalization
    against all vectors before, one probe after the other, as PyHessian does."""
    nodes, weights = [], []
    for _ in range(probes):
        v = [torch.randint_like(p, 0, 2) * 2 - 1 for p in params]
        v = scaled(v, 1 / inner(v, v) ** 0.5)
        basis, alpha, beta, w = [v], [], [], None
        for i in range(steps):
            if i > 0:
                beta.append(inner(w, w) ** 0.5)
                v = cleared(w, basis)
                basis.append(v)
            u = product(v)
            alpha.append(inner(u, v))
            w = [x - alpha[-1] * y for x, y in zip(u, v)]
            if i > 0:
                w = [x - beta[-1] * y for x, y in zip(w, basis[-2])]
        theta, s = np.linalg.eigh(np.diag(alpha) + np.diag(beta, 1) + np.diag(beta, -1))
        nodes.append(theta)
        weights.append(s[0] ** 2)
    return nodes, weights


def curvature(name, rest):
    """Products with Hessians and what is computed from them."""
    torch.set_num_threads(int(rest[-1]))
    if name == "hv":
        def make():
            params, product = random_network([int(s) for s in rest[0].split(",")], int(rest[1]))
            return product, [[torch.randn_like(p) for p in params] for _ in range(int(rest[2]))]
        product, directions = keep(("hv", *rest), make)
        return lambda: [product(v) for v in directions]
    params, product = keep(("network", rest[0]), lambda: stored_network(rest[0]))
    if name == "slq":
        return lambda: lanczos_quadrature(params, product, int(rest[1]), int(rest[2]))
    return lambda: power_iteration(params, product, int(rest[1]))


def loop(count, n, eps, tol):
    """One problem after the other, to the threshold that the first 50 need."""
    def make():
        x = rng.random((count, n, 2))
        y = rng.random((count, n, 2))
        cs = ((x[:, :, None] - y[:, None]) ** 2).sum(3)
        return cs / cs.max((1, 2), keepdims=True)
    cs = keep(("loop", count, n), make)
    w = np.full(n, 1 / n)
    key = ("loop", n, eps, tol)
    if key not in thresholds:
        thresholds[key] = min(threshold(lambda t: ot.sinkhorn(w, w, c, eps, stopThr=t, numItermax=100000), n, tol)
                              for c in cs[:50])
    t = thresholds[key]

    def run():
        for c in cs:
            ot.sinkhorn(w, w, c, eps, stopThr=t, numItermax=100000)
    return run


def statement(words):
    name, rest = words[0], words[1:]
    if name in ("hv", "slq", "power"):
        return curvature(name, rest)
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
    if name == "eigvalsh":
        a = symmetric(int(rest[0]))
        return lambda: np.linalg.eigvalsh(a)
    if name == "eigh10":
        a = symmetric(int(rest[0]))
        return lambda: scipy.linalg.eigh(a, subset_by_index=[0, 9])
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
    if name == "eighbatch":
        count, n = int(rest[0]), int(rest[1])
        a = normal(count, n * n, rest[2]).reshape(count, n, n)
        return lambda: np.linalg.eigh(a)
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
    if name == "emd":
        n = int(rest[0])
        c, w = unit_square(n), np.full(n, 1 / n)
        return lambda: ot.emd(w, w, c, numItermax=10**7)
    if name == "sinkhornloop":
        return loop(int(rest[0]), int(rest[1]), float(rest[2]), float(rest[3]))
    n, eps, tol = int(rest[0]), float(rest[1]), float(rest[2])
    c = unit_square(n)
    w = np.full(n, 1 / n)
    if name == "unbalanced":
        return lambda: ot.unbalanced.sinkhorn_unbalanced(w, w, c, eps, 1, stopThr=tol, numItermax=100000)
    if name == "partial":
        return lambda: ot.partial.entropic_partial_wasserstein(w, w, c, eps, m=0.5, stopThr=tol, numItermax=100000)
    if name == "divergence":
        x, y = keep(("clouds", n), lambda: (rng.random((n, 2)), rng.random((n, 2))))
        return lambda: ot.bregman.empirical_sinkhorn_divergence(x, y, eps, stopThr=tol, numIterMax=100000)
    if name == "barycenter":
        a = rng.random((n, 4))
        a /= a.sum(0)
        return lambda: ot.bregman.barycenter(a, c, eps, stopThr=1e-4, numItermax=10000)
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
