package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

// A matrix and a stack of matrices: values, vectors and certificates, on every
// device.
func TestEigh(t *testing.T) {
	dir := t.TempDir()
	one := write(t, filepath.Join(dir, "one.npy"), []int{2, 2}, 2, 1, 1, 2.0)
	stack := write(t, filepath.Join(dir, "stack.npy"), []int{3, 2, 2}, 2, 1, 1, 2, 0, 3, 3, 0, 5, 0, 0, -1.0)
	for _, b := range backends {
		for path, want := range map[string][]float64{one: {1, 3}, stack: {1, 3, -3, 3, -1, 5}} {
			out := filepath.Join(t.TempDir(), "out")
			plot := filepath.Join(t.TempDir(), "w.svg")
			got := ritz(t, "eigh", path, "--backend", b, "-o", out, "--plot", plot, "--json")
			var r struct {
				Shape       []int
				Values      []float64
				Certificate map[string]float64
				Outputs     map[string]string
				Converged   bool
			}
			if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != 0 {
				t.Fatalf("%s: exit code %d, %v\n%s%s", b, got.code, err, got.stdout, got.stderr)
			}
			bound := r.Certificate["error_bound"] + 5*r.Certificate["relative_error_bound"]
			for i, w := range want {
				if len(r.Values) != len(want) || math.Abs(r.Values[i]-w) > bound || !(bound < 1e-13) {
					t.Errorf("%s: values %v ± %v, want %v", b, r.Values, bound, want)
					break
				}
			}
			w, vt := array(t, r.Outputs["W"]), array(t, r.Outputs["Vt"])
			if len(w.Shape) != len(r.Shape)-1 || len(vt.Shape) != len(r.Shape) || len(vt.Data) != 2*len(w.Data) || !r.Converged {
				t.Errorf("%s: shapes %v and %v for %v", b, w.Shape, vt.Shape, r.Shape)
			}
			for i, x := range w.Data { // of 2×2 matrices, the second vector
				if i%2 == 1 && math.Hypot(vt.Data[2*i], vt.Data[2*i+1]) < 1-1e-14 || x != r.Values[i] {
					t.Errorf("%s: value %v, vector %v", b, x, vt.Data[2*i:2*i+2])
				}
			}
			if !strings.Contains(readText(t, plot), "Magnitudes") {
				t.Errorf("%s: no picture", b)
			}
		}
		part := filepath.Join(t.TempDir(), "part")
		if out := ritz(t, "eigh", one, "--backend", b, "--first", "1", "-o", part); out.code != 0 {
			t.Errorf("%s: %+v", b, out)
		} else if w, vt := array(t, filepath.Join(part, "W.npy")), array(t, filepath.Join(part, "Vt.npy")); len(w.Data) != 1 || math.Abs(w.Data[0]-3) > 1e-14 || vt.Shape[0] != 1 || vt.Shape[1] != 2 {
			t.Errorf("%s: the second of two eigenvalues is %v, with vectors of shape %v", b, w.Data, vt.Shape)
		}
		if out := ritz(t, "eigh", stack+"[1]", "--backend", b, "--values-only"); out.code != 0 || !strings.Contains(out.stdout, "-3 3") {
			t.Errorf("%s: %+v", b, out)
		}
	}
}

// What is wrong with a matrix of a stack is said with its number, when the others
// have been written.
func TestEighOfBrokenStack(t *testing.T) {
	dir := t.TempDir()
	stack := write(t, filepath.Join(dir, "stack.npy"), []int{3, 2, 2}, 2, 1, 1, 2, 0, math.NaN(), math.NaN(), 0, 5, 0, 1, 2)
	out := ritz(t, "eigh", stack, "-o", dir)
	if out.code != usage || !strings.Contains(out.stderr, "matrix 1 of the batch is not finite, the first of 2 among 3") {
		t.Errorf("%+v", out)
	}
	if w := array(t, filepath.Join(dir, "W.npy")).Data; math.Abs(w[0]-1) > 1e-15 || w[2] == w[2] || w[5] == w[5] {
		t.Errorf("values %v", w)
	}
	for name, c := range map[string]struct {
		shape []int
		data  []float64
		says  string
	}{
		"skew.npy":  {[]int{2, 2}, []float64{1, 2, 3, 4}, "not symmetric"},
		"wide.npy":  {[]int{2, 3}, make([]float64, 6), "square"},
		"flat.npy":  {[]int{4}, make([]float64, 4), "stack"},
		"large.npy": {[]int{1, 2, 2, 2}, make([]float64, 8), "stack"},
		"nan.npy":   {[]int{1, 1}, []float64{math.NaN()}, "nan.npy"},
	} {
		path := write(t, filepath.Join(dir, name), c.shape, c.data...)
		if out := ritz(t, "eigh", path); out.code != usage || !strings.Contains(out.stderr, c.says) || out.stdout != "" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	for _, args := range [][]string{{stack, "--last", "1"}, {write(t, filepath.Join(dir, "ok.npy"), []int{2, 2}, 2, 1, 1, 2.0), "--first", "2"}} {
		if out := ritz(t, append([]string{"eigh"}, args...)...); out.code != usage || out.stdout != "" {
			t.Errorf("%v: %+v", args, out)
		}
	}
}

func array(t *testing.T, path string) matio.Array[float64] {
	t.Helper()
	f, err := matio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := matio.Read[float64](f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
