package cli

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

// Exit codes, as the documentation of the command lists them.
const (
	failed   = 1
	usage    = 2
	noDevice = 3
)

// What cannot be computed ends with the documented exit code, a message that
// names what is wrong, nothing on standard output, and no files.
func TestRefusals(t *testing.T) {
	dir := small(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	square := func(name string, v ...float64) string {
		return write(t, file(name), []int{2, 2}, v...)
	}
	nan := square("nan.npy", 1, math.NaN(), 3, 4)
	inf := square("inf.csv", 1, 2, math.Inf(1), 4)
	noPicture := file("no.png")
	if err := os.WriteFile(noPicture, []byte("not a picture"), 0o666); err != nil {
		t.Fatal(err)
	}
	barred := square("barred.npy", 1, 2, math.Inf(1), math.Inf(1))
	skew := square("skew.npy", 1, 2, 3, 4)
	cost := square("cost.npy", 0, 1, 1, 0)
	empty := testdata + "empty.npy"
	negative := write(t, file("negative.csv"), []int{2}, 1.5, -0.5)
	zero := write(t, file("zero.csv"), []int{2}, 0, 0.0)
	three := write(t, file("three.csv"), []int{3}, 0.2, 0.3, 0.5)
	unequal := write(t, file("unequal.csv"), []int{2}, 0.5, 0.25)
	halves := write(t, file("halves.csv"), []int{2}, 0.5, 0.5)
	infs := write(t, file("infs.npy"), []int{2}, math.Inf(1), 1)
	points := write(t, file("points.npy"), []int{2, 2}, 1, 2, 3, math.NaN())
	weights := file("W.npz") // for two inputs, where X has three
	if err := matio.WriteAll(weights, []matio.Named[float64]{
		{Name: "W1", Array: matio.Array[float64]{Shape: []int{2, 2}, Data: make([]float64, 4)}},
		{Name: "b1", Array: matio.Array[float64]{Shape: []int{2}, Data: make([]float64, 2)}},
	}); err != nil {
		t.Fatal(err)
	}
	black := write(t, file("black.npy"), []int{2, 2}, 0, 0, 0, 0.0)
	x, labels := file("X.csv"), file("labels.csv")
	fraction := write(t, file("fraction.csv"), []int{40}, noise(40)...)
	huge := write(t, file("hugelabel.csv"), []int{40}, append(make([]float64, 39), 1e15)...)
	a := file("A.npy")

	transport := func(args ...string) []string {
		return slices.Concat([]string{"sinkhorn", "--cost", cost, "--eps", "0.1"}, args)
	}
	curvature := func(args ...string) []string {
		return slices.Concat([]string{"hessian", "--data", x, "--labels", labels}, args)
	}
	cases := []struct {
		args []string
		code int
		says string // a part of the message
	}{
		{[]string{"svd"}, usage, "svd FILE"},
		{[]string{"svd", a, a}, usage, "svd FILE"},
		{[]string{"svd", nan}, usage, "nan.npy"},
		{[]string{"svd", inf}, usage, "inf.csv"},
		{[]string{"svd", empty}, usage, "empty"},
		{[]string{"svd", a, "--rank", "-1"}, usage, "rank"},
		{[]string{"svd", a, "--rank", "9"}, usage, "rank"},
		{[]string{"svd", a, "--method", "fast"}, usage, "fast"},
		{[]string{"svd", a, "--dtype", "f16"}, usage, "f16"},
		{[]string{"svd", a, "--threads", "-2"}, usage, "--threads"},
		{[]string{"svd", a, "--repeat", "0"}, usage, "--repeat"},
		{[]string{"svd", a, "--plot", file("plot.gif")}, usage, ".svg or .png"},
		{[]string{"svd", a, "--rnak", "3"}, usage, "--rnak"},
		{[]string{"svd", a, "--rank", "many"}, usage, "many"},
		{[]string{"svd", a, "--backend", "tpu"}, noDevice, "tpu"},
		{[]string{"svd", a, "--backend", "cuda:x"}, noDevice, "cuda"},
		{[]string{"svd", file("absent.npy")}, failed, "absent.npy"},
		{[]string{"svd", dir}, failed, "directory"},
		{[]string{"sinkhorn", "--cost", square("large.npy", 1e300, 0, 0, 2), "--eps", "1", "--dtype", "f32"}, usage, "too large for f32"},
		{[]string{"svd", square("large2.npy", 1e300, 0, 0, 2), "--dtype", "f32"}, usage, "too large for f32"},
		{[]string{"svd", square("small.npy", 1e-300, 0, 0, 2e-300), "--dtype", "f32"}, usage, "too small for f32"},
		{[]string{"svd", testdata + "compressed.npz"}, usage, `as ` + testdata + `compressed.npz:first`},
		{[]string{"svd", testdata + "compressed.npz:third"}, failed, `"third"`},
		{[]string{"svd", testdata + "two.safetensors", "--tensor", "layer.*"}, usage, "2 arrays"},
		{[]string{"svd", testdata + "two.safetensors", "--tensor", "["}, failed, "pattern"},

		{[]string{"polar", nan}, usage, "nan.npy"},
		{[]string{"polar", inf}, usage, "inf.csv"},
		{[]string{"polar", empty}, usage, "empty"},
		{[]string{"polar", dir}, failed, "directory"},
		{[]string{"polar", a, "--method", "lanczos"}, usage, "lanczos"},
		{[]string{"polar", a, "--form", "wide"}, usage, "wide"},
		{[]string{"polar", a, "--error", "1"}, usage, "error"},
		{[]string{"polar", a, "--error", "0.1", "--tol", "0.1"}, usage, "tolerance"},
		{[]string{"polar", a, "--restarts", "3,2"}, usage, "restarts"},
		{[]string{"polar", a, "--batch", "*", "--plot", file("plot.svg")}, usage, "--batch"},
		{[]string{"polar", testdata + "two.safetensors", "--batch", "*", "-o", file("Q.npy")}, usage, ".safetensors or .npz"},
		{[]string{"polar", "--coefficients", a}, usage, "polar"},
		{[]string{"polar", "--coefficients", "-o", file("Q.npy")}, usage, "--output"},
		{[]string{"polar", a, "--steps", "-1"}, usage, "steps"},
		{[]string{"polar", a, "--tol", "-1"}, usage, "tol"},
		{[]string{"polar", a, "--tol", "NaN"}, usage, "tol"},
		{[]string{"polar", a, "--lower", "2"}, usage, "lower"},

		{[]string{"spectrum", a}, usage, "12×8"},
		{[]string{"spectrum", skew}, usage, "symmetric"},
		{[]string{"spectrum", nan}, usage, "nan.npy"},
		{[]string{"spectrum", inf}, usage, "inf.csv"},
		{[]string{"spectrum", empty}, usage, "empty"},
		{[]string{"spectrum", dir}, failed, "directory"},
		{[]string{"spectrum", three}, usage, "3×1"},
		{[]string{"spectrum", file("H.npy"), "--top", "-3"}, usage, "-3"},
		{[]string{"spectrum", file("H.npy"), "--top", "21"}, usage, "21"},
		{[]string{"spectrum", file("H.npy"), "--which", "XX"}, usage, "XX"},
		{[]string{"spectrum", file("H.npy"), "--tol", "-1"}, usage, "tol"},
		{[]string{"spectrum", file("H.npy"), "--density", "--probes", "-1"}, usage, "probes"},
		{[]string{"spectrum", file("H.npy"), "--density", "--steps", "-1"}, usage, "steps"},
		{[]string{"spectrum", file("H.npy"), "--trace", "--budget", "-1"}, usage, "budget"},
		{[]string{"spectrum", file("H.npy"), "--target-error", "2"}, usage, "target-error"},
		{[]string{"spectrum", file("H.npy"), "--count", "3,1"}, usage, "count"},
		{[]string{"spectrum", file("H.npy"), "--count", "3"}, usage, "count"},
		{[]string{"spectrum", file("H.npy"), "--deflate", "--density"}, usage, "deflate"},
		{[]string{"spectrum", file("H.npy"), "--method", "power"}, usage, "method"},
		{[]string{"spectrum", file("H.npy"), "--method", "lobpcg", "--block", "3"}, usage, "block"},
		{[]string{"spectrum", file("H.npy"), "--state", dir, "--repeat", "2"}, usage, "repeat"},
		{[]string{"spectrum", file("H.npy"), "--memory", "10B"}, usage, "memory"},

		{[]string{"hessian", "--train", "1"}, usage, "--data"},
		{curvature(), usage, "--train"},
		{curvature("--train", "1", "--weights", "W.npz"), usage, "--weights"},
		{curvature("--train", "-1"), usage, "--train"},
		{curvature("--train", "1", "--model", "cnn"), usage, "cnn"},
		{curvature("--train", "1", "--model", "mlp", "--hidden", "0"), usage, "0"},
		{curvature("--train", "1", "--model", "mlp", "--activation", "swish"), usage, "swish"},
		{curvature("--train", "1", "--checkpoint", "W.npz"), usage, "--checkpoint"},
		{curvature("--train", "1", "W.npz"), usage, "--checkpoint"},
		{curvature("--checkpoint", weights, file("absent.npz")), usage, "2"},
		{curvature("--checkpoint", file("absent.npz")), failed, "absent.npz"},
		{curvature("--train", "1", "--per-layer", "--layer", "0"), usage, "--per-layer"},
		{curvature("--train", "1", "--weight-decay", "-1"), usage, "--weight-decay"},
		{curvature("--train", "1", "--weight-decay", "NaN"), usage, "--weight-decay"},
		{curvature("--train", "1", "--kind", "laplacian"), usage, "laplacian"},
		{curvature("--train", "1", "--layer", "5"), usage, "layer"},
		{curvature("--train", "1", "--layer", "-4"), usage, "--layer"},
		{curvature("--weights", file("absent.npz")), failed, "absent.npz"},
		{curvature("--weights", testdata+"compressed.npz"), failed, `"W1"`},
		{[]string{"hessian", "--data", x, "--labels", fraction, "--train", "1"}, usage, "fraction.csv"},
		{[]string{"hessian", "--data", x, "--labels", huge, "--train", "1"}, usage, "1e+15"},
		{[]string{"hessian", "--data", x, "--labels", three, "--train", "1"}, usage, "three.csv"},
		{[]string{"hessian", "--data", nan, "--labels", halves, "--train", "1"}, usage, "nan.npy"},
		{[]string{"hessian", "--data", inf, "--labels", halves, "--train", "1"}, usage, "inf.csv"},
		{[]string{"hessian", "--data", empty, "--labels", halves, "--train", "1"}, usage, "empty"},
		{[]string{"hessian", "--data", x, "--labels", empty, "--train", "1"}, usage, "empty"},
		{[]string{"hessian", "--data", x, "--labels", a, "--train", "1"}, usage, "not a vector"},
		{[]string{"hessian", "--data", x, "--labels", negative, "--train", "1"}, usage, "negative.csv"},
		{[]string{"hessian", "--data", dir, "--labels", labels, "--train", "1"}, failed, "directory"},
		{[]string{"hessian", "--data", x, "--labels", dir, "--train", "1"}, failed, "directory"},
		{curvature("--weights", dir), failed, "directory"},
		{curvature("--weights", weights), usage, "2"},
		{curvature("--train", "1", "--scale", "NaN"), usage, ""},
		{curvature("--train", "1", "--scale", "1e400"), usage, "--scale"},
		{curvature("--train", "1", "--hidden", "a"), usage, "--hidden"},
		{curvature("--train", "1", "--top", "99"), usage, "99"},

		{[]string{"sinkhorn", "--eps", "1"}, usage, "--cost"},
		{[]string{"sinkhorn", "--cost", cost}, usage, "--eps is missing"},
		{[]string{"sinkhorn", "--cost", cost, "--x", x, "--eps", "1"}, usage, "--cost"},
		{[]string{"sinkhorn", "--cost", cost, "--eps", "0"}, usage, "Epsilon"},
		{[]string{"sinkhorn", "--cost", cost, "--eps", "-1"}, usage, "Epsilon"},
		{[]string{"sinkhorn", "--cost", cost, "--eps", "NaN"}, usage, "Epsilon"},
		{[]string{"sinkhorn", "--cost", cost, "--eps", "Inf"}, usage, "Epsilon"},
		{[]string{"sinkhorn", "--cost", dir, "--eps", "1"}, failed, "directory"},
		{[]string{"sinkhorn", "--cost", barred, "--eps", "1"}, usage, "forbids"},
		{[]string{"sinkhorn", "--cost", barred, "--exact"}, usage, "forbids"},
		{transport("--exact", "--divergence"), usage, "exclude"},
		{transport("--divergence"), usage, "points"},
		{transport("--unbalanced", "1,2,3"), usage, "one or two"},
		{transport("--unbalanced", "-1"), usage, "Rho"},
		{transport("--partial", "2"), usage, "Mass"},
		{transport("--weights", halves), usage, "--barycenter"},
		{[]string{"sinkhorn", "--barycenter", images, "--exact"}, usage, "exclude"},
		{[]string{"sinkhorn", "--cost", cost, "--exact", "--rank", "2"}, usage, "exclude"},
		{[]string{"sinkhorn", "--gromov", "--x", x, "--eps", "1"}, usage, "--y-cost"},
		{[]string{"sinkhorn", "--gromov", "--x", x, "--y", x, "--rank", "2"}, usage, "exclude"},
		{[]string{"sinkhorn", "--x-cost", x, "--y", x, "--eps", "1"}, usage, "--gromov"},
		{[]string{"sinkhorn", "--gromov", "--x-cost", nan, "--y", x, "--eps", "1"}, usage, "nan.npy"},
		{[]string{"sinkhorn", "--cost", cost, "--rank", "-2"}, usage, "Rank"},
		{[]string{"sinkhorn", "--cost", barred, "--rank", "2"}, usage, "forbids"},
		{[]string{"sinkhorn", "--barycenter", cost, "--eps", "1"}, usage, "stack of images"},
		{[]string{"sinkhorn", "--x-image", file("none.png"), "--y-image", cost, "--eps", "1"}, failed, "none.png"},
		{[]string{"sinkhorn", "--x-image", noPicture, "--y-image", cost, "--eps", "1"}, usage, "no.png"},
		{[]string{"sinkhorn", "--x", points, "--y", x, "--eps", "1"}, usage, "points.npy"},
		{[]string{"sinkhorn", "--x", x, "--y", empty, "--eps", "1"}, usage, "empty"},
		{[]string{"sinkhorn", "--x", x, "--y", dir, "--eps", "1"}, failed, "directory"},
		{[]string{"sinkhorn", "--x-image", black, "--y-image", black, "--eps", "1"}, usage, "black"},
		{[]string{"sinkhorn", "--x-image", nan, "--y-image", cost, "--eps", "1"}, usage, ""},
		{[]string{"sinkhorn", "--x-image", skew, "--y-image", write(t, file("dark.npy"), []int{1, 2}, 3, -1.0), "--eps", "1"}, usage, ""},
		{[]string{"sinkhorn", "--cost", nan, "--eps", "1"}, usage, "nan.npy"},
		{[]string{"sinkhorn", "--cost", empty, "--eps", "1"}, usage, "empty"},
		{[]string{"sinkhorn", "--x", x, "--y", a, "--eps", "1"}, usage, ""},
		{[]string{"sinkhorn", "--x", x, "--y", x, "--p", "-3", "--eps", "1"}, usage, "-3"},
		{[]string{"sinkhorn", "--x-image", images, "--y-image", images, "--eps", "1"}, usage, "choose one image"},
		{transport("--a", negative), usage, ""},
		{transport("--b", zero), usage, ""},
		{transport("--a", three), usage, "3"},
		{transport("--a", unequal, "--b", halves), usage, ""},
		{transport("--a", nan), usage, ""},
		{transport("--a", infs), usage, "infs.npy"},
		{transport("--a", empty), usage, ""},
		{transport("--a", cost), usage, "not a vector"},
		{transport("--a", dir), failed, "directory"},
		{transport("--a", file("absent.csv")), failed, "absent.csv"},
		{transport("--tol", "-1"), usage, "Tol"},
		{transport("--max-iterations", "-1"), usage, "MaxIterations"},
		{transport("--method", "greedy"), usage, "greedy"},
		{transport("extra"), usage, "sinkhorn"},

		{[]string{"run"}, usage, "JOB.yaml"},
		{[]string{"run", file("absent.yaml")}, failed, "absent.yaml"},
		{[]string{"bench", "--runs", "0"}, usage, "--runs"},
		{[]string{"bench", "--threads", "-1"}, usage, "--threads"},
		{[]string{"bench", "--backend", "tpu"}, noDevice, "tpu"},
		{[]string{"man"}, usage, "man DIR"},
		{[]string{"version", "now"}, usage, "now"},
		{[]string{"devices", "--gpu"}, usage, "--gpu"},
		{[]string{"svdd"}, usage, "did you mean svd"},
		{[]string{"--frobnicate"}, usage, "--frobnicate"},
	}
	for _, c := range cases {
		args := c.args
		out := ""
		if slices.Contains([]string{"svd", "polar", "spectrum", "hessian", "sinkhorn"}, args[0]) {
			out = file("out")
			args = append(slices.Clone(args), "-o", out)
			if !slices.Contains(args, "--backend") {
				args = append(args, "--backend", "go")
			}
		}
		got := ritz(t, args...)
		line := strings.TrimSuffix(got.stderr, "\n")
		if got.code != c.code || !strings.Contains(line, c.says) {
			t.Errorf("ritz %s:\nexit code %d, %q\nwant %d, %q", strings.Join(c.args, " "), got.code, line, c.code, c.says)
		}
		if !strings.HasPrefix(line, "ritz: ") || strings.Contains(line, "\n") || len(line) < 12 {
			t.Errorf("ritz %s: the message is %q, want one line", strings.Join(c.args, " "), line)
		}
		if got.stdout != "" {
			t.Errorf("ritz %s: printed %q", strings.Join(c.args, " "), got.stdout)
		}
		if out != "" && names(t, out) != nil {
			t.Errorf("ritz %s: wrote %v", strings.Join(c.args, " "), names(t, out))
			os.RemoveAll(out)
		}
	}
	if !strings.Contains(ritz(t, "svd", a, "--backend", "cuda").stderr, "cuda") {
		t.Error("--backend cuda: no message names the device")
	}
}

// A machine without the device that is asked for ends with its own code.
func TestMissingDevice(t *testing.T) {
	a := filepath.Join(small(t), "A.npy")
	// No machine has so many.
	if out := ritz(t, "svd", a, "--backend", "cuda:4095"); out.code != noDevice || !strings.Contains(out.stderr, "cuda") || out.stdout != "" {
		t.Errorf("cuda:4095: %+v", out)
	}
	if !has("cpu") {
		if out := ritz(t, "svd", a, "--backend", "cpu"); out.code != noDevice || out.stdout != "" {
			t.Errorf("cpu: %+v", out)
		}
	}
	if out := ritz(t, "svd", a, "--backend", "auto"); out.code != 0 {
		t.Errorf("auto: %+v", out)
	}
}

// A file of any format that is cut anywhere, or whose head is damaged, is
// refused as a file, not computed on.
func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	content := func(path string) []byte {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	entry, err := w.Create("A.npy")
	if err != nil {
		t.Fatal(err)
	}
	entry.Write(content(testdata + "f8_c.npy"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	formats := []struct {
		name string
		data []byte
	}{
		{"a.npy", content(testdata + "f8_f.npy")},
		{"a.npz", z.Bytes()},
		{"a.safetensors", content(testdata + "two.safetensors")},
		{"a.mtx", []byte("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n")},
		{"a.idx", []byte{0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6}},
		{"a-idx3-ubyte.gz", content(images)[:1<<16]},
	}
	for _, f := range formats {
		cut := []int{0, 3, 9, len(f.data) / 2, len(f.data) - 2}
		if f.name == "a.mtx" {
			cut[4] = len(f.data) - 3 // before the last number
		}
		for _, n := range cut {
			path := writeBytes(t, filepath.Join(dir, f.name), f.data[:n])
			args := []string{"svd", path, "--backend", "go", "--values-only"}
			if f.name == "a.safetensors" {
				args = append(args, "--tensor", "layer.1.weight")
			}
			if out := ritz(t, args...); out.code != failed || !strings.Contains(out.stderr, f.name) || out.stdout != "" {
				t.Errorf("%s cut to %d bytes: %+v", f.name, n, out)
			}
		}
	}
	others := []struct{ name, data, says string }{
		{"words.csv", "1,2\n3,four\n", "line 2, field 2"},
		{"ragged.csv", "1,2\n3\n", "fields"},
		{"nothing.csv", "", "no numbers"},
		{"header.csv", "a,b\n", "no numbers"},
		{"matrix.dat", "12345678", "format"},
		{"text.npy", "1 2 3 4 5 6", "magic"},
		{"bad.gz", "\x1f\x8b\x00\x00", "gzip"},
		{"cut.csv.gz", gzipped(t, strings.Repeat("1,2,3\n", 1000))[:40], "cut.csv.gz"},
		{"more.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 5\n2 2 5\n", "line 4"},
		{"many.mtx", "%%MatrixMarket matrix array real general\n1 1\n5 6\n", "more than the 1"},
		{"axes.npy", npy(strings.Repeat("1,", 65)) + "12345678", "shape"},
		{"claim.npy", npy("1152921504606846976,") + "12345678", "shape"},
		{"claim.npy.gz", gzipped(t, npy("72057594037927936,")+"12345678"), "truncated"},
		{"claim-ubyte", "\x00\x00\x0e\x03\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff", "shape"},
		{"claim.safetensors", "\x48\x00\x00\x00\x00\x00\x00\x00" + `{"a":{"dtype":"F64","shape":[1152921504606846976],"data_offsets":[0,8]}}` + "12345678", "shape"},
		{"complex.mtx", "%%MatrixMarket matrix array complex general\n1 1\n1 2\n", "complex"},
		{"outside.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 1\n3 1 5\n", "outside"},
		{"giant.mtx", "%%MatrixMarket matrix coordinate real general\n4000000 4000000 0\n", "too large"},
		{"giant.npy", "\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (9999999, 99999), }\n", "giant.npy"},
		{"object.npy", "\x93NUMPY\x01\x00\x3a\x00{'descr': '|O', 'fortran_order': False, 'shape': (1, 1), }\n12345678", "object.npy"},
		{"header.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", "header"},
	}
	for _, f := range others {
		path := writeBytes(t, filepath.Join(dir, f.name), []byte(f.data))
		if out := ritz(t, "svd", path, "--backend", "go"); out.code != failed || !strings.Contains(out.stderr, f.says) || out.stdout != "" {
			t.Errorf("%s: %+v, want a message with %q", f.name, out, f.says)
		}
	}
}

// npy is the head of a .npy file of an array of a shape.
func npy(shape string) string {
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%s), }\n", shape)
	return "\x93NUMPY\x01\x00" + string([]byte{byte(len(header)), byte(len(header) >> 8)}) + header
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Where results cannot be written the command fails before it does any work,
// even before it reads its input, and leaves nothing.
func TestUnwritable(t *testing.T) {
	dir := small(t)
	a := filepath.Join(dir, "A.npy")
	under := filepath.Join(a, "out") // a folder below a file
	broken := write(t, filepath.Join(dir, "broken.npy"), []int{2, 2}, 1, 2, 3, math.NaN())
	folder := filepath.Join(dir, "folder") // folders where files should be
	for _, ending := range []string{".npy", ".svg"} {
		if err := os.Mkdir(folder+ending, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cases := [][]string{
		{"svd", a, "-o", under},
		{"svd", a, "--plot", filepath.Join(under, "s.svg")},
		{"polar", a, "-o", under},
		{"polar", a, "-o", filepath.Join(dir, "absent", "Q.npy")},
		{"spectrum", filepath.Join(dir, "H.npy"), "-o", under},
		{"hessian", "--data", filepath.Join(dir, "X.csv"), "--labels", filepath.Join(dir, "labels.csv"), "--train", "1", "-o", under},
		{"sinkhorn", "--cost", filepath.Join(dir, "C.npy"), "--eps", "1", "-o", under},
		{"polar", a, "-o", folder + ".npy"},
		{"polar", a, "-o", filepath.Join(dir, "absent", "Q.safetensors")},
		{"svd", a, "--plot", folder + ".svg"},
		{"svd", a, "--plot", filepath.Join(dir, "absent", "s.png")},
		{"spectrum", filepath.Join(dir, "H.npy"), "--state", under},
		{"man", under},
		{"svd", broken, "-o", under},
		{"hessian", "--data", broken, "--labels", broken, "--train", "1000000", "--state", under},
		{"sinkhorn", "--cost", broken, "--eps", "1", "--plot", filepath.Join(dir, "absent", "s.png")},
		{"polar", broken, "-o", filepath.Join(dir, "absent", "Q.npy")},
		{"paper", "auon", "-o", filepath.Join(dir, "absent", "r.json")},
		{"bench", "-o", under},
	}
	before := names(t, dir)
	for _, args := range cases {
		if out := ritz(t, args...); strings.Contains(out.stderr, "NaN") {
			t.Errorf("%v: read before a look at where results go: %+v", args, out)
		} else if out.code != failed || out.stdout != "" || out.stderr == "" {
			t.Errorf("%v: %+v", args, out)
		}
	}
	if after := names(t, dir); !slices.Equal(before, after) {
		t.Errorf("left %v where %v was", after, before)
	}
}

// On a full disk the files that were there stay, and no part of a new one
// appears, not even under a temporary name.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := mount(disk); err != nil {
		t.Skipf("needs the right to mount a file system of 64 KB: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(disk); err != nil {
			t.Error(err)
		}
	})
	input := write(t, filepath.Join(t.TempDir(), "A.npy"), []int{300, 40}, noise(300*40)...)
	old := write(t, filepath.Join(disk, "U.npy"), []int{1, 1}, 42.0)
	for _, args := range [][]string{{"svd", input}, {"polar", input}} {
		out := ritz(t, append(args, "-o", disk)...)
		if out.code != failed || !strings.Contains(out.stderr, "no space left") || out.stdout != "" {
			t.Errorf("%v: %+v", args, out)
		}
		for _, name := range names(t, disk) {
			if name != "U.npy" && name != "S.npy" {
				t.Errorf("%v: left %s", args, name)
			}
		}
	}
	if _, _, data := read(t, old); data[0] != 42 {
		t.Errorf("the earlier file was changed to %v", data)
	}
}
