package spectrum

import (
	"errors"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// orthogonalityLoss returns max|VVᵀ - I|.
func orthogonalityLoss(q device.Queue[float64], v device.Matrix[float64]) float64 {
	m := device.NewDense[float64](v.Rows, v.Cols)
	q.Download(m, v)
	var g mat.Dense
	V := device.ToMat(m)
	g.Mul(V, V.T())
	worst := 0.0
	for i := range v.Rows {
		for j := range v.Rows {
			x := g.At(i, j)
			if i == j {
				x--
			}
			worst = max(worst, math.Abs(x))
		}
	}
	return worst
}

func TestReorthogonalization(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := outliers(800)
		op := diagonal[float64](d)
		run := func(steps int, r Reorthogonalization) (*Tridiagonal[float64], []float64, float64) {
			q := dev.F64()
			t.Cleanup(q.Close) // the basis lives in q
			start := q.Alloc(1, 800)
			q.Random(device.Normal, 2, 0, start)
			tri, err := Lanczos(ctx, q, op, start, steps, r)
			if err != nil {
				t.Fatal(err)
			}
			values, _ := tri.Eigen()
			return tri, values, orthogonalityLoss(q, tri.Basis)
		}
		copies := func(values []float64) int {
			n := 0
			for _, v := range values {
				if math.Abs(v-10) < 1e-6 {
					n++
				}
			}
			return n
		}
		for _, steps := range []int{20, 60, 120} {
			_, values, loss := run(steps, FullReorth)
			if loss > 1e-13 {
				t.Errorf("full, %d steps: orthogonality loss %.3g", steps, loss)
			}
			if n := copies(values); n != 1 {
				t.Errorf("full, %d steps: %d copies of 10", steps, n)
			}
			for i, want := range d[:8] {
				if got := values[len(values)-1-i]; math.Abs(got/want-1) > 1e-12 {
					t.Errorf("full, %d steps: λ%d = %v, want %v", steps, i+1, got, want)
				}
			}
		}
		for _, steps := range []int{60, 120, 200} {
			tri, values, loss := run(steps, PartialReorth)
			if loss > 1e-7 {
				t.Errorf("partial, %d steps: orthogonality loss %.3g", steps, loss)
			}
			if n := copies(values); n != 1 {
				t.Errorf("partial, %d steps: %d copies of 10", steps, n)
			}
			if 2*tri.FullPasses >= steps {
				t.Errorf("partial: %d of %d steps were re-orthogonalized", tri.FullPasses, steps)
			}
		}
		// The bare recurrence must fail, or these tests have no teeth.
		if _, values, loss := run(120, NoReorth); copies(values) < 2 || loss < 1e-2 {
			t.Errorf("none, 120 steps: %d copies of 10, orthogonality loss %.3g", copies(values), loss)
		}
	})
}

// Twelve steps integrate polynomials up to degree 23 exactly.
func TestGaussQuadrature(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n, m = 300, 12
		d := make([]float64, n)
		for i := range d {
			d[i] = -1 + 2*float64(i)/(n-1)
		}
		s, err := SLQ(ctx, dev, diagonal[float64](d), SLQOptions{Probes: 2, Steps: m, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		for p := range s.Nodes {
			sum := 0.0
			for _, w := range s.Weights[p] {
				sum += w
			}
			if math.Abs(sum-1) > 1e-12 {
				t.Errorf("weights of probe %d sum to %v", p, sum)
			}
			// A Rademacher probe weighs all eigenvalues of a diagonal
			// operator alike.
			for degree := range 2 * m {
				got, want, size := 0.0, 0.0, 0.0
				for i, θ := range s.Nodes[p] {
					got += s.Weights[p][i] * math.Pow(θ, float64(degree))
				}
				for _, λ := range d {
					want += math.Pow(λ, float64(degree)) / n
					size += math.Pow(math.Abs(λ), float64(degree)) / n
				}
				if math.Abs(got-want) > 1e-11*size {
					t.Errorf("degree %d: %v, want %v", degree, got, want)
				}
			}
		}
		e := s.Sum(func(x float64) float64 { return x * x })
		want := 0.0
		for _, λ := range d {
			want += λ * λ
		}
		if math.Abs(e.Value-want) > 1e-9 || e.StdErr > 1e-9 {
			t.Errorf("tr H² = %+v, want %v", e, want)
		}
	})
}

