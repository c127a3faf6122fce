//go:build cgo && linux && !nocuda

package fakecuda

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/goapi/svd"
)

// upload returns an m×n matrix of normal numbers, here and on the device.
func upload(q device.Queue[float64], seed uint64, m, n int) (device.Dense[float64], device.Matrix[float64]) {
	a := device.NewDense[float64](m, n)
	rng.Normal(seed, 0, 0, a.Data)
	d := q.Alloc(m, n)
	q.Upload(d, a)
	return a, d
}

// svdResidual runs SVD and returns its residual ‖A - U·diag(s)·Vᵀ‖ over the
// largest element, in units of eps.
func svdResidual(t *testing.T, q device.Queue[float64], m, n int) (float64, error) {
	t.Helper()
	a, d := upload(q, 1, m, n)
	k := min(m, n)
	u, s, vt, back := q.Alloc(m, k), q.Alloc(1, k), q.Alloc(k, n), q.Alloc(m, n)
	q.SVD(d, u, s, vt)
	q.ScaleBy(device.PerCol, s, u, u)
	q.Upload(back, a)
	q.Gemm(device.NoTrans, device.NoTrans, 1, u, vt, -1, back)
	q.Reduce(device.MaxAbs, device.Whole, back, s.Slice(0, 1, 0, 1))
	rest := device.NewDense[float64](1, 1)
	q.Download(rest, s.Slice(0, 1, 0, 1))
	return rest.At(0, 0) / device.Epsilon[float64](), q.Sync()
}

// The polar decompositions of gesvdp serve unless they fail or move the
// singular values by more than rounding does; then gesvd does the work.
func TestPolarSVDFallsBack(t *testing.T) {
	for _, c := range []struct {
		machine string
		gesvd   int // calls
	}{
		{"", 0},
		{"shift(Xgesvdp):1=1", 0}, // in units of eps·σ₁
		{"shift(Xgesvdp):1=100", 1},
		{"info(Xgesvdp):1=3", 1},
	} {
		for _, shape := range [][2]int{{40, 60}, {60, 40}} {
			t.Run(c.machine, func(t *testing.T) {
				q := Open(t, Options{Machine: c.machine}).F64()
				defer q.Close()
				rest, err := svdResidual(t, q, shape[0], shape[1])
				if err != nil || !(rest < 500) {
					t.Errorf("%v: residual %.3g eps, %v", shape, rest, err)
				}
				if n := Calls()["cusolverDnXgesvd"]; n != c.gesvd {
					t.Errorf("%v: gesvd ran %d times, want %d", shape, n, c.gesvd)
				}
			})
		}
	}
}

// What a factorization reports on the device comes back typed, at Sync at the
// latest, and before what failed after it.
func TestFactorizationFailures(t *testing.T) {
	for _, c := range []struct {
		name, machine string
		run           func(q device.Queue[float64], a device.Matrix[float64])
		want          error
	}{
		{"potrf", "info(Xpotrf):1=4", func(q device.Queue[float64], a device.Matrix[float64]) { q.Cholesky(a) }, device.ErrNotPositiveDefinite},
		{"syevd", "info(Xsyevd):1=4", func(q device.Queue[float64], a device.Matrix[float64]) { q.Eigh(a, q.Alloc(1, 6)) }, device.ErrNotConverged},
		{"gesvd", "info(Xgesvd):1=4", func(q device.Queue[float64], a device.Matrix[float64]) {
			q.SVD(a, q.Alloc(6, 6), q.Alloc(1, 6), q.Alloc(6, 6))
		}, device.ErrNotConverged},
		{"geqrf", "info(Xgeqrf):1=-3", func(q device.Queue[float64], a device.Matrix[float64]) { q.QR(a, q.Alloc(6, 6)) }, device.ErrArgument},
		{"NaN in Cholesky", "", func(q device.Queue[float64], a device.Matrix[float64]) {
			q.Fill(math.NaN(), a)
			q.Cholesky(a)
		}, device.ErrNotPositiveDefinite},
		{"NaN in Eigh", "", func(q device.Queue[float64], a device.Matrix[float64]) {
			q.Fill(math.NaN(), a.Slice(3, 4, 2, 3))
			q.Eigh(a, q.Alloc(1, 6))
		}, device.ErrNotFinite},
		{"infinity in SVD", "", func(q device.Queue[float64], a device.Matrix[float64]) {
			q.Fill(math.Inf(1), a.Slice(3, 4, 2, 3))
			q.SVD(a, q.Alloc(6, 6), q.Alloc(1, 6), q.Alloc(6, 6))
		}, device.ErrNotFinite},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := Open(t, Options{Machine: c.machine}).F64()
			defer q.Close()
			_, a := upload(q, 2, 6, 6)
			q.AddDiag(20, a)
			c.run(q, a)
			q.Fill(1, device.Matrix[float64]{}) // a later failure
			if err := q.Sync(); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			_, a = upload(q, 2, 6, 6)
			q.Fill(0, a)
			q.AddDiag(20, a)
			q.Cholesky(a)
			if err := q.Sync(); err != nil {
				t.Errorf("the queue does not recover: %v", err)
			}
		})
	}
}

