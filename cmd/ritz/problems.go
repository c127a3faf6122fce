package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/goapi/svd"
)

// The problems of ritz bench. Those of the peers are made by peers.py, of the
// same kind but not with the same numbers, or read from files in folder.

func measurements(ctx context.Context, dev device.Device, folder string) []measurement {
	curvature := func(ctx context.Context, dev device.Device) []measurement { return hessianProblems(ctx, dev, folder) }
	var list []measurement
	for _, of := range []func(context.Context, device.Device) []measurement{
		svdProblems, gonumProblems, eigenvalueProblems, truncatedProblems, batchProblems, polarProblems, spectrumProblems, curvature, sinkhornProblems,
	} {
		list = append(list, of(ctx, dev)...)
	}
	return list
}

func svdProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	for _, s := range [][2]int{{512, 512}, {1024, 1024}, {2048, 2048}, {10000, 200}, {10000, 500}, {20000, 1000}, {200000, 64}} {
		m, n := s[0], s[1]
		flops := 6 * float64(m) * float64(n) * float64(n)
		if m == n {
			flops = 22 * float64(n) * float64(n) * float64(n)
		}
		list = append(list, svdProblem[float64](ctx, dev, m, n, flops))
	}
	list = append(list, svdProblem[float32](ctx, dev, 1024, 1024, 0), svdProblem[float32](ctx, dev, 200000, 64, 0))
	for _, n := range []int{512, 1024, 2048} {
		list = append(list, valuesProblem[float64](ctx, dev, n))
	}
	return append(list, valuesProblem[float32](ctx, dev, 1024))
}

// eigenvalueProblems ask for eigenvalues without vectors and for the ten
// smallest with theirs.
func eigenvalueProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	for _, n := range []int{512, 1024, 2048} {
		a := lazily(func() device.Dense[float64] { return symmetric(5, n) })
		of := func(what string, o svd.EighOptions, peer, call string) {
			list = append(list, measurement{
				name: fmt.Sprintf("eigh %s n=%d", what, n),
				run: func() error {
					_, err := svd.Eigh(ctx, dev, a(), o)
					return err
				},
				peer: map[string]string{peer: fmt.Sprintf("%s %d", call, n)},
			})
		}
		of("values", svd.EighOptions{ValuesOnly: true}, "numpy.linalg.eigvalsh", "eigvalsh")
		of("lowest 10", svd.EighOptions{Last: 10}, "scipy.linalg.eigh", "eigh10")
	}
	return list
}

// valuesProblem asks for singular values without vectors.
func valuesProblem[T device.Float](ctx context.Context, dev device.Device, n int) measurement {
	a := lazily(func() device.Dense[T] { return normal[T](1, n, n) })
	return measurement{
		name: fmt.Sprintf("svd values %d×%d%s", n, n, suffix[T]()),
		run: func() error {
			_, err := svd.Compute(ctx, dev, a(), svd.Options{Vectors: svd.None})
			return err
		},
		peer: map[string]string{"numpy.linalg.svd": fmt.Sprintf("svdvalues %d %d %s", n, n, dtype[T]())},
	}
}

func svdProblem[T device.Float](ctx context.Context, dev device.Device, m, n int, flops float64) measurement {
	a := lazily(func() device.Dense[T] { return normal[T](1, m, n) })
	peer := map[string]string{"numpy.linalg.svd": fmt.Sprintf("svd %d %d %s", m, n, dtype[T]())}
	if suffix[T]() != "" { // NumPy computes in float64 all the same, SciPy does not
		peer["scipy.linalg.svd"] = fmt.Sprintf("scipysvd %d %d %s", m, n, dtype[T]())
	}
	return measurement{
		name: fmt.Sprintf("svd %d×%d%s", m, n, suffix[T]()), flops: flops,
		run: func() error {
			_, err := svd.Compute(ctx, dev, a(), svd.Options{})
			return err
		},
		peer: peer,
	}
}

func truncatedProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	for _, n := range []int{1000, 2000} {
		a := lazily(func() device.Dense[float64] { return decaying(3, 4*n, n) })
		list = append(list, measurement{
			name: fmt.Sprintf("svd %d×%d rank 50", 4*n, n),
			run: func() error {
				_, err := svd.Compute(ctx, dev, a(), svd.Options{Rank: 50, Method: svd.Randomized})
				return err
			},
			peer: map[string]string{
				"scipy svds":   fmt.Sprintf("svds %d %d 50", 4*n, n),
				"sklearn rsvd": fmt.Sprintf("rsvd %d %d 50", 4*n, n),
			},
		})
	}
	return list
}

func batchProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	for _, s := range [][2]int{{65536, 4}, {65536, 8}, {8192, 16}, {4096, 32}} {
		list = append(list, batchProblem[float32](ctx, dev, s[0], s[1]), batchProblem[float64](ctx, dev, s[0], s[1]))
	}
	for _, s := range [][2]int{{65536, 4}, {65536, 8}, {8192, 16}, {4096, 32}, {512, 64}, {128, 128}} {
		list = append(list, eighBatchProblem[float32](ctx, dev, s[0], s[1]), eighBatchProblem[float64](ctx, dev, s[0], s[1]))
	}
	return list
}

func eighBatchProblem[T device.Float](ctx context.Context, dev device.Device, count, n int) measurement {
	a := lazily(func() device.Dense[T] {
		a := normal[T](8, count, n*n)
		for b := range count {
			x := device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: a.Row(b)}
			for i := range n {
				for j := range i {
					x.Set(j, i, x.At(i, j))
				}
			}
		}
		return a
	})
	return measurement{
		name: fmt.Sprintf("eigh of %d %d×%d%s", count, n, n, suffix[T]()),
		run: func() error {
			_, err := svd.EighBatch(ctx, dev, a().Data, count, n, svd.EighBatchOptions{})
			return err
		},
		peer: map[string]string{"numpy.linalg.eigh": fmt.Sprintf("eighbatch %d %d %s", count, n, dtype[T]())},
	}
}

func batchProblem[T device.Float](ctx context.Context, dev device.Device, count, n int) measurement {
	a := lazily(func() device.Dense[T] { return normal[T](7, count, n*n) })
	return measurement{
		name: fmt.Sprintf("svd of %d %d×%d%s", count, n, n, suffix[T]()),
		run: func() error {
			_, err := svd.Batch(ctx, dev, a().Data, count, n, n, svd.BatchOptions{})
			return err
		},
		peer: map[string]string{"numpy.linalg.svd": fmt.Sprintf("svdbatch %d %d %s", count, n, dtype[T]())},
	}
}

func polarProblems(ctx context.Context, dev device.Device) []measurement {
	list := []measurement{
		muonProblem[float64](ctx, dev, 512, 1024, device.Exact),
		muonProblem[float64](ctx, dev, 1024, 2048, device.Exact),
		muonProblem[float64](ctx, dev, 2048, 2048, device.Exact),
		muonProblem[float32](ctx, dev, 2048, 2048, device.Exact),
	}
	for _, s := range [][2]int{{1024, 1024}, {1024, 4096}, {4096, 1024}} {
		for _, p := range []device.Precision{device.Exact, device.BF16} {
			list = append(list, muonProblem[float32](ctx, dev, s[0], s[1], p))
		}
	}
	for _, s := range [][2]int{{1024, 1024}, {1024, 4096}, {4096, 1024}} {
		list = append(list, muonErrorProblem(ctx, dev, s[0], s[1], polar.Options{}))
	}
	list = append(list, muonErrorProblem(ctx, dev, 1024, 1024, polar.Options{Method: polar.Express, Steps: 3, NoCertificate: true}))
	for _, n := range []int{512, 1024} {
		a := lazily(func() device.Dense[float64] { return normal[float64](4, n, 2*n) })
		list = append(list, polarProblem(ctx, dev, fmt.Sprintf("polar auto %d×%d", n, 2*n), polar.Options{}, a, fmt.Sprintf("polar %d %d", n, 2*n)))
	}
	a := lazily(func() device.Dense[float64] { return conditioned(10, 1024, 1e8) })
	list = append(list, polarProblem(ctx, dev, "polar auto n=1024 κ=1e8", polar.Options{}, a, "conditioned 1024 1e8"))
	return append(list, muonBatch(ctx, dev, 126, 256, 1024)...)
}

