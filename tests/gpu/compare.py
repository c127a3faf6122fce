"""Times torch and CuPy, whichever is there, on some of the problems that
measure_test.go and targets_test.go time, and prints a JSON object on a line of its
own for each version and each measurement as it is made. Arguments: number of runs;
"targets" or "rest", or "trial" for the targets on small matrices without a GPU."""

import json
import sys
import time

runs, part = int(sys.argv[1]), sys.argv[2]


def say(o):
    print(json.dumps(o), flush=True)


def measure(name, work, wait, amount=0.0, unit="", metrics=dict):
    """metrics is asked for more of them after the runs."""
    try:
        work()
        wait()
        start = time.perf_counter()
        for _ in range(runs):
            work()
            wait()
        seconds = (time.perf_counter() - start) / runs
    except Exception as e:  # out of memory, or an operation that is missing
        say({"name": name, "error": str(e)[:200]})
        return
    t = {"name": name, "runs": runs, "seconds": seconds, "metrics": metrics()}
    if amount:
        t["metrics"][unit] = amount / 1e9 / seconds
    say(t)


def attempt(f, *arguments):
    """Calls f; what it cannot allocate beforehand costs it alone."""
    try:
        f(*arguments)
    except Exception as e:
        say({"name": "torch " + f.__name__, "error": str(e)[:200]})


def fitting(memory, n, size):
    """As in measure_test.go."""
    while n > 64 and 5 * size * n * n > 3 * memory:
        n //= 2
    return n


def muon(x):
    x = x / x.norm()
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


def with_torch(torch):
    wait = torch.cuda.synchronize
    memory = torch.cuda.get_device_properties(0).total_memory
    for name, dtype, size in [("f32", torch.float32, 4), ("f64", torch.float64, 8)]:
        attempt(passes, torch, wait, memory, name, dtype, size)
        for n in (1024, 4096, 8192):
            n = fitting(memory, n, 3 * size)
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


def passes(torch, wait, memory, name, dtype, size):
    n = fitting(memory, 16384, 2 * size)
    x = torch.randn(n, n, dtype=dtype, device="cuda")
    y = torch.empty_like(x)
    count = x.numel() * size
    measure(f"torch Copy/{name}", lambda: y.copy_(x), wait, 2 * count, "GB/s")
    measure(f"torch Map/{name}", lambda: torch.exp(x, out=y), wait, 2 * count, "GB/s")
    measure(f"torch Sum/{name}/rows", lambda: x.sum(1), wait, count, "GB/s")
    measure(f"torch Sum/{name}/cols", lambda: x.sum(0), wait, count, "GB/s")
    measure(f"torch SoftMin/{name}/rows", lambda: torch.logsumexp(x, 1), wait, count, "GB/s")