func TestDensity(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		d := outliers(800)
		s, err := SLQ(ctx, dev, diagonal[float64](d), SLQOptions{Probes: 10, Steps: 40})
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := s.Range()
		// First Wasserstein distance between the step functions.
		w1 := 0.0
		const grid = 4000
		for i := range grid {
			x := lo - 0.1 + (hi-lo+0.2)*(float64(i)+0.5)/grid
			exact := 0.0
			for _, λ := range d {
				if λ <= x {
					exact += 1.0 / 800
				}
			}
			w1 += math.Abs(s.CDF(x).Value-exact) * (hi - lo + 0.2) / grid
		}
		if w1 > 1e-3*(hi-lo) {
			t.Errorf("Wasserstein distance %.3g of the range", w1/(hi-lo))
		}
		points := make([]float64, 6000)
		for i := range points {
			points[i] = lo - 3 + (hi-lo+6)*float64(i)/float64(len(points)-1)
		}
		mass := 0.0
		for _, v := range s.Density(points, 0) {
			if v < 0 {
				t.Fatal("negative density")
			}
			mass += v * (hi - lo + 6) / float64(len(points)-1)
		}
		if math.Abs(mass-1) > 1e-3 {
			t.Errorf("the density integrates to %v", mass)
		}
		// Groups of probes change nothing.
		small, err := SLQ(ctx, dev, diagonal[float64](d), SLQOptions{Probes: 10, Steps: 40, Memory: 3 * 40 * 800 * 8})
		if err != nil {
			t.Fatal(err)
		}
		for p := range s.Nodes {
			for i := range s.Nodes[p] {
				if s.Nodes[p][i] != small.Nodes[p][i] {
					t.Fatal("nodes depend on how probes are grouped")
				}
			}
		}
	})
}

func TestLanczosBadInput(t *testing.T) {
	q := device.Go().F64()
	op := diagonal[float64](outliers(20))
	if _, err := Lanczos(ctx, q, op, q.Alloc(1, 20), 5, FullReorth); !errors.Is(err, device.ErrArgument) {
		t.Errorf("zero start: %v", err)
	}
	start := q.Alloc(1, 20)
	q.Fill(1, start)
	if _, err := Lanczos(ctx, q, op, start, 0, FullReorth); !errors.Is(err, device.ErrArgument) {
		t.Errorf("no steps: %v", err)
	}
	if tri, err := Lanczos(ctx, q, op, start, 50, FullReorth); err != nil || len(tri.Alpha) > 20 {
		t.Errorf("more steps than dimensions: %d, %v", len(tri.Alpha), err)
	}
	for _, o := range []SLQOptions{{Probes: -1}, {Steps: -1}} {
		if _, err := SLQ(ctx, device.Go(), op, o); !errors.Is(err, device.ErrArgument) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Where the spectrum falls far below the rounding errors of the products,
// partial re-orthogonalization keeps T what full one makes of it: every Ritz
// value lies within its residual, and rounding, of an eigenvalue. The entries
// of T alone would let it lose all digits.
func TestPartialReorthogonalizationOfGradedSpectra(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		testGraded[float64](t, dev, powers(60, 0.5))
		testGraded[float64](t, dev, powers(60, 0.3))
		testGraded[float32](t, dev, powers(33, 0.5))
		testGraded[float32](t, dev, powers(60, 0.9))
	})
}

func testGraded[T device.Float](t *testing.T, dev device.Device, d []float64) {
	t.Helper()
	q := device.NewQueue[T](dev)
	defer q.Close()
	n := len(d)
	tol := 30 * device.Epsilon[T]() // the largest value is 1
	for seed := range uint64(devices.Size(dev, 40, 4)) {
		op, _ := rotated(q, d, 0, seed)
		start := q.Alloc(1, n)
		q.Random(device.Normal, seed, 1, start)
		tri, err := Lanczos(ctx, q, op, start, n, PartialReorth)
		if err != nil {
			t.Fatal(err)
		}
		values, _ := tri.Eigen()
		for i, r := range tri.Residuals() {
			off := math.Inf(1)
			for _, λ := range d {
				off = min(off, math.Abs(values[i]-λ))
			}
			if off > r+tol {
				t.Fatalf("%T, seed %d: the value %v is off by %.3g, its residual is %.3g", T(0), seed, values[i], off, r)
			}
		}
	}
}

// Residuals are those of the Ritz vectors in the basis.
func TestLanczosResiduals(t *testing.T) {
	d := outliers(60)
	q := device.Go().F64()
	defer q.Close()
	start := q.Alloc(1, 60)
	q.Random(device.Normal, 8, 0, start)
	tri, err := Lanczos(ctx, q, diagonal[float64](d), start, 9, FullReorth)
	if err != nil {
		t.Fatal(err)
	}
	basis := device.NewDense[float64](9, 60)
	q.Download(basis, tri.Basis)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	values, z := tri.Eigen()
	for i, r := range tri.Residuals() {
		square := 0.0
		for j, λ := range d {
			y := 0.0
			for k := range 9 {
				y += z.At(k, i) * basis.At(k, j)
			}
			square += (λ - values[i]) * y * (λ - values[i]) * y
		}
		if want := math.Sqrt(square); math.Abs(r-want) > 1e-13 {
			t.Errorf("residual %d is %v, want %v", i, r, want)
		}
	}
}