// The randomized decomposition, with its orthonormalization by Cholesky
// factors, and the polar factor fetch numbers to decide by, no matrices, and
// wait for them no more often than this.
func TestIterationsStayOnTheGPU(t *testing.T) {
	for _, c := range []struct {
		name string
		most int // waits
		run  func(q device.Queue[float64], a device.Matrix[float64]) error
	}{
		{"randomized SVD", 17, func(q device.Queue[float64], a device.Matrix[float64]) error {
			_, err := svd.Factor(t.Context(), q, a, svd.Options{Method: svd.Randomized, Rank: 5})
			return err
		}},
		{"polar factor", 8, func(q device.Queue[float64], a device.Matrix[float64]) error {
			_, err := polar.Orthogonalize(t.Context(), q, a, a, polar.Options{Method: polar.Muon})
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := Open(t, Options{}).F64()
			defer q.Close()
			const m, n = 300, 200
			_, a := upload(q, 11, m, n)
			before := Calls()
			if err := c.run(q, a); err != nil {
				t.Fatal(err)
			}
			after := Calls()
			if bytes := after["bytes(to host)"] - before["bytes(to host)"]; bytes > 8*m*n/20 {
				t.Errorf("%d bytes came to the host, the matrix has %d", bytes, 8*m*n)
			}
			waits := after["waits()"] - before["waits()"]
			if waits > c.most {
				t.Errorf("%d waits, want at most %d", waits, c.most)
			}
			t.Logf("%d bytes in %d copies, %d waits", after["bytes(to host)"]-before["bytes(to host)"],
				after["cuMemcpyDtoHAsync_v2"]-before["cuMemcpyDtoHAsync_v2"], waits)
		})
	}
}

// Memory that is written before it is read is not cleared first: that of Room,
// of matrices that are lent and of outputs.
func TestRoomIsNotCleared(t *testing.T) {
	for _, machine := range []string{"", "nopools"} {
		t.Run(machine, func(t *testing.T) {
			q := Open(t, Options{Machine: machine}).F64()
			defer q.Close()
			a := device.NewDense[float64](30, 20)
			rng.Normal(17, 0, 0, a.Data)
			got := device.NewDense[float64](30, 20)
			for name, c := range map[string]struct {
				clears bool
				make   func() device.Matrix[float64]
			}{
				"Alloc":  {true, func() device.Matrix[float64] { return q.Alloc(30, 20) }},
				"Room":   {false, func() device.Matrix[float64] { return device.Room(q, 30, 20) }},
				"Lend":   {false, func() device.Matrix[float64] { return device.Lend(q, a) }},
				"Output": {false, func() device.Matrix[float64] { m, _ := device.Output(q, 30, 20); return m }},
			} {
				before := Calls()["cuMemsetD8Async"]
				m := c.make()
				if cleared := Calls()["cuMemsetD8Async"] > before; cleared != c.clears {
					t.Errorf("%s: cleared is %v", name, cleared)
				}
				q.Upload(m, a)
				q.Download(got, m)
				if err := q.Sync(); err != nil || got.At(29, 19) != a.At(29, 19) {
					t.Errorf("%s: does not hold what was stored, %v", name, err)
				}
			}
		})
	}
}