class Targets:
    """The problems of targets_test.go, in the order of their importance. small is
    for a trial without a GPU."""

    def __init__(self, torch, device, wait, memory, small):
        self.torch, self.device, self.wait, self.memory, self.small = torch, device, wait, memory, small

    def run(self):
        for f in (self.newton_schulz, self.clouds, self.svd, self.randomized, self.hessian):
            attempt(f)

    def size(self, n, small):
        return small if self.small else n

    def side(self, n, small, size):
        return small if self.small else fitting(self.memory, n, size)

    def normal(self, *shape, dtype=None):
        return self.torch.randn(*shape, dtype=dtype or self.torch.float32, device=self.device)

    def newton_schulz(self):
        n = self.side(8192, 64, 6 * 4)
        for name, dtype in (("bf16", self.torch.bfloat16), ("fp16", self.torch.float16), ("exact", self.torch.float32)):
            if self.small and name == "fp16":
                continue  # CPUs lack it
            x = self.normal(n, n).to(dtype)
            measure(f"torch Targets/NewtonSchulz/{name}/n={n}", lambda: muon(x), self.wait, 5 * 3 * 2 * n**3, "GFLOP/s")

    def clouds(self):
        """As GeomLoss does it without KeOps, in strips of rows that fit into memory."""
        torch = self.torch
        n, d = self.size(50000, 80), 64
        x, y = self.normal(n, d), self.normal(n, d)
        eps = d / 10

        def half(x, y, g):
            strips = []
            for part in x.split(4096):
                c = (part * part).sum(1)[:, None] + (y * y).sum(1)[None, :] - 2 * part @ y.T
                strips.append(-eps * torch.logsumexp((g - c) / eps, 1))
            return torch.cat(strips)

        def ten():
            g = torch.zeros(n, device=self.device)
            for _ in range(10):
                f = half(x, y, g)
                g = half(y, x, f)

        measure(f"torch Targets/Clouds/n={n}/d={d}", ten, self.wait, 20 * 2 * d * n**2, "GFLOP/s")

    def svd(self):
        n = self.side(4096, 40, 12 * 8)
        a = self.normal(n, n, dtype=self.torch.float64)
        measure(f"torch Targets/SVD/n={n}", lambda: self.torch.linalg.svd(a, full_matrices=False), self.wait)

    def randomized(self):
        torch = self.torch
        for name, dtype, bytes in (("f32", torch.float32, 4), ("f64", torch.float64, 8)):
            n, rank, k = self.side(16384, 96, 2 * bytes), self.size(256, 24), self.size(128, 8)
            values = 1 / torch.arange(1, rank + 1, dtype=dtype, device=self.device)
            u, v = (torch.linalg.qr(self.normal(n, rank, dtype=dtype))[0] for _ in range(2))
            a = (u * values) @ v.T
            errors = []

            def lowrank():
                s = torch.svd_lowrank(a, q=k + 10, niter=2)[1][:k]
                errors.append(float((s - values[:k]).abs().max()))

            measure(f"torch Targets/Randomized/{name}/n={n}/k={k}", lowrank, self.wait,
                    metrics=lambda: {"error-1e-9": 1e9 * max(errors)})
            del a

    def hessian(self):
        """By double backpropagation, one direction at a time."""
        torch = self.torch
        sizes = [self.size(784, 12), self.size(512, 9), self.size(512, 7), 10]
        n = self.size(4096, 20)
        layers = []
        for i, o in zip(sizes, sizes[1:]):
            layers += [torch.nn.Linear(i, o, device=self.device), torch.nn.Tanh()]
        net = torch.nn.Sequential(*layers[:-1])
        data, labels = self.normal(n, sizes[0]), torch.randint(0, 10, (n,), device=self.device)
        weights = list(net.parameters())

        def products(k):
            loss = torch.nn.functional.cross_entropy(net(data), labels)
            gradients = torch.autograd.grad(loss, weights, create_graph=True)
            for _ in range(k):
                v = [torch.ones_like(w) for w in weights]
                torch.autograd.grad(gradients, weights, v, retain_graph=True)

        for k in (1, 16, self.size(64, 3)):
            measure(f"torch Targets/Hessian/k={k}", lambda: products(k), self.wait)


def with_cupy(cupy):
    import numpy

    wait = cupy.cuda.Device().synchronize
    for m, n in ((512, 512), (1024, 1024), (2048, 2048), (4096, 4096), (10000, 500)):
        host = numpy.random.default_rng(1).standard_normal((m, n))
        measure(f"cupy SVD/m={m}/n={n}/rank=0",
                lambda: [z.get() for z in cupy.linalg.svd(cupy.asarray(host), full_matrices=False)], wait)


found = False
try:
    import torch

    found = True
    version = torch.__version__
    if part == "trial":
        Targets(torch, "cpu", lambda: None, 0, True).run()
    elif not torch.cuda.is_available():
        version += " without a GPU"
    else:
        torch.backends.cuda.matmul.allow_tf32 = False
        if part == "targets":
            Targets(torch, "cuda", torch.cuda.synchronize, torch.cuda.get_device_properties(0).total_memory, False).run()
        else:
            with_torch(torch)
    say({"versions": {"torch": version}})
except Exception as e:  # torch fails in many ways where its libraries are missing
    if found or not isinstance(e, ModuleNotFoundError):
        say({"versions": {"torch": str(e)[:200]}})
try:
    import cupy

    found = True
    say({"versions": {"cupy": cupy.__version__}})
    if part == "rest":
        with_cupy(cupy)
except Exception as e:
    if not isinstance(e, ModuleNotFoundError):
        say({"versions": {"cupy": str(e)[:200]}})
if not found:
    sys.exit("neither torch nor CuPy is installed")
