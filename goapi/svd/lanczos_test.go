package svd

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// top runs Top on a matrix that is on the device.
func top[T device.Float](dev device.Device, a device.Dense[T], o TopOptions) (*Triplets[T], error) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	m := device.Lend(q, a)
	if err := q.Sync(); err != nil { // Top has a queue of its own
		return nil, err
	}
	return Top(ctx, dev, Matrix(m), o)
}

// Triplets are those of the known spectrum to the tolerance, and their
// residuals are true.
func TestTop(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testTop[float64], testTop[float32])
	})
}

func testTop[T device.Float](t *testing.T, dev device.Device) {
	eps, tol := device.Epsilon[T](), 1e-10
	if eps > 1e-10 {
		tol = 1e-5
	}
	double := make([]float64, 100)
	for i := range double {
		double[i] = 1 / float64(1+i/2)
	}
	slow := make([]float64, 100)
	for i := range slow {
		slow[i] = 1 + 1/float64(i+1)
	}
	deficient := append(logspace(5, 0, -1), make([]float64, 95)...)
	few := make([]float64, 100) // the Krylov space of a vector has dimension 2
	for i := range few {
		few[i] = 0.5
		if i < 3 {
			few[i] = 1
		}
	}
	for name, c := range map[string]struct {
		shape    [2]int
		spectrum []float64
		o        TopOptions
	}{
		"few values":        {[2]int{150, 100}, few, TopOptions{Rank: 2, Block: 1}},
		"few values, block": {[2]int{150, 100}, few, TopOptions{Rank: 3, Block: 2}},
		"decaying":          {[2]int{150, 100}, logspace(100, 0, -4), TopOptions{Rank: 6}},
		"wide":              {[2]int{100, 150}, logspace(100, 0, -4), TopOptions{Rank: 6}},
		"pairs":             {[2]int{150, 100}, double, TopOptions{Rank: 6, Block: 2}},
		"slow":              {[2]int{150, 100}, slow, TopOptions{Rank: 3}},
		"one by one":        {[2]int{150, 100}, slow, TopOptions{Rank: 3, Block: 1, Basis: 6}},
		"rank 5 of 10":      {[2]int{150, 100}, deficient, TopOptions{Rank: 10}},
		"large":             {[2]int{150, 100}, logspace(100, 32, 28), TopOptions{Rank: 4}},
		"small":             {[2]int{150, 100}, logspace(100, -30, -34), TopOptions{Rank: 4}},
		"all":               {[2]int{30, 12}, logspace(12, 0, -3), TopOptions{Rank: 12}},
		"all, wide":         {[2]int{12, 30}, logspace(12, 0, -3), TopOptions{Rank: 12, Block: 5}},
		"nearly all":        {[2]int{30, 13}, logspace(13, 0, -3), TopOptions{Rank: 3, Block: 5}},
		"one column":        {[2]int{9, 1}, []float64{2}, TopOptions{Rank: 1}},
		"basis to the edge": {[2]int{30, 14}, logspace(14, 0, -1), TopOptions{Rank: 3, Block: 4, Basis: 13}},
		"zero":              {[2]int{20, 10}, make([]float64, 10), TopOptions{Rank: 2}},
	} {
		a := withSpectrum[T](81, c.shape[0], c.shape[1], c.spectrum)
		r, err := top(dev, a, c.o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		largest := c.spectrum[0]
		viaCompute := &Result[T]{}
		if c.o == (TopOptions{Rank: c.o.Rank}) && largest > 1e-3 && largest < 1e3 { // else it scales
			if viaCompute, err = Compute(ctx, dev, a, Options{Method: Lanczos, Rank: c.o.Rank}); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if b := viaCompute.Certificate.ErrorBound; viaCompute.Method != Lanczos || !(b < (tol+100*eps)*largest*10*float64(c.o.Rank)) {
				t.Errorf("%s: method %s, certified %.3g", name, viaCompute.Method, b)
			}
		}
		checkTriplets(t, name, a, r, 20*eps*largest)
		for i, s := range r.S {
			// Making the matrix rounded it.
			if d := math.Abs(float64(s) - c.spectrum[i]); d > (tol+20*eps)*largest {
				t.Errorf("%s: σ%d is %v, want %v", name, i+1, s, c.spectrum[i])
			}
			if i < len(viaCompute.S) && viaCompute.S[i] != s {
				t.Errorf("%s: Compute finds σ%d = %v, Top %v", name, i+1, viaCompute.S[i], s)
			}
			if max(r.LeftResiduals[i], r.RightResiduals[i]) > tol*largest {
				t.Errorf("%s: residuals %.3g and %.3g of σ%d", name, r.LeftResiduals[i], r.RightResiduals[i], i+1)
			}
		}
	}
}

// checkTriplets compares the stated residuals with the true ones, and bounds
// the loss of orthogonality.
func checkTriplets[T device.Float](t *testing.T, name string, a device.Dense[T], r *Triplets[T], rounding float64) {
	t.Helper()
	for i, σ := range r.S {
		left, right := 0.0, 0.0
		for x := range a.Rows {
			sum := -float64(σ) * float64(r.U.At(x, i))
			for y := range a.Cols {
				sum += float64(a.At(x, y)) * float64(r.Vt.At(i, y))
			}
			left += sum * sum
		}
		for y := range a.Cols {
			sum := -float64(σ) * float64(r.Vt.At(i, y))
			for x := range a.Rows {
				sum += float64(a.At(x, y)) * float64(r.U.At(x, i))
			}
			right += sum * sum
		}
		if dl, dr := math.Abs(math.Sqrt(left)-r.LeftResiduals[i]), math.Abs(math.Sqrt(right)-r.RightResiduals[i]); dl > rounding || dr > rounding {
			t.Errorf("%s: residuals of σ%d are %.3g and %.3g, stated %.3g and %.3g", name, i+1,
				math.Sqrt(left), math.Sqrt(right), r.LeftResiduals[i], r.RightResiduals[i])
		}
	}
	_, orthU, orthV := trueErrors(a, &Result[T]{U: r.U, S: r.S, Vt: r.Vt})
	if limit := 50 * device.Epsilon[T]() * math.Sqrt(float64(len(r.S))); orthU > limit || orthV > limit {
		t.Errorf("%s: orthogonality %.3g and %.3g", name, orthU, orthV)
	}
}

// The first differences of a grid have the values 2·sin(jπ/(2n+2))-like
// closed form: those of the n×(n+1) path are 2·cos(jπ/(2(n+1))), j = 1…n.
func TestTopSparse(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n = 400
		path := CSR[float64]{Rows: n, Cols: n + 1, Start: []int{0}}
		for i := range n {
			path.Columns, path.Values = append(path.Columns, i, i+1), append(path.Values, -1, 1)
			path.Start = append(path.Start, len(path.Values))
		}
		op, err := Sparse(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Top(ctx, dev, op, TopOptions{Rank: 3, Tol: 1e-7, Basis: 60, MaxProducts: 100000})
		if err != nil {
			t.Fatal(err)
		}
		for j, s := range r.S {
			want := 2 * math.Cos(float64(j+1)*math.Pi/(2*(n+1)))
			// Close values: the error of a value is quadratic in the residual
			// over the gap, 1e-7²/1e-5.
			if math.Abs(s-want) > 1e-9 {
				t.Errorf("σ%d = %.12f, want %.12f", j+1, s, want)
			}
		}
	})
}