// muonProblem takes Muon's five steps, without a certificate, as an optimizer
// does.
func muonProblem[T device.Float](ctx context.Context, dev device.Device, m, n int, p device.Precision) measurement {
	o := polar.Options{Method: polar.Muon, Precision: p, NoCertificate: true}
	a := lazily(func() device.Dense[T] { return normal[T](4, m, n) })
	r := measurement{
		name: fmt.Sprintf("muon %d×%d%s", m, n, suffix[T]()), single: suffix[T]() != "",
		flops: polar.Cost(m, n, 5, polar.Standard, nil),
		run: func() error {
			_, err := polar.Compute(ctx, dev, a(), o)
			return err
		},
		peer: map[string]string{"numpy, 5 steps": fmt.Sprintf("muon %d %d %s", m, n, dtype[T]())},
	}
	if gram := polar.Cost(m, n, 5, polar.Gram, []int{2}); gram < r.flops && p == device.Exact {
		r.flops = gram
	}
	if r.single {
		r.peer = map[string]string{"torch, 5 steps": fmt.Sprintf("zeropower %d %d float32", m, n)}
	}
	if p == device.BF16 {
		r.name += " bf16"
		r.flops = 0 // the rate of another product limits it
		r.peer = map[string]string{"torch, 5 steps": fmt.Sprintf("zeropower %d %d bfloat16", m, n)}
	}
	return r
}

// muonErrorProblem asks auto for a factor that is as near to the exact one as
// that of Muon's five steps on the same matrix, with a certificate that says so,
// or takes so many steps of o that are that near.
func muonErrorProblem(ctx context.Context, dev device.Device, m, n int, o polar.Options) measurement {
	a := lazily(func() device.Dense[float32] { return normal[float32](4, m, n) })
	name := "polar to muon's error"
	if o.Fixed() {
		name = fmt.Sprintf("%s, %d steps", o.Method, o.Steps)
	}
	var σ []float64
	var r *polar.Result[float32]
	distance := func(steps []polar.Coefficients, scale float64) float64 {
		worst := 0.0
		for _, x := range σ {
			worst = max(worst, math.Abs(1-polar.Apply(steps, x/scale)))
		}
		return worst
	}
	muon := func() float64 {
		square := 0.0
		for _, x := range σ {
			square += x * x
		}
		return distance(slices.Repeat([]polar.Coefficients{polar.MuonStep}, 5), math.Sqrt(square))
	}
	return measurement{
		name: fmt.Sprintf("%s %d×%d f32", name, m, n), single: true,
		run: func() error {
			if σ == nil { // in the warm-up
				all, err := svd.Compute(ctx, dev, device.Convert[float64](a()), svd.Options{Vectors: svd.None})
				if err != nil {
					return err
				}
				if σ = all.S; !o.Fixed() {
					o.Error = muon()
				}
			}
			var err error
			r, err = polar.Compute(ctx, dev, a(), o)
			return err
		},
		peer: map[string]string{"torch, 5 steps": fmt.Sprintf("zeropower %d %d float32", m, n)},
		note: func() string {
			here := fmt.Sprintf("%.3g", distance(r.Steps, r.Scale))
			if r.Certificate != nil {
				here = fmt.Sprintf("at most %.3g", r.Certificate.ErrorBound)
			}
			return fmt.Sprintf("distance to the exact factor: %.3g after five steps of muon, %s here", muon(), here)
		},
	}
}