// What an iteration of block Lanczos, of Lanczos for one and for several
// vectors, of the Chebyshev recurrence, of LOBPCG and of restarted Lanczos asks
// the GPU about comes to the host at once, so that it waits no more often than
// this.
func TestWaitsForEachStep(t *testing.T) {
	q := Open(t, Options{}).F64()
	defer q.Close()
	const n = 120
	op, err := spectrum.Sparse(path(n))
	if err != nil {
		t.Fatal(err)
	}
	start := func(rows int) device.Matrix[float64] {
		_, x := upload(q, 13, rows, n)
		return x
	}
	for _, c := range []struct {
		name string
		most float64 // waits for a step
		run  func(steps int) error
	}{
		{"block Lanczos", 1, func(steps int) error {
			_, err := spectrum.BlockLanczos(t.Context(), q, op, start(4), steps)
			return err
		}},
		{"Lanczos", 1, func(steps int) error {
			_, err := spectrum.Lanczos(t.Context(), q, op, start(1), steps, spectrum.NoReorth)
			return err
		}},
		{"Lanczos with full re-orthogonalization", 2, func(steps int) error {
			_, err := spectrum.Lanczos(t.Context(), q, op, start(1), steps, spectrum.FullReorth)
			return err
		}},
		{"Lanczos of several vectors", 1, func(steps int) error {
			_, err := spectrum.SLQ(t.Context(), q.Device(), op, spectrum.SLQOptions{Probes: 6, Steps: steps})
			return err
		}},
		{"Chebyshev", 1, func(steps int) error {
			_, err := spectrum.KPM(t.Context(), q.Device(), op, spectrum.KPMOptions{Probes: 6, Moments: 2 * steps, Lo: -0.1, Hi: 4.1})
			return err
		}},
		{"LOBPCG", 3, func(steps int) error {
			_, err := spectrum.LOBPCG(t.Context(), q.Device(), op, nil, device.Dense[float64]{},
				spectrum.LOBPCGOptions{K: 3, Guard: 1, Tol: 1e-12, MaxProducts: 4 * steps})
			if errors.Is(err, device.ErrNotConverged) {
				return nil
			}
			return err
		}},
		{"restarted Lanczos", 1.5, func(steps int) error {
			return eigs(t, q.Device(), op, 1, steps)
		}},
		{"restarted block Lanczos", 1, func(steps int) error {
			return eigs(t, q.Device(), op, 4, steps)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			const few, more = 6, 14
			waits := func(steps int) int {
				before := Calls()["waits()"]
				if err := c.run(steps); err != nil {
					t.Fatal(err)
				}
				return Calls()["waits()"] - before
			}
			first := waits(few)
			if each := float64(waits(more)-first) / (more - few); each > c.most || each <= 0 {
				t.Errorf("%.2f waits for a step, want at most %v", each, c.most)
			} else {
				t.Logf("%.2f waits for a step", each)
			}
		})
	}
}

// eigs makes so many steps of the restarted method for the largest eigenvalues.
func eigs(t *testing.T, d device.Device, op spectrum.Operator[float64], block, steps int) error {
	_, err := spectrum.Eigs(t.Context(), d, op, spectrum.EigsOptions{K: 3, Tol: 1e-14, Block: block, MaxProducts: block * steps})
	if errors.Is(err, device.ErrNotConverged) {
		return nil
	}
	return err
}

// Newton's steps of Sinkhorn's problem solve their systems on the GPU, which
// says how far it has come once in eight iterations.
func TestNewtonSystemsStayOnTheGPU(t *testing.T) {
	const n = 60
	x, y := device.NewDense[float64](n, 2), device.NewDense[float64](n, 2)
	rng.Uniform(14, 1, 0, x.Data)
	rng.Uniform(14, 2, 0, y.Data)
	d := Open(t, Options{})
	before := Calls()
	r, err := sinkhorn.Solve(t.Context(), d, sinkhorn.Problem[float64]{X: x, Y: y},
		sinkhorn.Options{Epsilon: 0.002, Method: sinkhorn.Newton, Newton: sinkhorn.NewtonOptions{After: 20}})
	if err != nil {
		t.Fatal(err)
	}
	iterations := 0
	for _, step := range r.Newton {
		if step.CG%8 != 0 {
			t.Errorf("%d iterations: not those of the GPU", step.CG)
		}
		iterations += step.CG
	}
	after := Calls()
	if iterations < 50 || after["cuGraphLaunch"] == before["cuGraphLaunch"] {
		t.Errorf("%d iterations, %d launches of graphs: the test is of nothing", iterations, after["cuGraphLaunch"]-before["cuGraphLaunch"])
	}
	t.Logf("%d steps of Newton's, %d iterations, %d waits", len(r.Newton), iterations, after["waits()"]-before["waits()"])
}