func TestTopRefusals(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testTopRefusals[float64], testTopRefusals[float32])
	})
}

func testTopRefusals[T device.Float](t *testing.T, dev device.Device) {
	a := withSpectrum[T](82, 90, 80, logspace(80, 0, -0.01))
	for name, o := range map[string]TopOptions{
		"rank 0":    {},
		"rank > k":  {Rank: 81},
		"tolerance": {Rank: 2, Tol: device.Epsilon[T]()},
		"tol NaN":   {Rank: 2, Tol: math.NaN()},
		"tol 1":     {Rank: 2, Tol: 1},
		"block":     {Rank: 2, Block: -1},
		"basis":     {Rank: 5, Basis: 8},
		"basis < 0": {Rank: 5, Basis: -8},
		"products":  {Rank: 5, MaxProducts: -1},
	} {
		refuses(t, name, device.ErrArgument, func() error { _, err := top(dev, a, o); return err })
	}
	refuses(t, "nil", device.ErrArgument, func() error { _, err := Top[T](ctx, dev, nil, TopOptions{Rank: 1}); return err })
	refuses(t, "empty", device.ErrEmpty, func() error { _, err := Top(ctx, dev, Matrix(device.Matrix[T]{}), TopOptions{Rank: 1}); return err })
	bad := a.Clone()
	bad.Set(4, 5, T(math.NaN()))
	refuses(t, "NaN", device.ErrNotFinite, func() error { _, err := top(dev, bad, TopOptions{Rank: 1}); return err })
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	refuses(t, "cancelled", context.Canceled, func() error {
		_, err := Top(cancelled, dev, Blocks(Rows(a), 9), TopOptions{Rank: 1})
		return err
	})
	r, err := top(dev, a, TopOptions{Rank: 5, MaxProducts: 60})
	e := new(device.NotConvergedError)
	if !errors.As(err, &e) || r == nil {
		t.Fatalf("60 products: %v, %v", r, err)
	}
	checkTriplets(t, "60 products", a, r, 20*device.Epsilon[T]())
	worst := max(slices.Max(r.LeftResiduals), slices.Max(r.RightResiduals))
	if r.Products > 60+2*(4+5) || math.Abs(e.Achieved-worst/float64(r.S[0])) > 1e-6*e.Achieved || e.Achieved < e.Wanted {
		t.Errorf("%d products, %v, worst residual %.3g", r.Products, e, worst)
	}
}
