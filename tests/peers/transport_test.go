package peers

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Exact, unbalanced and partial transport and barycentres agree with POT.
func TestTransportAgainstPOT(t *testing.T) {
	dir, _ := reference(t)
	python := "python3"
	if exec.Command(python, "-c", "import numpy, ot").Run() != nil {
		python = "/usr/bin/python3"
	}
	if out, err := exec.Command(python, "transport.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var want struct {
		Exact, Unbalanced, Partial float64
		Barycenter                 []float64
	}
	data, err := os.ReadFile(filepath.Join(dir, "transport.json"))
	if err == nil {
		err = json.Unmarshal(data, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	ritz := filepath.Join(t.TempDir(), "ritz")
	if out, err := exec.Command("go", "build", "-o", ritz, "../../cmd/ritz").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	at := func(name string) string { return filepath.Join(dir, name+".npy") }
	cost := func(args ...string) float64 {
		t.Helper()
		out, err := exec.Command(ritz, append([]string{"sinkhorn", "--json"}, args...)...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		var o outcome
		if err := json.Unmarshal(out, &o); err != nil {
			t.Fatal(err)
		}
		return o.Cost
	}
	for name, c := range map[string]struct{ got, want float64 }{
		"exact":      {cost("--cost", at("cost"), "--a", at("a"), "--b", at("b"), "--exact"), want.Exact},
		"unbalanced": {cost("--cost", at("cost"), "--a", at("heavy"), "--b", at("b"), "--eps", "0.05", "--unbalanced", "0.3", "--tol", "1e-11"), want.Unbalanced},
		"partial":    {cost("--cost", at("cost"), "--a", at("a"), "--b", at("b"), "--eps", "0.05", "--partial", "0.6", "--tol", "1e-11"), want.Partial},
	} {
		if d := math.Abs(c.got - c.want); d > 1e-10 {
			t.Errorf("%s: cost differs from POT's by %.3g", name, d)
		}
	}
	folder := t.TempDir()
	cost("--barycenter", at("measures"), "--cost", at("axis"), "--eps", "0.01", "--tol", "1e-11", "-o", folder)
	if d := distance(read(t, filepath.Join(folder, "barycenter.npy")).Data, want.Barycenter); d > 1e-9 {
		t.Errorf("the barycentre differs from POT's by %.3g", d)
	}
}
