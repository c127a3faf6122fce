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
        with_torch(torch)
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
