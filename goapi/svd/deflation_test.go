package svd

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// deficient returns tall matrices of rank below n, and such that are nearly so,
// of the kinds that data has.
func deficient[T device.Float](m, n int) map[string]device.Dense[T] {
	list := map[string]device.Dense[T]{}
	add := func(name string, change func(a device.Dense[T])) {
		a := normal[T](301, m, n)
		change(a)
		list[name] = a
	}
	each := func(a device.Dense[T], f func(i int, row []T)) {
		for i := range a.Rows {
			f(i, a.Row(i))
		}
	}
	add("zero columns", func(a device.Dense[T]) {
		each(a, func(_ int, row []T) {
			for j := 0; j < n; j += 3 {
				row[j] = 0
			}
		})
	})
	add("one entry in a column", func(a device.Dense[T]) {
		each(a, func(i int, row []T) {
			row[1], row[2], row[n-1] = 0, 0, 0
			if i == 7 {
				row[1], row[2], row[n-1] = 1e-3, 5, -1e-3
			}
		})
	})
	add("equal columns", func(a device.Dense[T]) {
		each(a, func(_ int, row []T) { copy(row[n/2:], row[:n/2]) })
	})
	add("ones", func(a device.Dense[T]) {
		each(a, func(_ int, row []T) {
			for j := range row {
				row[j] = 1
			}
		})
	})
	add("one of many", func(a device.Dense[T]) { // and a column of ones, the sum of the others
		each(a, func(i int, row []T) {
			clear(row)
			row[0], row[1+i%(n-1)] = 1, 1
		})
	})
	add("columns of all sizes", func(a device.Dense[T]) {
		each(a, func(_ int, row []T) {
			for j := range row {
				row[j] = T(math.Ldexp(float64(row[j]), -3*j))
			}
		})
	})
	add("zero", func(a device.Dense[T]) { clear(a.Data) })
	list["rank 5"] = withSpectrum[T](302, m, n, append(logspace(5, 0, -1), zeros(n-5)...))
	list["condition 1e14 and zeros"] = withSpectrum[T](303, m, n, append(logspace(n-4, 0, -14), zeros(4)...))
	return list
}

func zeros(n int) []float64 { return make([]float64, n) }

// Tall matrices that Cholesky QR cannot do, rank-deficient ones above all, are
// decomposed by products all the same: to working accuracy, with a certificate
// that holds, and as many singular values above rounding as gonum finds.
func TestTallDeficient(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testTallDeficient[float64], testTallDeficient[float32])
	})
}

func testTallDeficient[T device.Float](t *testing.T, dev device.Device) {
	m, n := 240, 40
	eps := device.Epsilon[T]()
	for name, a := range deficient[T](m, n) {
		r, err := Compute(ctx, dev, a, Options{Method: Tall})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Method != Tall || len(r.Failed) > 0 {
			t.Errorf("%s: by %s, failed %v", name, r.Method, r.Failed)
		}
		residual, u, v := trueErrors(a, r)
		if tol := 3 * float64(n) * eps; !(residual <= tol && u <= tol && v <= tol) {
			t.Errorf("%s: residual %.3g, orthogonality %.3g and %.3g", name, residual, u, v)
		}
		if c := r.Certificate; !(u <= c.OrthogonalityU+10*eps && v <= c.OrthogonalityV+10*eps && residual <= 2*c.Residual+10*eps) {
			t.Errorf("%s: certified %+v, true %.3g, %.3g and %.3g", name, c, residual, u, v)
		}
		var reference mat.SVD
		if !reference.Factorize(device.ToMat(device.Convert[float64](a)), mat.SVDNone) {
			t.Fatal("no reference")
		}
		want := reference.Values(nil)
		for i, σ := range r.S {
			if d := math.Abs(float64(σ) - want[i]); !(d <= r.Certificate.ErrorBound+5*eps*want[0] && d <= 3*float64(n)*eps*want[0]) {
				t.Errorf("%s: σ%d = %v, gonum has %v, certified %.3g", name, i+1, σ, want[i], r.Certificate.ErrorBound)
			}
		}
	}
}

// Deflation alone is a factorization, over several levels.
func TestDeflate(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testDeflate[float64], testDeflate[float32])
	})
}

func testDeflate[T device.Float](t *testing.T, dev device.Device) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	for name, a := range deficient[T](120, 20) {
		b, c, g, d := q.Alloc(120, 20), q.Alloc(20, 20), q.Alloc(20, 20), q.Alloc(120, 20)
		if ok, err := deflate(ctx, q, device.Lend(q, a), b, c); !ok || err != nil {
			t.Errorf("%s: %v, %v", name, ok, err)
			continue
		}
		q.Copy(d, device.Lend(q, a))
		q.Gemm(device.NoTrans, device.NoTrans, -1, b, c, 1, d)
		q.Syrk(device.Transp, 1, b, 0, g)
		q.AddDiag(-1, g)
		norm := func(x device.Matrix[T]) float64 {
			square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, x, out) })
			if err != nil {
				t.Fatal(err)
			}
			return math.Sqrt(square)
		}
		if residual, loss, tol := norm(d), norm(g), 100*device.Epsilon[T](); !(residual <= tol*mat.Norm(device.ToMat(device.Convert[float64](a)), 2) && loss <= tol) {
			t.Errorf("%s: residual %.3g, loss of orthogonality %.3g", name, residual, loss)
		}
	}
}
