// Package peers compares the command with NumPy and POT where a python3 that
// has them is there.
package peers

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

// answers is what reference.py computed.
type answers struct {
	SVD      map[string][]float64
	Polar    map[string]float64 // the smallest over the largest singular value
	Sinkhorn map[string]struct{ Cost, Exact float64 }
	Hessian  struct {
		Values []float64
		Trace  float64
	}
}

// outcome is what the test reads of the command's JSON.
type outcome struct {
	DType       string
	Values      []float64
	Cost        float64
	Trace       struct{ Value float64 }
	Certificate map[string]any
}

// reference runs reference.py. Without NumPy and POT there is nothing to
// compare with; RITZ_REQUIRE=numpy makes that a failure.
func reference(t *testing.T) (dir string, want answers) {
	t.Helper()
	dir = t.TempDir()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(python, "-c", "import numpy, ot").Run() != nil {
			continue
		}
		if out, err := exec.Command(python, "reference.py", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		data, err := os.ReadFile(filepath.Join(dir, "answers.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		return dir, want
	}
	if strings.Contains(os.Getenv("RITZ_REQUIRE"), "numpy") {
		t.Fatal("no python3 with numpy and ot")
	}
	t.Skip("NumPy and POT are not installed (Debian: python3-scipy, python3-pot)")
	return
}

func TestAgainstNumPyAndPOT(t *testing.T) {
	dir, want := reference(t)
	ritz := filepath.Join(t.TempDir(), "ritz")
	if out, err := exec.Command("go", "build", "-o", ritz, "../../cmd/ritz").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := func(name string) string { return filepath.Join(dir, name+".npy") }
	run := func(t *testing.T, args ...string) outcome {
		t.Helper()
		cmd := exec.Command(ritz, append(args, "--json")...)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		var o outcome
		if err := json.Unmarshal(out, &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	for _, backend := range []string{"go", "auto"} {
		t.Run(backend, func(t *testing.T) {
			for name, s := range want.SVD {
				factors := filepath.Join(t.TempDir(), "factors")
				o := run(t, "svd", at(name), "--backend", backend, "-o", factors)
				tol := 1e-13 * s[0] * math.Sqrt(float64(len(s)))
				if o.DType == "f32" {
					tol = 1e-5 * s[0]
				}
				for i, v := range s {
					if d := math.Abs(o.Values[i] - v); d > tol {
						t.Errorf("%s: σ%d differs from NumPy's by %.3g, allowed %.3g", name, i+1, d, tol)
					}
				}
				if d := reconstruction(t, at(name), factors); d > tol*math.Sqrt(float64(len(s))) {
					t.Errorf("%s: the factors miss the matrix by %.3g", name, d)
				}
			}
			for name, ratio := range want.Polar {
				file := filepath.Join(t.TempDir(), "Q.npy")
				o := run(t, "polar", at(name), "--backend", backend, "-o", file)
				got, ref := read(t, file), read(t, at(name+"_polar"))
				// Rounding moves the factor by eps over the smallest singular value.
				tol := 1e-12 / ratio
				if o.DType == "f32" {
					tol = 1e-4 / ratio
				}
				if d := distance(got.Data, ref.Data); d > tol {
					t.Errorf("%s: polar factor differs from the SVD's by %.3g, allowed %.3g", name, d, tol)
				}
			}
			for eps, ref := range want.Sinkhorn {
				for _, input := range [][]string{{"--cost", at("cost")}, {"--x", at("x"), "--y", at("y")}} {
					for _, method := range []string{"log", "scaling"} {
						args := append([]string{"sinkhorn", "--a", at("a"), "--b", at("b"), "--eps", eps, "--tol", "1e-13", "--method", method, "--backend", backend}, input...)
						o := run(t, args...)
						if d := math.Abs(o.Cost - ref.Cost); d > 1e-9 {
							t.Errorf("ε=%s %s %v: cost differs from POT's by %.3g", eps, method, input[0], d)
						}
						lower, upper := o.Certificate["lower"].(float64), o.Certificate["upper"].(float64)
						if ref.Exact < lower || ref.Exact > upper {
							t.Errorf("ε=%s: POT's exact cost %v is outside [%v, %v]", eps, ref.Exact, lower, upper)
						}
					}
				}
			}
			o := run(t, "hessian", "--data", at("features"), "--labels", at("labels"), "--weights", filepath.Join(dir, "weights.npz"),
				"--model", "softmax", "--top", "5", "--trace", "--budget", "100", "--tol", "1e-12", "--backend", backend)
			for i, v := range want.Hessian.Values {
				if d := math.Abs(o.Values[i]/v - 1); d > 1e-8 {
					t.Errorf("λ%d differs from the dense Hessian's by %.3g", i+1, d)
				}
			}
			if d := math.Abs(o.Trace.Value/want.Hessian.Trace - 1); d > 1e-8 {
				t.Errorf("trace differs from the dense Hessian's by %.3g", d)
			}
		})
	}
}

func read(t *testing.T, path string) matio.Array[float64] {
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

func distance(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	d := 0.0
	for i, v := range a {
		d = math.Hypot(d, v-b[i])
	}
	return d
}

// reconstruction returns ‖A - U·S·Vt‖_F.
func reconstruction(t *testing.T, matrix, factors string) float64 {
	t.Helper()
	a := read(t, matrix)
	u, s, vt := read(t, fmt.Sprint(factors, "/U.npy")), read(t, fmt.Sprint(factors, "/S.npy")), read(t, fmt.Sprint(factors, "/Vt.npy"))
	m, n, k := a.Shape[0], a.Shape[1], s.Shape[0]
	d := 0.0
	for i := range m {
		for j := range n {
			x := 0.0
			for l := range k {
				x += u.Data[i*k+l] * s.Data[l] * vt.Data[l*n+j]
			}
			d = math.Hypot(d, x-a.Data[i*n+j])
		}
	}
	return d
}
