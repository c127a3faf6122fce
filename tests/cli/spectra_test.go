package cli

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

// model writes a file with the lower triangle of ones of order 20, a matrix
// of rank 2, a vector, a cube, and, if asked, a matrix with a NaN.
func model(t *testing.T, broken bool) string {
	t.Helper()
	triangle := make([]float64, 400)
	for i := range triangle {
		if i%20 <= i/20 {
			triangle[i] = 1
		}
	}
	path := filepath.Join(t.TempDir(), "model.npz")
	arrays := []matio.Named[float64]{
		{Name: "a.weight", Array: matio.Array[float64]{Shape: []int{20, 20}, Data: triangle}},
		{Name: "b.weight", Array: matio.Array[float64]{Shape: []int{3, 4}, Data: []float64{0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0, 0}}},
		{Name: "bias", Array: matio.Array[float64]{Shape: []int{4}, Data: []float64{1, 2, 3, 4}}},
		{Name: "cube", Array: matio.Array[float64]{Shape: []int{2, 2, 2}, Data: make([]float64, 8)}},
	}
	if broken {
		arrays = append(arrays, matio.Named[float64]{Name: "c.weight", Array: matio.Array[float64]{Shape: []int{2, 2}, Data: []float64{1, 2, math.NaN(), 4}}})
	}
	if err := matio.WriteAll(path, arrays); err != nil {
		t.Fatal(err)
	}
	return path
}

// matrixRow is what --batch tells of a matrix.
type matrixRow struct {
	Name          string
	Shape         []int
	Values        []float64
	Largest       float64
	Smallest      float64
	Rank          int
	EffectiveRank float64  `json:"effective_rank"`
	StableRank    float64  `json:"stable_rank"`
	Nuclear       float64  `json:"nuclear_norm"`
	Frobenius     float64  `json:"frobenius_norm"`
	Condition     *float64 `json:"condition"`
	Exponent      *float64 `json:"power_law_exponent"`
	StdErr        *float64 `json:"power_law_std_error"`
	Bound         float64  `json:"error_bound"`
	Problem       string
}

func rows(t *testing.T, out output, code int) []matrixRow {
	t.Helper()
	var r struct{ Matrices []matrixRow }
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.code != code {
		t.Fatalf("exit code %d, want %d: %v\n%s%s", out.code, code, err, out.stdout, out.stderr)
	}
	return r.Matrices
}

func TestSpectraOfModel(t *testing.T) {
	path := model(t, false)
	for _, b := range backends {
		plot := filepath.Join(t.TempDir(), "all.svg")
		found := rows(t, ritz(t, "svd", path, "--batch", "*", "--backend", b, "--plot", plot, "--json"), 0)
		if len(found) != 2 || found[0].Name != "a.weight" || found[1].Name != "b.weight" {
			t.Fatalf("%s: %+v; want the two matrices", b, found)
		}
		a, w := found[0], found[1]
		for k, σ := range a.Values {
			want := 1 / (2 * math.Sin(float64(2*k+1)*math.Pi/82))
			if math.Abs(σ-want) > 1e-13 {
				t.Errorf("%s: σ%d is %v, want %v", b, k+1, σ, want)
			}
		}
		if a.Rank != 20 || len(a.Values) != 20 || a.Condition == nil || math.Abs(a.Frobenius-math.Sqrt(210)) > 1e-12 || a.StdErr == nil || !(a.Bound < 1e-12) {
			t.Errorf("%s: %+v", b, a)
		}
		if w.Rank != 2 || w.Largest != 4 || w.Smallest != 0 || w.Nuclear != 7 || w.Frobenius != 5 || math.Abs(w.StableRank-25./16) > 1e-14 || w.Condition != nil || w.StdErr != nil {
			t.Errorf("%s: %+v", b, w)
		}
		if w.Exponent == nil || math.Abs(*w.Exponent-math.Log2(4./3)) > 1e-14 {
			t.Errorf("%s: exponent of the values 4 and 3: %v", b, w.Exponent)
		}
		if p := readText(t, plot); !strings.Contains(p, "a.weight") || !strings.Contains(p, "b.weight") {
			t.Errorf("%s: the picture does not name the matrices", b)
		}
		table := ritz(t, "svd", path, "--batch", "*.weight", "--backend", b)
		lines := strings.Split(table.stdout, "\n")
		if table.code != 0 || len(lines) != 5 || !strings.HasPrefix(lines[0], "name") || !strings.HasPrefix(lines[2], "b.weight") || !strings.Contains(lines[2], "3×4") || !strings.Contains(lines[3], "2 matrices") {
			t.Errorf("%s: table\n%s%s", b, table.stdout, table.stderr)
		}
	}
}