// muonBatch has matrices of the size of small layers, all at once and one by
// one.
func muonBatch(ctx context.Context, dev device.Device, count, m, n int) []measurement {
	o := polar.Options{Method: polar.Muon, NoCertificate: true}
	list := lazily(func() []device.Dense[float32] {
		list := make([]device.Dense[float32], count)
		for i := range list {
			list[i] = normal[float32](uint64(100+i), m, n)
		}
		return list
	})
	name := fmt.Sprintf("muon of %d %d×%d f32", count, m, n)
	return []measurement{{
		name: name,
		run: func() error {
			_, err := polar.ComputeBatch(ctx, dev, list(), o)
			return err
		},
		peer: map[string]string{"torch, one by one": fmt.Sprintf("zeropowers %d %d %d", count, m, n)},
	}, {
		name: name + ", one by one",
		run: func() error {
			for _, a := range list() {
				if _, err := polar.Compute(ctx, dev, a, o); err != nil {
					return err
				}
			}
			return nil
		},
	}}
}

func polarProblem(ctx context.Context, dev device.Device, name string, o polar.Options, a func() device.Dense[float64], statement string) measurement {
	return measurement{
		name: name,
		run: func() error {
			_, err := polar.Compute(ctx, dev, a(), o)
			return err
		},
		peer: map[string]string{"scipy.linalg.polar": statement},
	}
}

func spectrumProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	for _, n := range []int{1000, 3000} {
		h := lazily(func() device.Dense[float64] { return symmetric(5, n) })
		list = append(list, measurement{
			name: fmt.Sprintf("spectrum top 10, n=%d", n),
			run: func() error {
				q := dev.F64()
				defer q.Close()
				op, err := spectrum.Symmetric(q, h())
				if err != nil {
					return err
				}
				_, err = spectrum.Eigs(ctx, dev, op, spectrum.EigsOptions{K: 10, Tol: 1e-8})
				return err
			},
			peer: map[string]string{"scipy eigsh": fmt.Sprintf("eigsh %d 10", n)},
		})
	}
	return list
}

func sinkhornProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	add := func(n int, ε float64, method sinkhorn.Method, name, peer, statement string) {
		cost := lazily(func() device.Dense[float64] { return unitSquare(n) })
		list = append(list, measurement{
			name: fmt.Sprintf("%s n=%d ε=%g", name, n, ε),
			run: func() error {
				_, err := sinkhorn.Solve(ctx, dev, sinkhorn.Problem[float64]{Cost: cost()},
					sinkhorn.Options{Epsilon: ε, Tol: 1e-8, Method: method})
				return err
			},
			peer: map[string]string{peer: fmt.Sprintf("%s %d %g 1e-8", statement, n, ε)},
		})
	}
	for _, n := range []int{1000, 2000} {
		for _, ε := range []float64{0.05, 0.01, 0.002} {
			add(n, ε, sinkhorn.Auto, "sinkhorn", "ot.sinkhorn", "sinkhorn")
		}
	}
	add(4000, 0.01, sinkhorn.Auto, "sinkhorn", "ot.sinkhorn", "sinkhorn")
	for _, n := range []int{500, 1000} {
		add(n, 0.01, sinkhorn.Log, "sinkhorn log", "ot.sinkhorn_log", "sinkhorn_log")
	}
	list = append(list, assignmentProblem(ctx, dev, 500, 1./1200), cloudProblem(ctx, dev, 10000, 2, 0.01), smallProblems(ctx, dev, 2000, 32, 0.05))
	for _, n := range []int{1000, 2000} {
		list = append(list, exactProblem(ctx, dev, n))
	}
	return append(list, relatives(ctx, dev, 1000, 0.01)...)
}

// smallProblems are many problems between n and n points.
func smallProblems(ctx context.Context, dev device.Device, count, n int, ε float64) measurement {
	costs := lazily(func() []float64 {
		var c []float64
		for k := range count {
			c = append(c, unitSquareOf(uint64(k), n).Data...)
		}
		return c
	})
	return measurement{
		name: fmt.Sprintf("sinkhorn of %d %d×%d ε=%g", count, n, n, ε),
		run: func() error {
			_, err := sinkhorn.Batch(ctx, dev, costs(), count, n, n, nil, nil, sinkhorn.Options{Epsilon: ε, Tol: 1e-8})
			return err
		},
		peer: map[string]string{"ot.sinkhorn, loop": fmt.Sprintf("sinkhornloop %d %d %g 1e-8", count, n, ε)},
	}
}

