package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Eigenvalues of either sign, clusters, zeros and all scales, against those
// that the matrix was made from or gonum's.
func TestEigh(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testEigh[float64], testEigh[float32])
	})
}

func testEigh[T device.Float](t *testing.T, dev device.Device) {
	spectra := map[string][]float64{
		"both signs":     {-3, -1, -0.5, 0.25, 0.5, 1, 2, 7},
		"indefinite":     {-5, -4, -3, -2, -1},
		"cluster":        {1, 1, 1, 1, 1 + 1e-9, 2},
		"deficient":      {0, 0, 0, 1, 2, 3},
		"graded":         {1e-12, 1e-9, 1e-6, 1e-3, 1},
		"plus and minus": {-1, -1, 1, 1},
		"one":            {-2},
	}
	spectra["larger"] = make([]float64, 60)
	for i := range spectra["larger"] {
		spectra["larger"][i] = math.Sin(float64(i))
	}
	scales := map[string]int{"": 0}
	for name, e := range matrices.Scales[T]() {
		scales[name] = e
	}
	for name, w := range spectra {
		base := matrices.Symmetric[float64](81, w)
		for scale, e := range scales {
			a := matrices.Scaled[T](base, e)
			for i := range a.Rows { // rounding a denormal number can spoil symmetry
				for j := range i {
					a.Set(j, i, a.At(i, j))
				}
			}
			checkEigh(t, dev, name+" "+scale, a)
		}
	}
	for _, n := range []int{1, 2, 5} {
		checkEigh(t, dev, "zero", device.NewDense[T](n, n))
		equal := matrices.Filled[T](n, n, func(int, int) float64 { return 7 })
		checkEigh(t, dev, "all equal", equal)
	}
	checkEigh(t, dev, "Hilbert", matrices.Hilbert[T](12))
}

func checkEigh[T device.Float](t *testing.T, dev device.Device, name string, a device.Dense[T]) {
	t.Helper()
	n, eps := a.Rows, device.Epsilon[T]()
	r, err := Eigh(ctx, dev, a, EighOptions{})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	b, e := matrices.Unscaled(a)
	var ref mat.EigenSym
	sym := mat.NewSymDense(n, b.Data)
	if !ref.Factorize(sym, false) {
		t.Fatal("no reference")
	}
	want := ref.Values(nil)
	largest := max(math.Abs(want[0]), math.Abs(want[n-1]))
	grain := math.Ldexp(matrices.Least[T](), -e)
	bound := math.Ldexp(r.Certificate.ErrorBound, -e)
	for i, v := range r.Values {
		if d := math.Abs(math.Ldexp(float64(v), -e) - want[i]); d > 10*float64(n)*eps*largest+grain || d > bound+20*0x1p-52*largest*float64(n) {
			t.Errorf("%s: λ%d is off by %.3g of %.3g, certified %.3g", name, i, d, largest, bound)
		}
	}
	// ‖A·V - V·Λ‖ and ‖VᵀV - I‖, in float64.
	v := device.ToMat(device.Convert[float64](r.Vt))
	var av, vv mat.Dense
	av.Mul(v, device.ToMat(b))
	vv.Mul(v, v.T())
	residual, orthogonality := 0.0, 0.0
	for i := range n {
		λ := math.Ldexp(float64(r.Values[i]), -e)
		for j := range n {
			residual = math.Hypot(residual, av.At(i, j)-λ*v.At(i, j))
			x := vv.At(i, j)
			if i == j {
				x--
			}
			orthogonality = math.Hypot(orthogonality, x)
		}
		if row := r.Vt.Row(i); -slices.Min(row) > slices.Max(row) {
			t.Errorf("%s: the largest entry of eigenvector %d is negative", name, i)
		}
	}
	if residual > 10*float64(n)*eps*largest+float64(n)*grain || orthogonality > 10*float64(n)*eps {
		t.Errorf("%s: residual %.3g of %.3g, orthogonality %.3g", name, residual, largest, orthogonality)
	}
	if c := r.Certificate; c.Orthogonality < orthogonality/math.Sqrt(float64(n))-8*0x1p-52 {
		t.Errorf("%s: orthogonality %.3g, certified %.3g", name, orthogonality, c.Orthogonality)
	}
}

// Ranges and values alone are those of the whole, to rounding errors, with
// certificates that hold.
func TestEighParts(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testEighParts[float64], testEighParts[float32])
	})
}

