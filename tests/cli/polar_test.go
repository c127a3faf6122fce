package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

// The factors of all matrices of a file are in one table and one file, with
// the names of the matrices.
func TestFactorsOfModel(t *testing.T) {
	path := model(t, true)
	for _, b := range backends {
		factors := filepath.Join(t.TempDir(), "Q.safetensors")
		out := ritz(t, "polar", path, "--batch", "*", "--backend", b, "-o", factors, "--json")
		var r struct {
			Matrices []struct {
				Name          string
				Shape         []int
				Method        string
				Orthogonality float64
				Bound         float64 `json:"error_bound"`
				Problem       string
			}
			Outputs map[string]string
		}
		if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.code == 0 {
			t.Fatalf("%s: exit code %d: %v\n%s%s", b, out.code, err, out.stdout, out.stderr)
		}
		if len(r.Matrices) != 3 || r.Matrices[0].Bound > 1e-12 || r.Matrices[1].Bound < 1 || r.Matrices[2].Problem == "" || r.Outputs["Q"] != factors {
			t.Errorf("%s: %+v", b, r)
		}
		file, err := matio.Open(factors)
		if err != nil {
			t.Fatal(err)
		}
		if len(file.Members) != 2 {
			t.Fatalf("%s: %d factors, want those of a.weight and b.weight", b, len(file.Members))
		}
		for i, m := range file.Members {
			q, err := matio.Read[float64](file, i)
			if err != nil || m.Name != r.Matrices[i].Name {
				t.Fatal(m.Name, err)
			}
			rows, cols, data := q.Matrix()
			for j := range rows {
				for k := range j + 1 {
					sum := 0.0
					for l := range cols {
						sum += data[j*cols+l] * data[k*cols+l]
					}
					if j == k {
						sum--
					}
					if math.Abs(sum) > 1e-13 {
						t.Fatalf("%s: %s: rows %d and %d have the inner product %v", b, m.Name, j, k, sum)
					}
				}
			}
		}
	}
	if out := ritz(t, "polar", path, "--batch", "?.weight"); !strings.Contains(out.stdout, "b.weight  3×4") || !strings.Contains(out.stdout, "NaN") {
		t.Errorf("table:\n%s%s", out.stdout, out.stderr)
	}
}

func TestPolarError(t *testing.T) {
	dir := small(t)
	for _, wanted := range []string{"0.3", "1e-2", "1e-4", "1e-8"} {
		out := ritz(t, "polar", filepath.Join(dir, "A.npy"), "--error", wanted, "--json")
		var r struct {
			Certificate struct {
				Bound float64 `json:"error_bound"`
			}
		}
		var limit float64
		if err := json.Unmarshal([]byte(wanted), &limit); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.code != 0 || !(r.Certificate.Bound <= limit) {
			t.Errorf("--error %s: exit code %d, %v\n%s%s", wanted, out.code, err, out.stdout, out.stderr)
		}
	}
}

// The table of the Polar Express for lower bound 1e-3.
func TestCoefficients(t *testing.T) {
	plot := filepath.Join(t.TempDir(), "error.svg")
	out := ritz(t, "polar", "--coefficients", "--lower", "1e-3", "--plot", plot, "--json")
	var r struct {
		Method string
		Steps  []struct{ A, B, C, Deviation float64 }
		Plot   string
	}
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.code != 0 || r.Plot != plot {
		t.Fatalf("exit code %d: %v\n%s%s", out.code, err, out.stdout, out.stderr)
	}
	if len(r.Steps) != 8 || math.Abs(r.Steps[0].A-8.28721201814563) > 1e-12 || r.Steps[7].Deviation > 1e-14 || r.Steps[4].Deviation < 0.12 {
		t.Errorf("%+v", r)
	}
	if out = ritz(t, "polar", "--coefficients", "--method", "cans", "--steps", "3"); out.code != 0 || !strings.Contains(out.stdout, "cans for singular values in [0.001,1]") {
		t.Errorf("exit code %d\n%s%s", out.code, out.stdout, out.stderr)
	}
	for _, method := range []string{"halley", "svd", "auto,"} {
		if out = ritz(t, "polar", "--coefficients", "--method", method); out.code != 2 || !strings.Contains(out.stderr, method) {
			t.Errorf("%s: exit code %d\n%s%s", method, out.code, out.stdout, out.stderr)
		}
	}
}
