package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

// staircase is an m×n matrix, n ≥ 16, with the singular values 1, 1/2, 1/4, …,
// 2^-14: a scaled part of the orthonormal cosines on either side.
func staircase(m, n int) []float64 {
	side := func(n int) []float64 {
		x := make([]float64, 16*n)
		for k := 1; k < 16; k++ {
			for i := range n {
				x[k*n+i] = math.Sqrt(2/float64(n)) * math.Cos(math.Pi*(float64(i)+0.5)*float64(k)/float64(n))
			}
		}
		return x
	}
	left, right := side(m), side(n)
	a := make([]float64, m*n)
	for i := range m {
		for k := 1; k < 16; k++ {
			x := math.Ldexp(left[k*m+i], 1-k)
			for j := range n {
				a[i*n+j] += x * right[k*n+j]
			}
		}
	}
	return a
}

// --tol takes as many singular values as the tolerance needs.
func TestTolerance(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "A.npy"), []int{300, 40}, staircase(300, 40)...)
	for _, b := range backends {
		for tol, want := range map[string]int{"0.3": 2, "0.01": 7, "1e-3": 10} {
			// What rank k leaves is 2^-k of the norm; the end of the staircase
			// is 2^-15 of it.
			for _, method := range []string{"auto", "full"} {
				dir := filepath.Join(t.TempDir(), "factors")
				r := compute(t, 0, "svd", path, "--backend", b, "--tol", tol, "--method", method, "-o", dir)
				if len(r.Values) != want || math.Abs(r.number(t, "residual")-math.Ldexp(1, -want)) > 1e-3*math.Ldexp(1, -want) {
					t.Errorf("%s, tolerance %s: %d values, residual %v", b, tol, len(r.Values), r.Certificate["residual"])
				}
				if _, cols, _ := read(t, filepath.Join(dir, "U.npy")); cols != want {
					t.Errorf("%s, tolerance %s: U has %d columns", b, tol, cols)
				}
			}
		}
	}
}

// A file beyond the budget is decomposed by rows, whatever its format, and
// gives the values that it has.
func TestBudget(t *testing.T) {
	const m, n = 1500, 400
	dir, a := t.TempDir(), staircase(m, n)
	array := matio.Array[float64]{Shape: []int{m, n}, Data: a}
	npz := filepath.Join(dir, "A.npz")
	if err := matio.WriteAll(npz, []matio.Named[float64]{{Name: "a", Array: array}}); err != nil {
		t.Fatal(err)
	}
	tensors := filepath.Join(dir, "A.safetensors")
	if err := matio.WriteAll(tensors, []matio.Named[float64]{{Name: "a", Array: array}}); err != nil {
		t.Fatal(err)
	}
	npy := write(t, filepath.Join(dir, "A.npy"), []int{m, n}, a...)
	for _, b := range backends {
		for _, path := range []string{npy, npz, tensors} {
			for _, c := range []struct {
				args   []string
				method string
				values int
				tol    float64
			}{
				{[]string{"--rank", "4", "--memory", "3MiB"}, "multi-pass", 4, 1e-6},
				{[]string{"--rank", "4", "--memory", "2.5MB", "--power-iterations", "4"}, "multi-pass", 4, 1e-9},
				{[]string{"--rank", "4", "--method", "single-pass"}, "single-pass", 4, 1e-2},
				{[]string{"--rank", "4", "--memory", "1GiB", "--method", "lanczos"}, "lanczos", 4, 1e-12},
			} {
				out := filepath.Join(t.TempDir(), "factors")
				args := slices.Concat([]string{"svd", path, "--backend", b, "-o", out}, c.args)
				r := compute(t, 0, args...)
				if r.Method != c.method || len(r.Values) != c.values || !slices.Equal(r.Shape, []int{m, n}) {
					t.Errorf("%v: %s of shape %v, %d values", args, r.Method, r.Shape, len(r.Values))
					continue
				}
				for i, v := range r.Values {
					want := math.Ldexp(1, -i)
					if math.Abs(v-want) > c.tol || math.Abs(v-want) > r.number(t, "error_bound")+1e-15 {
						t.Errorf("%v: σ%d = %v, certified %v", args, i+1, v, r.Certificate["error_bound"])
					}
				}
				if rows, cols, _ := read(t, filepath.Join(out, "S.npy")); rows != 1 || cols != c.values {
					t.Errorf("%v: S.npy is %d×%d", args, rows, cols)
				}
			}
		}
	}
	tall := staircase(3000, 20)
	path := write(t, filepath.Join(dir, "tall.npy"), []int{3000, 20}, tall...)
	all := compute(t, 0, "svd", path, "--values-only", "--memory", "200kB")
	if all.Method != "row-qr" || len(all.Values) != 20 {
		t.Fatalf("%s, %d values", all.Method, len(all.Values))
	}
	for i, v := range all.Values {
		want := math.Ldexp(1, -i)
		if i >= 15 {
			want = 0
		}
		if math.Abs(v-want) > 1e-14 { // 50 eps
			t.Errorf("all values: σ%d = %v", i+1, v)
		}
	}
	// Digits by rows, compressed, and a part of them.
	whole := compute(t, 0, "svd", images+"[0:2000]", "--rank", "3", "--method", "full")
	parts := compute(t, 0, "svd", images+"[0:2000]", "--rank", "3", "--memory", "4MiB")
	for i, v := range whole.Values {
		// The values of digits decay slowly, and three passes see the second
		// and third within some tenths of a percent, from below.
		if x := parts.Values[i]; parts.Method != "multi-pass" || x > v*(1+1e-9) || x < 0.995*v {
			t.Errorf("digits, %s: σ%d = %v, at once %v", parts.Method, i+1, parts.Values[i], v)
		}
	}
}