// path returns the n×n matrix of a path graph: 2 on the diagonal and -1 beside.
func path(n int) svd.CSR[float64] {
	a := svd.CSR[float64]{Rows: n, Cols: n, Start: []int{0}}
	for i := range n {
		for j, v := range map[int]float64{i - 1: -1, i: 2, i + 1: -1} {
			if 0 <= j && j < n {
				a.Columns, a.Values = append(a.Columns, j), append(a.Values, v)
			}
		}
		a.Start = append(a.Start, len(a.Columns))
	}
	return a
}

// A sparse matrix goes to the GPU once, and the vectors that it multiplies stay
// there.
func TestSparseProductsStayOnTheGPU(t *testing.T) {
	const n = 400
	a := path(n)
	elements := (8+4)*len(a.Values) + 8*(n+1)
	q := Open(t, Options{}).F64()
	defer q.Close()
	op, err := svd.Sparse(a)
	if err != nil {
		t.Fatal(err)
	}
	x, y := q.Alloc(n, 3), q.Alloc(n, 3)
	before := Calls()
	for range 5 {
		if err := op.Mul(t.Context(), q, x, y); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		if err := op.MulTrans(t.Context(), q, y, x); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	after := Calls()
	if bytes := after["bytes(to device)"] - before["bytes(to device)"]; bytes > 2*elements {
		t.Errorf("%d bytes went to the GPU, the matrix and its transpose have %d", bytes, 2*elements)
	}
	if bytes := after["bytes(to host)"] - before["bytes(to host)"]; bytes > 0 {
		t.Errorf("%d bytes came to the host", bytes)
	}
}

// A sparse matrix for which the GPU has no memory is multiplied by all the
// same; those that nobody holds any more make room for others.
func TestSparseBeyondMemory(t *testing.T) {
	const n = 100000                                                                 // 4.4 MB
	for machine, bytes := range map[string]int{"mem=36MiB": 8 * n, "mem=44MiB": 0} { // to the host, for one product
		t.Run(machine, func(t *testing.T) {
			q := Open(t, Options{Machine: machine}).F64()
			defer q.Close()
			x, y := q.Alloc(n, 1), q.Alloc(n, 1)
			q.Fill(1, x)
			for range 4 {
				a := path(n)
				s, err := device.NewSparse(n, n, a.Start, a.Columns, a.Values)
				if err != nil {
					t.Fatal(err)
				}
				before := Calls()["bytes(to host)"]
				device.SparseMul(q, 1, s, x, 0, y)
				if got := Calls()["bytes(to host)"] - before; got != bytes {
					t.Errorf("%d bytes came to the host, want %d", got, bytes)
				}
				s = nil
				runtime.GC()
			}
			got := device.NewDense[float64](n, 1)
			q.Download(got, y)
			if err := q.Sync(); err != nil || got.At(0, 0) != 1 || got.At(1, 0) != 0 {
				t.Errorf("%v, %v, %v", got.At(0, 0), got.At(1, 0), err)
			}
		})
	}
}

// More factorizations than there are ints for their reports.
func TestManyReports(t *testing.T) {
	q := Open(t, Options{}).F64()
	defer q.Close()
	a := q.Alloc(2, 2)
	for i := range 300 {
		x := 1.0
		if i == 20 {
			x = -1
		}
		q.Fill(0, a)
		q.AddDiag(x, a)
		q.Cholesky(a)
	}
	if err := q.Sync(); !errors.Is(err, device.ErrNotPositiveDefinite) {
		t.Errorf("the twentieth of many failed, Sync says %v", err)
	}
}

// Products, elementwise operations, reductions and Cholesky do not wait for
// the GPU.
func TestNothingWaits(t *testing.T) {
	q := Open(t, Options{}).F64()
	defer q.Close()
	_, a := upload(q, 3, 50, 50)
	_, b := upload(q, 4, 50, 50)
	c, v := q.Alloc(50, 50), q.Alloc(1, 50)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	before := Calls()
	q.Gemm(device.NoTrans, device.Transp, 1, a, b, 0, c)
	q.Syrk(device.NoTrans, 1, a, 0, c)
	q.AddDiag(60, c)
	q.Reduce(device.SumSquares, device.PerCol, c, v)
	q.Reduce(device.Max, device.Whole, c, v.Slice(0, 1, 0, 1))
	q.Map(device.Exp, v, v)
	device.SoftMinPoints(q, 2, 0.5, a, b, v, v.Slice(0, 1, 0, 50))
	q.Copy(c, a)
	q.Random(device.Normal, 1, 2, a)
	q.Trsm(device.Left, device.Lower, device.NoTrans, 1, c, b)
	after := Calls()
	for _, name := range []string{"cuStreamSynchronize", "cuCtxSynchronize", "cuEventSynchronize", "cuMemFree_v2"} {
		if n := after[name] - before[name]; n != 0 {
			t.Errorf("%s was called %d times", name, n)
		}
	}
	if err := q.Sync(); err != nil {
		t.Error(err)
	}
}

// Sizes beyond 32 bits go to the functions with 64-bit integers, which CUDA
// has since 12.
func TestWideSizes(t *testing.T) {
	inEachVersion(t, func(t *testing.T, version string) {
		q := Open(t, Options{Version: version}).F64()
		defer q.Close()
		a, d := upload(q, 5, 1, 4)
		d.LD = 1<<32 + 4 // of a single row, where it does not matter
		c := q.Alloc(1, 1)
		q.Gemm(device.NoTrans, device.Transp, 1, d, d, 0, c)
		q.Syrk(device.NoTrans, 1, d, 1, c)
		q.Trsm(device.Left, device.Lower, device.NoTrans, 1, c, d)
		got := device.NewDense[float64](1, 4)
		q.Download(got, d)
		err := q.Sync()
		if version == "11.8" {
			var e *cusolver.Error
			if !errors.As(err, &e) || e.Library != "cuBLAS" || e.Call != "cublasDgemm_v2_64" {
				t.Errorf("%v, want the function that is missing", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, x := range a.Data {
			sum += x * x
		}
		for j, x := range a.Data {
			if want := x / (2 * sum); math.Abs(got.At(0, j)-want) > 1e-14 {
				t.Errorf("element %d is %v, want %v", j, got.At(0, j), want)
			}
		}
		if n := Calls()["cublasDgemm_v2_64"]; n != 1 {
			t.Errorf("the wide product was called %d times", n)
		}
	})
}

// A large symmetric product is computed below the diagonal and mirrored. It
// is compared with the plain one on a vector.
func TestSymmetricProductInPanels(t *testing.T) {
	q := Open(t, Options{}).F64()
	defer q.Close()
	const n = 2100
	_, x := upload(q, 6, n, 8)
	a, b, c := q.Alloc(n, n), q.Alloc(n, n), q.Alloc(n, n)
	q.Gemm(device.NoTrans, device.Transp, 1.0/n, x, x, 0, a)
	q.Add(2, device.NoTrans, a, 0, device.NoTrans, device.Matrix[float64]{}, b)
	q.AddDiag(1, b)
	before := Calls()["cublasDgemm_v2"]
	device.SymProduct(q, a, b, c)
	if panels := Calls()["cublasDgemm_v2"] - before; panels != 2 {
		t.Errorf("%d products, want one for each of two panels", panels)
	}
	_, v := upload(q, 7, n, 1)
	bv, want, got := q.Alloc(n, 1), q.Alloc(n, 1), q.Alloc(n, 1)
	q.Gemm(device.NoTrans, device.NoTrans, 1, b, v, 0, bv)
	q.Gemm(device.NoTrans, device.NoTrans, 1, a, bv, 0, want)
	for _, trans := range []device.Trans{device.NoTrans, device.Transp} { // both triangles
		q.Gemm(trans, device.NoTrans, 1, c, v, 0, got)
		q.Add(1, device.NoTrans, got, -1, device.NoTrans, want, got)
		off, size := device.NewDense[float64](1, 1), device.NewDense[float64](1, 1)
		one := q.Alloc(1, 1)
		q.Reduce(device.MaxAbs, device.Whole, got, one)
		q.Download(off, one)
		q.Reduce(device.MaxAbs, device.Whole, want, one)
		q.Download(size, one)
		if err := q.Sync(); err != nil || !(off.At(0, 0) <= 100*device.Epsilon[float64]()*size.At(0, 0)) {
			t.Errorf("off by %g of %g, %v", off.At(0, 0), size.At(0, 0), err)
		}
	}
}

// Soft minima of many points with many coordinates: the squares of distances
// come from products where ε is large enough, and far from the origin as well; in
// float32 those are products of halves, in one chunk or several.
func TestSoftMinOfWidePoints(t *testing.T) {
	d, host := Open(t, Options{}), device.Go()
	for _, c := range []struct {
		shift, ε float64
		dim      int
	}{{0, 1, 12}, {1e6, 1, 12}, {0, 1e-4, 12}, {0, 40, 70}, {1000, 8, 40}} {
		const n, m = 530, 520
		x, y, g := device.NewDense[float64](n, c.dim), device.NewDense[float64](m, c.dim), device.NewDense[float64](1, m)
		for i, a := range []device.Dense[float64]{x, y, g} {
			rng.Normal(uint64(8+i), 0, 0, a.Data)
		}
		for _, a := range []device.Dense[float64]{x, y} {
			for i := range a.Data {
				a.Data[i] += c.shift
			}
		}
		g.Data[5] = math.Inf(-1)
		softMinOfPoints(t, d.F64(), host.F64(), c.ε, x, y, g)
		softMinOfPoints(t, d.F32(), host.F64(), c.ε, device.Convert[float32](x), device.Convert[float32](y), device.Convert[float32](g))
	}
}

// softMinOfPoints compares with float64 on the host.
func softMinOfPoints[T device.Float](t *testing.T, q device.Queue[T], host device.Queue[float64], ε float64, x, y, g device.Dense[T]) {
	t.Helper()
	got := pointMinima(t, q, ε, x, y, g)
	want := pointMinima(t, host, ε, device.Convert[float64](x), device.Convert[float64](y), device.Convert[float64](g))
	// Rounding of squares of distances, of size 4·d, by some tens of units.
	tol := 100 * float64(4*x.Cols) * device.Epsilon[T]()
	for i := range want {
		if off := math.Abs(float64(got[i]) - want[i]); !(off <= tol*(1+math.Abs(want[i])/float64(x.Cols))) {
			t.Fatalf("%T, ε = %g, d = %d: element %d is %v, want %v", got[i], ε, x.Cols, i, got[i], want[i])
		}
	}
}

func pointMinima[T device.Float](t *testing.T, q device.Queue[T], ε float64, x, y, g device.Dense[T]) []T {
	t.Helper()
	defer q.Close()
	put := func(a device.Dense[T]) device.Matrix[T] {
		m := q.Alloc(a.Rows, a.Cols)
		q.Upload(m, a)
		return m
	}
	out, got := q.Alloc(1, x.Rows), device.NewDense[T](1, x.Rows)
	device.SoftMinPoints(q, 2, T(ε), put(x), put(y), put(g), out)
	q.Download(got, out)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	return got.Data
}

// A batch that does not fit into the memory is decomposed in smaller parts.
func TestBatchBeyondMemory(t *testing.T) {
	d := Open(t, Options{Machine: "mem=40MiB"})
	const count, n = 6000, 8
	a := make([]float64, count*n*n)
	rng.Normal(12, 0, 0, a)
	r, err := svd.Batch(t.Context(), d, a, count, n, n, svd.BatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range r.Status {
		if s != svd.Done {
			t.Fatalf("matrix %d: %v", i, s)
		}
	}
	if !(r.Certificate.Residual < 1e-13) || !(r.S[len(r.S)-1] > 0) {
		t.Errorf("%+v", r.Certificate)
	}
	for i := range a { // Hankel matrices
		a[i] = math.Sin(float64(i/(n*n)+1) * float64(i/n%n+i%n))
	}
	e, err := svd.EighBatch(t.Context(), d, a, count, n, svd.EighBatchOptions{})
	if err == nil {
		err = e.Err()
	}
	if err != nil || !(e.Certificate.Residual < 1e-13) {
		t.Errorf("%v, %+v", err, e.Certificate)
	}
}

// Matrices change their type on the GPU.
func TestRecastStaysOnTheGPU(t *testing.T) {
	d := Open(t, Options{})
	q, w := d.F64(), d.F32()
	defer q.Close()
	defer w.Close()
	_, a := upload(q, 15, 70, 50)
	b := w.Alloc(70, 50)
	back := q.Alloc(70, 50)
	before := Calls()
	if err := errors.Join(device.Recast(q, a, w, b), device.Recast(w, b, q, back), device.Recast(q, back, q, a)); err != nil {
		t.Fatal(err)
	}
	after := Calls()
	for _, name := range []string{"bytes(to host)", "bytes(to device)"} {
		if n := after[name] - before[name]; n > 0 {
			t.Errorf("%d %s", n, name)
		}
	}
}

// What a conversion reads may be freed as soon as it was asked for.
func TestRecastOfATemporary(t *testing.T) {
	d := Open(t, Options{})
	q, w := d.F64(), d.F32()
	defer q.Close()
	defer w.Close()
	b := w.Alloc(7, 5)
	end := q.Scope()
	a := q.Alloc(7, 5)
	q.Fill(3, a)
	if err := device.Recast(q, a, w, b); err != nil {
		t.Fatal(err)
	}
	end()
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	got := device.NewDense[float32](7, 5)
	w.Download(got, b)
	if err := w.Sync(); err != nil || got.At(6, 4) != 3 {
		t.Errorf("%v, %v", got.At(6, 4), err)
	}
}

// Long transfers of all queues go through two buffers: one that the GPU still
// reads for one queue is not written to for another.
func TestTwoQueuesShareTransferBuffers(t *testing.T) {
	d := Open(t, Options{Machine: "strict"})
	q, w := d.F64(), d.F64()
	defer q.Close()
	defer w.Close()
	const m, n = 300, 200
	b := w.Alloc(m, n)
	w.Fill(3, b)
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	host, _ := upload(q, 16, m, n)
	_, a := upload(q, 16, m, n) // into the second buffer
	got, back := device.NewDense[float64](m, n), device.NewDense[float64](m, n)
	w.Download(got, b)
	q.Download(back, a)
	if err := errors.Join(q.Sync(), w.Sync()); err != nil || got.At(m-1, n-1) != 3 || back.At(m-1, n-1) != host.At(m-1, n-1) {
		t.Errorf("%v, %v; %v", got.At(m-1, n-1), back.At(m-1, n-1), err)
	}
}

// A kernel in float32 is of another queue than the numbers beside it: that queue
// may be closed while the other one still has work on its memory.
func TestNarrowKernelOutlivesItsQueue(t *testing.T) {
	for _, machine := range []string{"", "nopools"} {
		d := Open(t, Options{Machine: machine})
		q, w := d.F64(), d.F32()
		const n, m = 40, 30
		narrow := q.(device.NarrowScaler[float64])
		zero, ones, u, s := q.Alloc(n, m), q.Alloc(1, m), q.Alloc(1, n), q.Alloc(1, m)
		q.Fill(1, ones)
		k := w.Alloc(n, m)
		narrow.TryNarrowGibbs(1, u, s, zero, k) // exp(0)
		q.Fill(m, u)
		narrow.TryNarrowScalingStep(k, u, ones, u, s) // m/m, and n of them
		w.Close()
		w = d.F32()
		w.Alloc(n, m) // takes the memory, and clears it
		if err := w.Sync(); err != nil {
			t.Fatal(err)
		}
		w.Close()
		got := device.NewDense[float64](1, m)
		q.Download(got, s)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		for j, x := range got.Data {
			if x != n {
				t.Fatalf("%s: column %d sums to %v, want %d", machine, j, x, n)
			}
		}
		q.Close()
		d.Close()
	}
}
