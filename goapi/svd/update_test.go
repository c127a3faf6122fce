package svd

import (
	"context"
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// below returns b under a.
func below[T device.Float](a, b device.Dense[T]) device.Dense[T] {
	return device.Dense[T]{Rows: a.Rows + b.Rows, Cols: a.Cols, Stride: a.Cols, Data: append(append([]T(nil), a.Data...), b.Data...)}
}

// After rows were appended and a product was added, the decomposition is that
// of the changed matrix from scratch.
func TestIncremental(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testIncremental[float64], testIncremental[float32])
	})
}

func testIncremental[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, shape := range [][3]int{{1000, 100, 16}, {20, 60, 16}, {40, 40, 7}, {3, 20, 30}, {5, 1, 4}, {1, 1, 1}} {
		m, n, p := shape[0], shape[1], shape[2]
		a := normal[T](91, m, n)
		first, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		i, err := NewIncremental(dev, first, 0)
		if err != nil {
			t.Fatal(err)
		}
		rows := normal[T](92, p, n)
		a = below(a, rows)
		if err := i.Append(ctx, rows); err != nil {
			t.Fatalf("%v: %v", shape, err)
		}
		sameAsScratch(t, fmt.Sprintf("%v appended", shape), dev, a, i)
		x, y := normal[T](93, m+p, 2), normal[T](94, n, 2)
		var add mat.Dense
		add.Mul(device.ToMat(device.Convert[float64](x)), device.ToMat(device.Convert[float64](y)).T())
		for r := range a.Rows {
			for c := range a.Cols {
				a.Set(r, c, a.At(r, c)+T(add.At(r, c)))
			}
		}
		if err := i.Update(ctx, x, y); err != nil {
			t.Fatalf("%v: %v", shape, err)
		}
		sameAsScratch(t, fmt.Sprintf("%v updated", shape), dev, a, i)
	}
	// With a limited rank, what is cut off is in the certificate.
	a := withSpectrum[T](95, 80, 40, logspace(40, 0, -2))
	first, err := Compute(ctx, dev, a.Slice(0, 20, 0, 40), Options{Rank: 15})
	if err != nil {
		t.Fatal(err)
	}
	i, err := NewIncremental(dev, first, 15)
	if err != nil {
		t.Fatal(err)
	}
	for lo := 20; lo < 80; lo += 20 {
		if err := i.Append(ctx, a.Slice(lo, lo+20, 0, 40)); err != nil {
			t.Fatal(err)
		}
	}
	r, err := i.Result()
	if err != nil || len(r.S) != 15 {
		t.Fatalf("rank %d, %v", len(r.S), err)
	}
	residual, orthU, orthV := trueErrors(a, r)
	residual *= mat.Norm(device.ToMat(device.Convert[float64](a)), 2)
	stated := r.Certificate.Residual * i.size()
	if residual > stated || stated > 20*residual || orthU > 100*eps || orthV > 100*eps {
		t.Errorf("limited rank: ‖A - USVᵀ‖ = %.3g, stated %.3g; orthogonality %.3g and %.3g", residual, stated, orthU, orthV)
	}
	for j, s := range logspace(40, 0, -2)[:15] {
		if d := math.Abs(s - float64(r.S[j])); d > r.Certificate.ErrorBound {
			t.Errorf("limited rank: σ%d off by %.3g, certified %.3g", j+1, d, r.Certificate.ErrorBound)
		}
	}
}

func sameAsScratch[T device.Float](t *testing.T, name string, dev device.Device, a device.Dense[T], i *Incremental[T]) {
	t.Helper()
	want, err := Compute(ctx, dev, a, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := i.Result()
	if err != nil || len(got.S) < len(want.S) {
		t.Errorf("%s: %d values, %v", name, len(got.S), err)
		return
	}
	limit := 1e-12 / 0x1p-52 * device.Epsilon[T]() // 4500 eps; 50 eps were seen
	for j, s := range got.S {
		σ := T(0)
		if j < len(want.S) {
			σ = want.S[j]
		}
		d := math.Abs(float64(s - σ))
		if d > limit*float64(want.S[0]) || d > got.Certificate.ErrorBound+want.Certificate.ErrorBound {
			t.Errorf("%s: σ%d off by %.3g of %.3g, certified %.3g", name, j+1, d, want.S[0], got.Certificate.ErrorBound)
		}
	}
	residual, orthU, orthV := trueErrors(a, got)
	if residual > limit || orthU > limit || orthV > limit || residual > got.Certificate.Residual {
		t.Errorf("%s: residual %.3g (certified %.3g), orthogonality %.3g and %.3g", name, residual, got.Certificate.Residual, orthU, orthV)
	}
}

// The sketch of frequent directions keeps to its bound in every direction, and
// the bound to what theory promises.
func TestFrequentDirections(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testFrequentDirections[float64], testFrequentDirections[float32])
	})
}

