package cli

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"
)

// tableValues are the singular values, but for zeros, of the 7×5 matrix
// i - j/4 that the files of the test data hold. It is the product of the 7×2
// matrix of columns i and 1 with the 2×5 matrix of rows 1 and -j/4, so that
// their squares are the eigenvalues of [91 21; 21 7] [5 -2.5; -2.5 1.875].
func tableValues() (float64, float64) {
	a, b := 91*5-21*2.5, -91*2.5+21*1.875
	c, d := 21*5-7*2.5, -21*2.5+7*1.875
	mean, det := (a+d)/2, a*d-b*c
	large := mean + math.Sqrt(mean*mean-det)
	return math.Sqrt(large), math.Sqrt(det / large)
}

// Every format, element type and memory order gives the same singular values,
// on every device.
func TestFormats(t *testing.T) {
	dir := t.TempDir()
	var mtx, sparse bytes.Buffer
	fmt.Fprint(&mtx, "%%MatrixMarket matrix array real general\n% by columns\n7 5\n")
	fmt.Fprint(&sparse, "%%MatrixMarket matrix coordinate real general\n7 5 35\n")
	for j := range 5 {
		for i := range 7 {
			fmt.Fprintln(&mtx, float64(i)-float64(j)/4)
			fmt.Fprintln(&sparse, i+1, j+1, float64(i)-float64(j)/4)
		}
	}
	dense := writeBytes(t, filepath.Join(dir, "dense.mtx"), mtx.Bytes())
	coordinate := writeBytes(t, filepath.Join(dir, "coordinate.mtx"), sparse.Bytes())

	tall, wide := []int{7, 5}, []int{5, 7}
	cases := []struct {
		args  []string
		dtype string
		shape []int
	}{
		{[]string{testdata + "f2_c.npy"}, "f32", tall},
		{[]string{testdata + "f2_f.npy"}, "f32", tall},
		{[]string{testdata + "f2_big.npy"}, "f32", tall},
		{[]string{testdata + "f4_c.npy"}, "f32", tall},
		{[]string{testdata + "f4_f.npy"}, "f32", tall},
		{[]string{testdata + "f4_big.npy"}, "f32", tall},
		{[]string{testdata + "f4_f.npy", "--dtype", "f64"}, "f64", tall},
		{[]string{testdata + "f8_c.npy"}, "f64", tall},
		{[]string{testdata + "f8_f.npy"}, "f64", tall},
		{[]string{testdata + "f8_big.npy"}, "f64", tall},
		{[]string{testdata + "f8_c.npy", "--dtype", "f32"}, "f32", tall},
		{[]string{testdata + "strided.npy"}, "f64", tall},
		{[]string{testdata + "compressed.npz:first"}, "f64", tall},
		{[]string{testdata + "compressed.npz", "--tensor", "second"}, "f32", wide},
		{[]string{testdata + "two.safetensors", "--tensor", "layer.0.weight"}, "f32", tall},
		{[]string{testdata + "two.safetensors", "--tensor", "*.1.*"}, "f32", tall},
		{[]string{testdata + "two.safetensors:layer.0.weight"}, "f32", tall},
		{[]string{testdata + "table.csv"}, "f64", tall},
		{[]string{dense}, "f64", tall},
		{[]string{coordinate}, "f64", tall},
	}
	s1, s2 := tableValues()
	for _, b := range backends {
		for _, c := range cases {
			args := append([]string{"svd", "--backend", b}, c.args...)
			r := compute(t, 0, args...)
			if r.DType != c.dtype || !slices.Equal(r.Shape, c.shape) {
				t.Errorf("%v: %s of shape %v, want %s of %v", args, r.DType, r.Shape, c.dtype, c.shape)
			}
			// A backward stable algorithm is off by a small multiple of eps·σ₁.
			tol := 40 * 0x1p-53 * s1
			if c.dtype == "f32" {
				tol = 40 * 0x1p-24 * s1
			}
			if len(r.Values) != 5 {
				t.Errorf("%v: %d values, want 5", args, len(r.Values))
				continue
			}
			for i, want := range []float64{s1, s2, 0, 0, 0} {
				if math.Abs(r.Values[i]-want) > tol {
					t.Errorf("%v: σ%d = %.17g, want %.17g ± %.2g", args, i+1, r.Values[i], want, tol)
				}
			}
		}
	}
}

// Rows of an IDX file are chosen by [lo:hi], [lo:] and [i]; the rows of the
// parts together have the Frobenius norm of the whole.
func TestRowRanges(t *testing.T) {
	norm := func(rows string, want int) float64 {
		t.Helper()
		r := compute(t, 0, "svd", images+rows, "--backend", "go", "--dtype", "f64", "--values-only")
		if !slices.Equal(r.Shape, []int{want, 784}) {
			t.Errorf("%s: shape %v, want [%d 784]", rows, r.Shape, want)
		}
		sum := 0.0
		for _, v := range r.Values {
			sum += v * v
		}
		return sum
	}
	whole, parts := norm("[9980:]", 20), norm("[9980:9999]", 19)+norm("[9999]", 1)
	if math.Abs(whole-parts) > 1e-12*whole {
		t.Errorf("squared norm of rows 9980 to the end %v, of the parts %v", whole, parts)
	}
	for _, rows := range []string{"[10000]", "[20000:]", "[5:5]", "[7:3]", "[9223372036854775807]", "[99999999999999999999]"} {
		if out := ritz(t, "svd", images+rows, "--backend", "go"); out.code == 0 {
			t.Errorf("%s: accepted:\n%s", rows, out.stdout)
		}
	}
}