func TestBudgetRefusals(t *testing.T) {
	dir, a := t.TempDir(), staircase(1500, 400)
	good := write(t, filepath.Join(dir, "A.npy"), []int{1500, 400}, a...)
	text := write(t, filepath.Join(dir, "A.csv"), []int{1500, 400}, a...)
	a[1250*400+7] = math.NaN()
	bad := write(t, filepath.Join(dir, "bad.npy"), []int{1500, 400}, a...)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{good, "--tol", "0.1", "--rank", "3"}, "exclude"},
		{[]string{good, "--tol", "2"}, "tolerance"},
		{[]string{good, "--tol", "0.1", "--method", "lanczos"}, "tolerance"},
		{[]string{good, "--tol", "0.1", "--memory", "3MB"}, "--tol"},
		{[]string{good, "--memory", "3MB"}, "--rank"},
		{[]string{good, "--memory", "3MB", "--rank", "3", "--method", "full"}, "--method full"},
		{[]string{good, "--memory", "3MB", "--rank", "3", "--method", "lanczos"}, "--method lanczos"},
		{[]string{good, "--memory", "3MB", "--rank", "3", "--method", "polar"}, "--method polar"},
		{[]string{good, "--memory", "2kB", "--rank", "3"}, "too little"},
		{[]string{good, "--memory", "3MB", "--rank", "401"}, "rank"},
		{[]string{good, "--method", "single-pass"}, "--rank"},
		{[]string{good, "--method", "single-pass", "--values-only"}, "--rank"},
		{[]string{good, "--memory", "much"}, "memory"},
		{[]string{good, "--memory", "-1MB"}, "memory"},
		{[]string{good, "--memory", "0"}, "memory"},
		{[]string{good, "--memory", "1e30GiB"}, "memory"},
		{[]string{text, "--memory", "10kB", "--rank", "3"}, "text"},
		{[]string{bad, "--memory", "3MB", "--rank", "3"}, "bad.npy"},
		{[]string{bad, "--memory", "3MB", "--rank", "3"}, "row 1250, column 7"},
		{[]string{bad, "--method", "single-pass", "--rank", "3"}, "row 1250, column 7"},
		{[]string{good + "[1500:]", "--memory", "3MB", "--rank", "3"}, "[1500:"},
	} {
		out := ritz(t, append([]string{"svd", "--backend", "go"}, c.args...)...)
		if out.code != usage || out.stdout != "" || !strings.Contains(out.stderr, c.want) {
			t.Errorf("%v: exit code %d, want %d and a message with %q:\n%s%s", c.args, out.code, usage, c.want, out.stdout, out.stderr)
		}
	}
	if out := ritz(t, "svd", good, "--memory", fmt.Sprint(1<<30), "--rank", "2"); out.code != 0 {
		t.Errorf("plain bytes: %s", out.stderr)
	}
}

// A matrix that the memory cannot hold is refused before it is read, with what
// to do about it; the process does not die of it.
func TestLargerThanMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("how much memory there is is known on Linux only")
	}
	const n = 1 << 19 // 2 TiB
	path := filepath.Join(t.TempDir(), "A.npy")
	header := fmt.Sprintf("%-117s\n", fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }", n, n))
	writeBytes(t, path, []byte("\x93NUMPY\x01\x00\x76\x00"+header))
	if err := os.Truncate(path, int64(10+len(header))+8*n*n); err != nil {
		t.Skipf("no file with a hole of 2 TiB: %v", err)
	}
	for _, c := range []struct{ args, hint string }{
		{"svd A", "--memory SIZE"},
		{"svd A --rank 5", "--memory SIZE"},
		{"svd A --batch *", "out of memory"},
		{"polar A", "out of memory"},
		{"spectrum A", "out of memory"},
		{"sinkhorn --cost A --eps 1", "out of memory"},
		{"hessian --data A --labels A --train 1", "--stream"},
	} {
		args := strings.Fields(c.args)
		for i := range args {
			if args[i] == "A" {
				args[i] = path
			}
		}
		out := ritz(t, args...)
		if out.code != failed || !strings.Contains(out.stdout+out.stderr, "2097152.0 MiB wanted") || !strings.Contains(out.stdout+out.stderr, c.hint) {
			t.Errorf("%s: %+v", c.args, out)
		}
	}
	if out := ritz(t, "svd", path+"[0:2]", "--values-only", "--rank", "1"); out.code != 0 {
		t.Errorf("two rows: %+v", out)
	}
}
