"""Times torch and CuPy, whichever is there, on some of the problems that
measure_test.go times, and prints one JSON object. Argument: number of runs."""

import json
import sys
import time

runs = int(sys.argv[1])
result = {"versions": {}, "timings": []}


def measure(name, work, wait, amount=0.0, unit=""):
    try:
        work()
        wait()
        start = time.perf_counter()
        for _ in range(runs):
            work()
            wait()
        seconds = (time.perf_counter() - start) / runs
    except Exception as e:  # out of memory, or an operation that is missing
        result["timings"].append({"name": name, "error": str(e)[:200]})
        return
    t = {"name": name, "runs": runs, "seconds": seconds}
    if amount:
        t["metrics"] = {unit: amount / 1e9 / seconds}
    result["timings"].append(t)


def muon(x):
    x = x / x.norm()
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def with_torch(torch):
    wait = torch.cuda.synchronize
    torch.backends.cuda.matmul.allow_tf32 = False
    for name, dtype, size in [("f32", torch.float32, 4), ("f64", torch.float64, 8)]:
        x = torch.randn(16384, 16384, dtype=dtype, device="cuda")
        y = torch.empty_like(x)
        count = x.numel() * size
        measure(f"torch Copy/{name}", lambda: y.copy_(x), wait, 2 * count, "GB/s")
        measure(f"torch Map/{name}", lambda: torch.exp(x, out=y), wait, 2 * count, "GB/s")
        measure(f"torch Sum/{name}/rows", lambda: x.sum(1), wait, count, "GB/s")
        measure(f"torch Sum/{name}/cols", lambda: x.sum(0), wait, count, "GB/s")
        measure(f"torch SoftMin/{name}/rows", lambda: torch.logsumexp(x, 1), wait, count, "GB/s")
        del x, y
        for n in (1024, 4096, 8192):
            x = torch.randn(n, n, dtype=dtype, device="cuda")
            measure(f"torch Gemm/{name}/n={n}", lambda: x @ x, wait, 2 * n**3, "GFLOP/s")
        for n in (1024, 2048, 4096):
            host = torch.randn(n, n, dtype=dtype)
            measure(f"torch Polar/muon/n={n}/{name}", lambda: muon(host.cuda()).cpu(), wait)
    for m, n in ((512, 512), (1024, 1024), (2048, 2048), (4096, 4096), (10000, 500)):
        host = torch.randn(m, n, dtype=torch.float64)
        measure(f"torch SVD/m={m}/n={n}/rank=0",
                lambda: [z.cpu() for z in torch.linalg.svd(host.cuda(), full_matrices=False)], wait)
    host = torch.randn(8192, 8192, dtype=torch.float64)
    measure("torch SVD/m=8192/n=8192/rank=50",
            lambda: [z.cpu() for z in torch.svd_lowrank(host.cuda(), q=60, niter=3)], wait)


def with_torch_targets(torch, device, wait, small=False):
    """The problems of targets_test.go. small is for a trial without a GPU."""
    size = (lambda n, s: s) if small else (lambda n, s: n)

    def normal(*shape, dtype=torch.float32):
        return torch.randn(*shape, dtype=dtype, device=device)

    n = size(8192, 64)
    for name, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16), ("exact", torch.float32)):
        if small and name == "fp16":
            continue  # CPUs lack it
        x = normal(n, n).to(dtype)
        measure(f"torch Targets/NewtonSchulz/{name}/n={n}", lambda: muon(x), wait, 5 * 3 * 2 * n**3, "GFLOP/s")

    n, rank, k = size(16384, 96), size(256, 24), size(128, 8)
    for name, dtype in (("f32", torch.float32), ("f64", torch.float64)):
        values = 1 / torch.arange(1, rank + 1, dtype=dtype, device=device)
        u, v = (torch.linalg.qr(normal(n, rank, dtype=dtype))[0] for _ in range(2))
        a = (u * values) @ v.T
        errors = []

        def lowrank():
            s = torch.svd_lowrank(a, q=k + 10, niter=2)[1][:k]
            errors.append(float((s - values[:k]).abs().max()))

        measure(f"torch Targets/Randomized/{name}/n={n}/k={k}", lowrank, wait)
        if errors:
            result["timings"][-1].setdefault("metrics", {})["error-1e-9"] = 1e9 * max(errors)
        del a

    n = size(4096, 40)
    a = normal(n, n, dtype=torch.float64)
    measure(f"torch Targets/SVD/n={n}", lambda: torch.linalg.svd(a, full_matrices=False), wait)

    # As GeomLoss does it without KeOps, in strips of rows that fit into memory.
    n, d = size(50000, 80), 64
    x, y = normal(n, d), normal(n, d)
    eps = d / 10

    def half(x, y, g):
        strips = []
        for part in x.split(4096):
            c = (part * part).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * part @ y.T
            strips.append(-eps * torch.logsumexp((g - c) / eps, 1))
        return torch.cat(strips)

    def ten():
        g = torch.zeros(n, device=device)
        for _ in range(10):
            f = half(x, y, g)
            g = half(y, x, f)

    measure(f"torch Targets/Clouds/n={n}/d={d}", ten, wait, 20 * 2 * d * n**2, "GFLOP/s")

    # Products of the Hessian by double backpropagation, one direction at a time.
    sizes = [size(784, 12), size(512, 9), size(512, 7), 10]
    n = size(4096, 20)
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(i, o, device=device), torch.nn.Tanh()]
    net = torch.nn.Sequential(*layers[:-1])
    data, labels = normal(n, sizes[0]), torch.randint(0, 10, (n,), device=device)
    weights = list(net.parameters())

    def products(k):
        loss = torch.nn.functional.cross_entropy(net(data), labels)
        gradients = torch.autograd.grad(loss, weights, create_graph=True)
        for _ in range(k):
            v = [torch.ones_like(w) for w in weights]
            torch.autograd.grad(gradients, weights, v, retain_graph=True)

    for k in (1, 16, size(64, 3)):
        measure(f"torch Targets/Hessian/k={k}", lambda: products(k), wait)


def with_cupy(cupy):
    import numpy

    wait = cupy.cuda.Device().synchronize
    for m, n in ((512, 512), (1024, 1024), (2048, 2048), (4096, 4096), (10000, 500)):
        host = numpy.random.default_rng(1).standard_normal((m, n))
        measure(f"cupy SVD/m={m}/n={n}/rank=0",
                lambda: [z.get() for z in cupy.linalg.svd(cupy.asarray(host), full_matrices=False)], wait)


try:
    import torch

    result["versions"]["torch"] = torch.__version__
    if torch.cuda.is_available():
        with_torch_targets(torch, "cuda", torch.cuda.synchronize)
        with_torch(torch)
    elif sys.argv[2:] == ["--trial"]:
        with_torch_targets(torch, "cpu", lambda: None, small=True)
    else:
        result["versions"]["torch"] += " without a GPU"
except ImportError:
    pass
try:
    import cupy

    result["versions"]["cupy"] = cupy.__version__
    with_cupy(cupy)
except Exception as e:  # CuPy fails in many ways where its libraries are missing
    if not isinstance(e, ImportError):
        result["versions"]["cupy"] = str(e)[:200]
if not result["versions"]:
    sys.exit("neither torch nor CuPy is installed")
json.dump(result, sys.stdout)