func testEighParts[T device.Float](t *testing.T, dev device.Device) {
	spectra := map[string][]float64{"seven": {-2, -1, 0.5, 1, 3, 4, 9}, "one": {-3}, "clusters": make([]float64, 60), "zero": make([]float64, 9)}
	for i := range spectra["clusters"] {
		spectra["clusters"][i] = float64(i/12) - 2
	}
	for name, λ := range spectra {
		n := len(λ)
		eps := device.Epsilon[T]()
		size := max(-λ[0], λ[n-1])
		a := matrices.Symmetric[T](82, λ)
		wide := device.Convert[float64](a)
		for _, o := range []EighOptions{{First: n / 3, Last: n/3 + 1}, {Last: 1}, {First: n - 1}, {Last: (n + 3) / 4}, {First: n / 9, Last: n, ValuesOnly: true}, {First: n / 4}} {
			r, err := Eigh(ctx, dev, a, o)
			if err != nil {
				t.Fatal(err)
			}
			last := o.Last
			if last == 0 {
				last = n
			}
			k := last - o.First
			if len(r.Values) != k || o.ValuesOnly != (r.Vt.Data == nil) || !o.ValuesOnly && (r.Vt.Rows != k || r.Vt.Cols != n) {
				t.Fatalf("%s, %+v: %d values, Vt %d×%d", name, o, len(r.Values), r.Vt.Rows, r.Vt.Cols)
			}
			allowed := 10 * float64(n) * eps * size
			for i, v := range r.Values {
				if d := math.Abs(float64(v) - λ[o.First+i]); d > allowed || d > r.Certificate.ErrorBound+float64(n)*eps*size {
					t.Errorf("%s, %+v: λ%d = %v, want %v, certified %.3g", name, o, o.First+i, v, λ[o.First+i], r.Certificate.ErrorBound)
				}
			}
			if o.ValuesOnly {
				if c := r.Certificate; c.Residual == c.Residual || c.Orthogonality == c.Orthogonality {
					t.Errorf("%s: without vectors the certificate is %+v", name, c)
				}
				continue
			}
			residual, loss := 0.0, 0.0
			for i := range k {
				v := device.Convert[float64](r.Vt).Row(i)
				for j := range n {
					residual = math.Hypot(residual, blas64.Dot(blas64.Vector{N: n, Inc: 1, Data: v}, blas64.Vector{N: n, Inc: 1, Data: wide.Row(j)})-float64(r.Values[i])*v[j])
				}
				for l := range k {
					x := blas64.Dot(blas64.Vector{N: n, Inc: 1, Data: v}, blas64.Vector{N: n, Inc: 1, Data: device.Convert[float64](r.Vt).Row(l)})
					if l == i {
						x--
					}
					loss = math.Hypot(loss, x)
				}
			}
			if residual > allowed || loss > 10*float64(n)*eps {
				t.Errorf("%s, %+v: residual %.3g, orthogonality %.3g", name, o, residual, loss)
			}
			if c := r.Certificate; residual/math.Sqrt(float64(k)) > c.ErrorBound+20*eps*size || loss/math.Sqrt(float64(k)) > c.Orthogonality+20*0x1p-52 {
				t.Errorf("%s, %+v: residual %.3g, orthogonality %.3g, certified %+v", name, o, residual, loss, c)
			}
		}
	}
}

// A failure or a wrong result of the device is made good by rotations.
func TestEighFallsToJacobi(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		w := []float64{-2, -1, 1e-3, 0.5, 0.5, 4}
		a := matrices.Symmetric[float64](83, w)
		for _, wrong := range []bool{false, true} {
			r, err := Eigh(ctx, &unreliable{dev, 0, math.MaxInt, wrong}, a, EighOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Method != Jacobi || len(r.Failed) != 1 || !errors.Is(r.Failed[0].Err, device.ErrNotConverged) {
				t.Errorf("%s after %v", r.Method, r.Failed)
			}
			for i, λ := range w {
				if d := math.Abs(r.Values[i] - λ); d > 1e-14 || d > r.Certificate.ErrorBound {
					t.Errorf("λ%d = %v, want %v, certified %.3g", i, r.Values[i], λ, r.Certificate.ErrorBound)
				}
			}
		}
	})
}

func TestEighRefusals(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testEighRefusals[float64], testEighRefusals[float32])
	})
}

func testEighRefusals[T device.Float](t *testing.T, dev device.Device) {
	good := matrices.Symmetric[T](84, []float64{1, 2, 3, 4})
	for name, bad := range refusal.Matrices(good) {
		refuses(t, name, bad.Want, func() error { _, err := Eigh(ctx, dev, bad.A, EighOptions{}); return err })
	}
	skew := good.Clone()
	skew.Set(0, 1, skew.At(0, 1)+1e-3)
	huge := matrices.Filled[T](3, 3, func(int, int) float64 { return matrices.Largest[T]() })
	for name, c := range map[string]struct {
		a    device.Dense[T]
		o    EighOptions
		want error
	}{
		"not square":      {normal[T](1, 4, 5), EighOptions{}, device.ErrShape},
		"not symmetric":   {skew, EighOptions{}, device.ErrArgument},
		"first":           {good, EighOptions{First: -1}, device.ErrArgument},
		"last":            {good, EighOptions{Last: 5}, device.ErrArgument},
		"empty range":     {good, EighOptions{First: 2, Last: 2}, device.ErrArgument},
		"first at end":    {good, EighOptions{First: 4}, device.ErrArgument},
		"overflow":        {huge, EighOptions{}, device.ErrNotFinite},
		"within the mean": {good, EighOptions{Last: 4}, nil},
	} {
		refuses(t, name, c.want, func() error { _, err := Eigh(ctx, dev, c.a, c.o); return err })
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	refuses(t, "cancelled", context.Canceled, func() error { _, err := Eigh(cancelled, dev, good, EighOptions{}); return err })
	refuses(t, "no device", device.ErrClosed, func() error { _, err := Eigh(ctx, nil, good, EighOptions{}); return err })
}

func ExampleEigh() {
	// The path of three vertices has the Laplacian eigenvalues 0, 1 and 3.
	a := device.Dense[float64]{Rows: 3, Cols: 3, Stride: 3, Data: []float64{
		1, -1, 0,
		-1, 2, -1,
		0, -1, 1,
	}}
	r, err := Eigh(ctx, device.Go(), a, EighOptions{First: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.6f, off by less than 1e-13: %v\n", r.Values, r.Certificate.ErrorBound < 1e-13)
	// Output: [1.000000 3.000000], off by less than 1e-13: true
}