func testFrequentDirections[T device.Float](t *testing.T, dev device.Device) {
	for _, c := range []struct {
		m, n, l  int
		spectrum []float64
	}{
		{500, 40, 12, logspace(40, 1, -1)}, {300, 20, 10, logspace(20, 0, -0.1)}, {60, 90, 16, logspace(60, 0, -4)},
		{30, 8, 20, logspace(8, 0, -1)}, {7, 9, 8, logspace(7, 0, -1)}, {40, 6, 1, logspace(6, 0, -1)},
	} {
		name := fmt.Sprintf("%d×%d, %d rows", c.m, c.n, c.l)
		a := withSpectrum[T](96, c.m, c.n, c.spectrum)
		d, err := NewFrequentDirections[T](dev, c.l, c.n)
		if err != nil {
			t.Fatal(err)
		}
		for lo := 0; lo < c.m; lo += 13 {
			hi := min(lo+13, c.m)
			if rows, err := d.Add(ctx, a.Slice(lo, hi, 0, c.n)); err != nil || rows != hi-lo {
				t.Fatalf("%s: %d rows, %v", name, rows, err)
			}
		}
		b, bound, err := d.Sketch(ctx)
		if err != nil || b.Rows > c.l {
			t.Fatalf("%s: %d rows, %v", name, b.Rows, err)
		}
		A := device.ToMat(device.Convert[float64](a))
		diff := new(mat.SymDense)
		diff.SymOuterK(1, A.T())
		if b.Rows > 0 { // gonum refuses empty matrices
			B, gram := device.ToMat(device.Convert[float64](b)), new(mat.SymDense)
			gram.SymOuterK(1, B.T())
			for i := range c.n {
				for j := i; j < c.n; j++ {
					diff.SetSym(i, j, diff.At(i, j)-gram.At(i, j))
				}
			}
		}
		var e mat.EigenSym
		if !e.Factorize(diff, false) {
			t.Fatal("no eigenvalues")
		}
		values := e.Values(nil)
		least, most := values[0], values[c.n-1]
		rounding := 1e3 * device.Epsilon[T]() * c.spectrum[0] * c.spectrum[0]
		promised := math.Inf(1)
		for k := range min(c.l, len(c.spectrum)) {
			tail := 0.0
			for _, s := range c.spectrum[k:] {
				tail += s * s
			}
			promised = min(promised, tail/float64(c.l-k))
		}
		if len(c.spectrum) < c.l {
			promised = 0
		}
		if least < -rounding || most > bound+rounding/10 || bound > promised+rounding {
			t.Errorf("%s: AᵀA - BᵀB has eigenvalues from %.3g to %.3g, bound %.3g, promised %.3g", name, least, most, bound, promised)
		}
	}
}

func TestUpdateRefusals(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testUpdateRefusals[float64], testUpdateRefusals[float32])
	})
}

func testUpdateRefusals[T device.Float](t *testing.T, dev device.Device) {
	r, err := Compute(ctx, dev, normal[T](97, 9, 6), Options{})
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, "nil", device.ErrArgument, func() error { _, err := NewIncremental[T](dev, nil, 0); return err })
	refuses(t, "no vectors", device.ErrArgument, func() error { _, err := NewIncremental(dev, &Result[T]{S: r.S}, 0); return err })
	refuses(t, "rank", device.ErrArgument, func() error { _, err := NewIncremental(dev, r, -1); return err })
	i, err := NewIncremental(dev, r, 0)
	if err != nil {
		t.Fatal(err)
	}
	nan, huge := normal[T](98, 2, 6), normal[T](98, 2, 6)
	nan.Set(1, 3, T(math.NaN()))
	huge.Set(1, 3, T(1e36))
	if device.Epsilon[T]() < 1e-10 {
		huge.Set(1, 3, T(math.Ldexp(1, 900)))
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	refuses(t, "columns", device.ErrShape, func() error { return i.Append(ctx, normal[T](1, 2, 5)) })
	refuses(t, "no rows", device.ErrEmpty, func() error { return i.Append(ctx, device.NewDense[T](0, 6)) })
	refuses(t, "NaN", device.ErrNotFinite, func() error { return i.Append(ctx, nan) })
	refuses(t, "huge", device.ErrArgument, func() error { return i.Append(ctx, huge) })
	refuses(t, "cancelled", context.Canceled, func() error { return i.Append(cancelled, normal[T](1, 2, 6)) })
	refuses(t, "update shape", device.ErrShape, func() error { return i.Update(ctx, normal[T](1, 9, 2), normal[T](1, 6, 3)) })
	refuses(t, "update rows", device.ErrShape, func() error { return i.Update(ctx, normal[T](1, 8, 2), normal[T](1, 6, 2)) })
	refuses(t, "update NaN", device.ErrNotFinite, func() error { return i.Update(ctx, normal[T](1, 9, 2), nan.T()) })
	sameAsScratch(t, "after errors", dev, normal[T](97, 9, 6), i)

	refuses(t, "sketch of nothing", device.ErrArgument, func() error { _, err := NewFrequentDirections[T](dev, 0, 6); return err })
	refuses(t, "no length", device.ErrArgument, func() error { _, err := NewFrequentDirections[T](dev, 2, 0); return err })
	refuses(t, "too large", device.ErrArgument, func() error { _, err := NewFrequentDirections[T](dev, math.MaxInt, 6); return err })
	d, err := NewFrequentDirections[T](dev, 2, 6)
	if err != nil {
		t.Fatal(err)
	}
	add := func(ctx context.Context, a device.Dense[T]) func() error {
		return func() error { _, err := d.Add(ctx, a); return err }
	}
	refuses(t, "sketch, columns", device.ErrShape, add(ctx, normal[T](1, 2, 5)))
	refuses(t, "sketch, NaN", device.ErrNotFinite, add(ctx, nan))
	refuses(t, "sketch, huge", device.ErrArgument, add(ctx, huge))
	refuses(t, "sketch, cancelled", context.Canceled, add(cancelled, normal[T](1, 9, 6)))
}
