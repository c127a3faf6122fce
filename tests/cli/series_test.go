package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// partRow is what ritz hessian tells of a matrix in a table.
type partRow struct {
	Name     string
	Layer    *int
	Shape    []int
	Values   []float64
	Trace    *struct{ Value float64 }
	Density  map[string]any
	Measures map[string]float64
}

func partsOf(t *testing.T, out output) []partRow {
	t.Helper()
	var r struct{ Parts []partRow }
	if err := json.Unmarshal([]byte(out.stdout), &r); err != nil || out.code != 0 {
		t.Fatalf("exit code %d: %v\n%s%s", out.code, err, out.stdout, out.stderr)
	}
	return r.Parts
}

// Checkpoints of a training and their layers in one table and one picture. The
// trace of a matrix is the sum of those of its layers, and each figure is that
// of a command of its own.
func TestHessianOfCheckpointsAndLayers(t *testing.T) {
	dir := small(t)
	base := []string{"hessian", "--data", filepath.Join(dir, "X.csv"), "--labels", filepath.Join(dir, "labels.csv"),
		"--model", "mlp", "--hidden", "4,3", "--activation", "softplus", "--backend", "go"}
	var files []string
	for _, epochs := range []int{1, 9} {
		compute(t, 0, append(slices.Clone(base), "--train", fmt.Sprint(epochs), "-o", filepath.Join(dir, fmt.Sprint(epochs)))...)
		files = append(files, filepath.Join(dir, fmt.Sprintf("after%d.npz", epochs)))
		if err := os.Rename(filepath.Join(dir, fmt.Sprint(epochs), "weights.npz"), files[len(files)-1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range []string{"hessian", "true-fisher"} {
		what := []string{"--kind", kind, "--top", "1", "--trace-method", "exact", "--density", "--probes", "2"}
		plot, out := filepath.Join(dir, "all.svg"), filepath.Join(dir, "out "+kind)
		args := append(append(slices.Clone(base), what...), "--per-layer", "--plot", plot, "-o", out, "--json", "--checkpoint")
		parts := partsOf(t, ritz(t, append(args, files...)...))
		if len(parts) != 8 || parts[0].Name != "after1, all" || parts[7].Name != "after9, layer 2" || parts[0].Layer != nil || *parts[7].Layer != 2 {
			t.Fatalf("%+v", parts)
		}
		for i := 0; i < 8; i += 4 {
			sum, size := 0.0, 0
			for _, p := range parts[i+1 : i+4] {
				sum, size = sum+p.Trace.Value, size+p.Shape[1]
			}
			if all := parts[i]; math.Abs(sum-all.Trace.Value) > 1e-12*math.Abs(sum) || size != all.Shape[1] || all.Density == nil {
				t.Errorf("%s: layers have the trace %v and %d parameters, all of them %v and %d", kind, sum, size, all.Trace.Value, all.Shape[1])
			}
		}
		alone := compute(t, 0, append(append(slices.Clone(base), what...), "--weights", files[1], "--layer", "1")...)
		if got, want := parts[6].Values[0], alone.Values[0]; math.Abs(got-want) > 1e-12*math.Abs(want) {
			t.Errorf("%s: layer 1 has the eigenvalue %v, alone %v", kind, got, want)
		}
		if p := readText(t, plot); !strings.Contains(p, "after9, layer 2") {
			t.Errorf("%s: the picture does not name the last part", kind)
		}
		if rows, cols, _ := read(t, filepath.Join(out, "after9, all", "vectors.npy")); rows != 1 || cols != parts[4].Shape[1] {
			t.Errorf("%s: vectors of %d×%d", kind, rows, cols)
		}
	}
	table := ritz(t, append(append(slices.Clone(base), "--top", "8", "--which", "BE", "--checkpoint"), files...)...)
	if lines := strings.Split(table.stdout, "\n"); table.code != 0 || !strings.HasPrefix(lines[1], "after1 ") || !strings.HasPrefix(lines[2], "after9 ") || !strings.Contains(lines[1], "…") {
		t.Errorf("%+v", table)
	}
}

// SIGTERM in a long run with --state leaves a state from which the same
// command goes on to the same numbers, after the same training.
func TestHessianGoesOnAfterSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no such signals to another process")
	}
	dir := small(t)
	state := filepath.Join(dir, "state")
	args := []string{"hessian", "--data", filepath.Join(dir, "X.csv"), "--labels", filepath.Join(dir, "labels.csv"), "--train", "3",
		"--model", "mlp", "--hidden", "40", "--per-layer", "--top", "2", "--density", "--probes", "400", "--steps", "100", "--backend", "go", "--threads", "1", "--json"}
	start := time.Now()
	whole := ritz(t, args...)
	took := time.Since(start)
	if whole.code != 0 {
		t.Fatalf("%+v", whole)
	}
	args = append(args, "--state", state)
	interruptTwice(t, args, took)
	if left := names(t, state); len(left) == 0 {
		t.Error("no state was left")
	}
	resumed := ritz(t, args...)
	got, want := partsOf(t, resumed), partsOf(t, whole)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("other numbers after an interruption:\n%+v\n%+v", got, want)
	}
	if left := names(t, state); len(left) != 0 {
		t.Errorf("left in the state's folder: %v", left)
	}
}