// A matrix with a NaN is listed with the reason, and the others all the same.
func TestSpectraOfBrokenModel(t *testing.T) {
	path := model(t, true)
	out := ritz(t, "svd", path, "--batch", "*", "--json")
	found := rows(t, out, usage)
	if len(found) != 3 || found[2].Name != "c.weight" || !strings.Contains(found[2].Problem, "NaN") || found[1].Largest != 4 || found[1].Problem != "" {
		t.Errorf("%+v", found)
	}
	if !strings.Contains(out.stderr, "c.weight") {
		t.Errorf("the message does not name the matrix: %s", out.stderr)
	}
	if table := ritz(t, "svd", path, "--batch", "*"); !strings.Contains(table.stdout, "b.weight") || !strings.Contains(table.stdout, "NaN") {
		t.Errorf("table\n%s", table.stdout)
	}
}

func TestStats(t *testing.T) {
	path := model(t, false)
	for _, b := range backends {
		r := compute(t, 0, "svd", path+":b.weight", "--stats", "--backend", b)
		for name, want := range map[string]float64{"rank": 2, "nuclear norm": 7, "frobenius norm": 5, "spectral norm": 4, "smallest value": 0, "stable rank": 25. / 16} {
			if got, ok := r.Measures[name]; !ok || math.Abs(got-want) > 1e-14 {
				t.Errorf("%s: %s is %v, want %v", b, name, got, want)
			}
		}
		if _, ok := r.Measures["condition"]; ok {
			t.Errorf("%s: a singular matrix has the condition %v", b, r.Measures["condition"])
		}
		if r = compute(t, 0, "svd", path+":a.weight", "--stats", "--values-only", "--backend", b); r.Measures["rank"] != 20 || !(r.Measures["condition"] > 10) {
			t.Errorf("%s: %v", b, r.Measures)
		}
	}
	if r := compute(t, 0, "svd", path+":b.weight"); len(r.Measures) != 0 {
		t.Errorf("measures without --stats: %v", r.Measures)
	}
}

func TestSpectraRefusals(t *testing.T) {
	path := model(t, false)
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{path, "--batch", "*", "--rank", "2"}, usage, "--rank"},
		{[]string{path + ":b.weight", "--stats", "--rank", "2"}, usage, "--rank"},
		{[]string{path, "--batch", "*", "--tensor", "a"}, usage, "--tensor"},
		{[]string{path, "--batch", "*", "-o", t.TempDir()}, usage, "--output"},
		{[]string{path, "--batch", "z*"}, usage, "z*"},
		{[]string{path, "--batch", "["}, usage, "["},
		{[]string{path, "--batch", "bi*"}, usage, "two dimensions"},
		{[]string{path, "--batch", "*", "--plot", "x.gif"}, usage, "--plot"},
		{[]string{path + ".missing", "--batch", "*"}, failed, "missing"},
	} {
		out := ritz(t, append([]string{"svd"}, c.args...)...)
		if out.code != c.code || !strings.Contains(out.stderr, c.says) || out.stdout != "" {
			t.Errorf("%v: exit code %d, want %d: %s%s", c.args, out.code, c.code, out.stdout, out.stderr)
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