func exactProblem(ctx context.Context, dev device.Device, n int) measurement {
	cost := lazily(func() device.Dense[float64] { return unitSquare(n) })
	return measurement{
		name: fmt.Sprintf("exact transport n=%d", n),
		run: func() error {
			_, err := sinkhorn.Exact(ctx, dev, sinkhorn.Problem[float64]{Cost: cost()}, sinkhorn.ExactOptions{})
			return err
		},
		peer: map[string]string{"ot.emd": fmt.Sprintf("emd %d", n)},
	}
}

// relatives are the problems beside transport between fixed marginals. Their
// peers stop by criteria of their own: all are asked for 1e-8 of those, and for
// 1e-4 where a barycentre comes near only slowly.
func relatives(ctx context.Context, dev device.Device, n int, ε float64) []measurement {
	cost := lazily(func() device.Dense[float64] { return unitSquare(n) })
	uniform := make([]float64, n)
	for i := range uniform {
		uniform[i] = 1 / float64(n)
	}
	problem := func() sinkhorn.Problem[float64] {
		return sinkhorn.Problem[float64]{Cost: cost(), A: uniform, B: uniform}
	}
	relaxed := sinkhorn.RelaxedOptions{Epsilon: ε, Tol: 1e-8}
	cloud := lazily(func() [2]device.Dense[float64] {
		x, y := device.NewDense[float64](n, 2), device.NewDense[float64](n, 2)
		rng.Uniform(9, 0, 0, x.Data)
		rng.Uniform(9, 1, 0, y.Data)
		return [2]device.Dense[float64]{x, y}
	})
	measures := lazily(func() device.Dense[float64] {
		a := device.NewDense[float64](4, n)
		rng.Uniform(10, 0, 0, a.Data)
		return a
	})
	of := func(name, peer, statement string, run func() error) measurement {
		return measurement{
			name: fmt.Sprintf("%s n=%d ε=%g", name, n, ε), run: run,
			peer: map[string]string{peer: fmt.Sprintf("%s %d %g 1e-8", statement, n, ε)},
		}
	}
	return []measurement{
		of("unbalanced ρ=1", "ot.unbalanced", "unbalanced", func() error {
			_, err := sinkhorn.Unbalanced(ctx, dev, problem(), sinkhorn.UnbalancedOptions{RelaxedOptions: relaxed, RhoA: 1, RhoB: 1})
			return err
		}),
		of("partial, half", "ot.partial", "partial", func() error {
			_, err := sinkhorn.Partial(ctx, dev, problem(), sinkhorn.PartialOptions{RelaxedOptions: relaxed, Mass: 0.5})
			return err
		}),
		of("divergence", "ot.bregman", "divergence", func() error {
			_, err := sinkhorn.Divergence(ctx, dev, sinkhorn.Problem[float64]{X: cloud()[0], Y: cloud()[1]}, sinkhorn.Options{Epsilon: ε, Tol: 1e-8})
			return err
		}),
		of("barycentre of 4", "ot.bregman", "barycenter", func() error {
			_, err := sinkhorn.Barycenter(ctx, dev, sinkhorn.BarycenterProblem[float64]{Measures: measures(), Cost: cost()},
				sinkhorn.BarycenterOptions{RelaxedOptions: sinkhorn.RelaxedOptions{Epsilon: ε, Tol: 1e-4}})
			return err
		}),
	}
}

// assignmentProblem has random costs and an ε so small that Newton's method
// does most of the work. The peers have nothing like it.
func assignmentProblem(ctx context.Context, dev device.Device, n int, ε float64) measurement {
	cost := lazily(func() device.Dense[float64] {
		c := device.NewDense[float64](n, n)
		rng.Uniform(8, 0, 0, c.Data)
		return c
	})
	return measurement{
		name: fmt.Sprintf("sinkhorn newton n=%d ε=1/%.0f", n, 1/ε),
		run: func() error {
			_, err := sinkhorn.Solve(ctx, dev, sinkhorn.Problem[float64]{Cost: cost()},
				sinkhorn.Options{Epsilon: ε, Tol: 1e-12, Method: sinkhorn.Newton})
			return err
		},
	}
}

