package cli

import (
	"encoding/json"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/rng"
)

// network writes samples, labels and the weights of a trained network, and
// returns the flags that name the first two.
func network(t *testing.T, dir string) (flags []string, weights string) {
	t.Helper()
	const n, inputs = 90, 7
	x, y := make([]float64, n*inputs), make([]float64, n)
	rng.Normal(5, 0, 0, x)
	for i := range y {
		y[i] = float64(i % 3)
		x[i*inputs+i%3] += 2
	}
	for name, a := range map[string]matio.Array[float64]{
		"X.npy": {Shape: []int{n, inputs}, Data: x}, "y.npy": {Shape: []int{n}, Data: y},
	} {
		if err := matio.Write(filepath.Join(dir, name), a); err != nil {
			t.Fatal(err)
		}
	}
	flags = []string{"hessian", "--data", filepath.Join(dir, "X.npy"), "--labels", filepath.Join(dir, "y.npy"),
		"--model", "mlp", "--hidden", "5", "--scale", "0.5", "--backend", "go"}
	compute(t, 0, append(slices.Clone(flags), "--train", "5", "-o", dir)...)
	return flags, filepath.Join(dir, "weights.npz")
}

// Samples that are read for every product give the numbers of those in memory,
// loss and accuracy too.
func TestHessianOfAStream(t *testing.T) {
	dir := t.TempDir()
	flags, weights := network(t, dir)
	flags = append(flags, "--weights", weights, "--top", "3", "--trace-method", "exact", "--json")
	for _, kind := range []string{"hessian", "ggn", "fisher", "true-fisher"} {
		held := ritz(t, append(slices.Clone(flags), "--kind", kind)...)
		streamed := ritz(t, append(slices.Clone(flags), "--kind", kind, "--stream")...)
		type result struct {
			Values   []float64
			Trace    struct{ Value float64 }
			Measures map[string]float64
		}
		var a, b result
		for out, r := range map[*output]*result{&held: &a, &streamed: &b} {
			if err := json.Unmarshal([]byte(out.stdout), r); err != nil || out.code != 0 {
				t.Fatalf("%s: exit code %d: %v\n%s", kind, out.code, err, out.stderr)
			}
		}
		near := func(what string, x, y float64) {
			if !(math.Abs(x-y) <= 1e-9*(1+math.Abs(x))) {
				t.Errorf("%s: %s is %v in memory, %v from the file", kind, what, x, y)
			}
		}
		near("the trace", a.Trace.Value, b.Trace.Value)
		near("the loss", a.Measures["loss"], b.Measures["loss"])
		near("the accuracy", a.Measures["accuracy"], b.Measures["accuracy"])
		for i := range a.Values {
			near("an eigenvalue", a.Values[i], b.Values[i])
		}
	}
}

// Every optimizer trains, each to a network of its own.
func TestHessianAfterOptimizers(t *testing.T) {
	flags, _ := network(t, t.TempDir())
	seen := map[float64]string{}
	for _, how := range []string{
		"adam", "adam --batch-size 30", "adam --learning-rate 0.01", "sgd --learning-rate 0.1", "sgd --learning-rate 0.1 --momentum 0.9",
		"muon", "normuon", "dion", "auon", "muon --momentum 0.5",
	} {
		out := compute(t, 0, append(slices.Clone(flags), append([]string{"--train", "20", "--optimizer"}, strings.Fields(how)...)...)...)
		loss := out.Measures["loss"]
		if !(loss < 1.2) { // log 3 and what random weights add
			t.Errorf("%s: the loss is %v", how, loss)
		}
		if other := seen[loss]; other != "" {
			t.Errorf("%s and %s give the same network", how, other)
		}
		seen[loss] = how
	}
}

func TestHessianRefusals(t *testing.T) {
	dir := t.TempDir()
	flags, weights := network(t, dir)
	text := filepath.Join(dir, "X.csv")
	writeBytes(t, text, []byte("1,2,3,4,5,6,7\n2,3,4,5,6,7,8\n"))
	for args, want := range map[string]string{
		"--train 1 --stream":                            "--stream does not go with --train",
		"--weights W --optimizer muon":                  "need --train",
		"--weights W --batch-size 3":                    "need --train",
		"--train 1 --momentum 0.9":                      "does not go with --optimizer adam",
		"--train 1 --optimizer sgd --momentum 1":        "--momentum is 1",
		"--train 1 --learning-rate -1":                  "--learning-rate is -1",
		"--train 1 --learning-rate NaN":                 "--learning-rate is NaN",
		"--train 1 --batch-size -1":                     "--batch-size is -1",
		"--train 1 --optimizer lion":                    "must be adam, sgd, muon, normuon, dion or auon",
		"--weights W --stream --data X":                 "text, which cannot be read by rows",
		"--weights W --data X":                          "y.npy holds 90 for the 2 samples of",
		"--weights W --stream --data " + dir + "/y.npy": "a matrix is needed",
	} {
		fields := strings.Fields(args)
		for i, f := range fields {
			fields[i] = map[string]string{"W": weights, "X": text}[f]
			if fields[i] == "" {
				fields[i] = f
			}
		}
		if out := ritz(t, append(slices.Clone(flags), fields...)...); out.code != usage || !strings.Contains(out.stderr, want) || out.stdout != "" {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", args, out.code, usage, want, out.stderr, out.stdout)
		}
	}
}