// cloudProblem is transport between points whose distances are not stored.
func cloudProblem(ctx context.Context, dev device.Device, n, d int, ε float64) measurement {
	points := lazily(func() [2]device.Dense[float32] {
		x, y := device.NewDense[float32](n, d), device.NewDense[float32](n, d)
		rng.Uniform(9, 0, 0, x.Data)
		rng.Uniform(9, 1, 0, y.Data)
		return [2]device.Dense[float32]{x, y}
	})
	return measurement{
		name: fmt.Sprintf("sinkhorn clouds n=%d d=%d ε=%g f32", n, d, ε),
		run: func() error {
			p := points()
			_, err := sinkhorn.Solve(ctx, dev, sinkhorn.Problem[float32]{X: p[0], Y: p[1]}, sinkhorn.Options{Epsilon: ε, Memory: 1 << 20})
			return err
		},
	}
}

// lazily makes a problem when it is first asked for, and keeps it.
func lazily[E any](problem func() E) func() E { return sync.OnceValue(problem) }

func dtype[T device.Float]() string {
	if device.Epsilon[T]() > 1e-10 {
		return "f4"
	}
	return "f8"
}

// suffix tells float32 problems from the others.
func suffix[T device.Float]() string {
	if device.Epsilon[T]() > 1e-10 {
		return " f32"
	}
	return ""
}

func normal[T device.Float](seed uint64, m, n int) device.Dense[T] {
	a := device.NewDense[T](m, n)
	rng.Normal(seed, 0, 0, a.Data)
	return a
}

// conditioned is a matrix with singular values spaced evenly in logarithm from
// 1 to 1/κ: between Householder reflections of random vectors, which are
// orthogonal.
func conditioned(seed uint64, n int, κ float64) device.Dense[float64] {
	a := device.NewDense[float64](n, n)
	for i := range n {
		a.Set(i, i, math.Pow(κ, -float64(i)/float64(n-1)))
	}
	for s := range uint64(2) {
		// From the right, A - (A·v)·(2/vᵀv)·vᵀ; then its transpose.
		v, u := make([]float64, n), make([]float64, n)
		rng.Normal(seed, s, 0, v)
		square := 0.0
		for i, x := range v {
			square += x * x
			for j, y := range a.Row(i) {
				u[i] += y * v[j]
			}
		}
		for i := range n {
			row := a.Row(i)
			for j := range row {
				row[j] -= 2 / square * u[i] * v[j]
			}
		}
		a = a.T()
	}
	return a
}

// decaying is a matrix whose columns shrink, so that its leading singular
// values stand out.
func decaying(seed uint64, m, n int) device.Dense[float64] {
	a := normal[float64](seed, m, n)
	for i := range m {
		row := a.Row(i)
		for j := range row {
			row[j] /= float64(j + 1)
		}
	}
	return a
}

func symmetric(seed uint64, n int) device.Dense[float64] {
	a := normal[float64](seed, n, n)
	for i := range n {
		for j := range i {
			a.Set(i, j, a.At(j, i))
		}
		a.Set(i, i, a.At(i, i)+float64(n)/float64(i+1)) // some eigenvalues stand out
	}
	return a
}

// unitSquare returns the squared distances, divided by the largest, between
// two sets of n random points of the unit square.
func unitSquare(n int) device.Dense[float64] { return unitSquareOf(uint64(n), n) }

// unitSquareOf is unitSquare with other points for another stream.
func unitSquareOf(stream uint64, n int) device.Dense[float64] {
	x := make([]float64, 4*n)
	rng.Uniform(6, stream, 0, x)
	cost := device.NewDense[float64](n, n)
	largest := 0.0
	for i := range n {
		for j := range n {
			dx, dy := x[2*i]-x[2*(n+j)], x[2*i+1]-x[2*(n+j)+1]
			cost.Set(i, j, dx*dx+dy*dy)
			largest = max(largest, dx*dx+dy*dy)
		}
	}
	for i := range cost.Data {
		cost.Data[i] /= largest
	}
	return cost
}
