package cli

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small makes a folder with a small input for every command.
func small(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	x := noise(40 * 3)
	labels := make([]float64, 40)
	for i := range labels {
		labels[i] = float64(i % 2)
		x[3*i] += labels[i] // so that there is something to learn
	}
	write(t, filepath.Join(dir, "X.csv"), []int{40, 3}, x...)
	write(t, filepath.Join(dir, "labels.csv"), []int{40}, labels...)
	write(t, filepath.Join(dir, "A.npy"), []int{12, 8}, noise(96)...)
	write(t, filepath.Join(dir, "C.npy"), []int{6, 5}, noise(30)...)
	const n = 20
	h := make([]float64, n*n)
	for i := range n {
		h[i*n+i] = 2
		if i > 0 {
			h[i*n+i-1], h[(i-1)*n+i] = -1, -1
		}
	}
	write(t, filepath.Join(dir, "H.npy"), []int{n, n}, h...)
	return dir
}

// The object of every command has the documented fields, its files are there,
// and the devices agree.
func TestObjects(t *testing.T) {
	dir := small(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	cases := []struct {
		args        []string
		shape       []int
		method      string
		certificate []string
		outputs     []string
	}{
		{[]string{"svd", file("A.npy")}, []int{12, 8}, "direct",
			[]string{"error_bound", "orthogonality_u", "orthogonality_v", "residual"}, []string{"S", "U", "Vt"}},
		{[]string{"svd", file("A.npy"), "--values-only"}, []int{12, 8}, "direct",
			nil, []string{"S"}},
		{[]string{"svd", file("A.npy"), "--rank", "2", "--method", "randomized", "--oversampling", "2", "--seed", "7"}, []int{12, 8}, "",
			[]string{"error_bound", "orthogonality_u", "orthogonality_v", "residual"}, []string{"S", "U", "Vt"}},
		{[]string{"polar", file("A.npy")}, []int{12, 8}, "",
			[]string{"error_bound", "orthogonality"}, []string{"Q"}},
		{[]string{"polar", file("A.npy"), "--method", "svd"}, []int{12, 8}, "svd",
			[]string{"error_bound", "orthogonality"}, []string{"Q"}},
		{[]string{"polar", file("A.npy"), "--method", "muon", "--steps", "3"}, []int{12, 8}, "muon",
			[]string{"orthogonality"}, []string{"Q"}},
		{[]string{"spectrum", file("H.npy"), "--top", "3", "--density", "--trace", "--budget", "8"}, []int{20, 20}, "thick-restart Lanczos",
			[]string{"residuals", "std_error"}, []string{"density", "values", "vectors"}},
		{[]string{"hessian", "--data", file("X.csv"), "--labels", file("labels.csv"), "--train", "2", "--top", "2", "--trace", "--density"}, []int{40, 8}, "thick-restart Lanczos",
			[]string{"residuals"}, []string{"density", "values", "vectors", "weights"}},
		{[]string{"hessian", "--data", file("X.csv"), "--labels", file("labels.csv"), "--train", "1", "--model", "mlp", "--hidden", "4", "--kind", "fisher"}, []int{40, 26}, "thick-restart Lanczos",
			[]string{"residuals"}, []string{"values", "vectors", "weights"}},
		{[]string{"sinkhorn", "--cost", file("C.npy"), "--eps", "0.1"}, []int{6, 5}, "",
			[]string{"gap", "lower", "marginal_l1", "upper"}, []string{"f", "g", "plan"}},
		{[]string{"sinkhorn", "--x", file("A.npy"), "--y", file("A.npy"), "--p", "1", "--eps", "0.2", "--method", "log"}, []int{12, 12}, "log",
			[]string{"gap", "lower", "marginal_l1", "upper"}, []string{"f", "g", "plan"}},
		{[]string{"sinkhorn", "--x", file("A.npy"), "--y", file("A.npy"), "--exact"}, []int{12, 12}, "exact",
			[]string{"gap", "lower", "marginal_l1", "upper"}, []string{"f", "g", "plan"}},
		{[]string{"sinkhorn", "--x", file("A.npy"), "--y", file("A.npy"), "--eps", "0.5", "--p", "1.5", "--sparse-plan"}, []int{12, 12}, "",
			[]string{"gap", "lower", "marginal_l1", "upper"}, []string{"entries", "f", "g"}},
		{[]string{"sinkhorn", "--x", file("A.npy"), "--y", file("A.npy"), "--eps", "0.5", "--divergence"}, []int{12, 12}, "divergence",
			[]string{"error_bound", "marginal_l1"}, []string{"f", "g", "plan"}},
		{[]string{"sinkhorn", "--x", file("A.npy"), "--y", file("A.npy"), "--eps", "0.5", "--cost-fn", "cosine", "--unbalanced", "1,0"}, []int{12, 12}, "unbalanced",
			[]string{"gap", "marginal_l1"}, []string{"f", "g", "plan"}},
		{[]string{"sinkhorn", "--cost", file("C.npy"), "--eps", "0.1", "--partial", "0.4"}, []int{6, 5}, "partial",
			[]string{"gap", "marginal_l1"}, []string{"f", "g", "plan"}},
		{[]string{"sinkhorn", "--x-image", images + "[3]", "--y-image", images + "[4]", "--eps", "0.05", "--tol", "1e-8"}, nil, "",
			[]string{"gap", "lower", "marginal_l1", "upper"}, []string{"f", "g", "plan"}},
	}
	for _, c := range cases {
		var reference *result
		for _, b := range backends {
			out := filepath.Join(t.TempDir(), "deep", "out")
			r := compute(t, 0, slices.Concat(c.args, []string{"--backend", b, "-o", out, "--repeat", "2", "--threads", "1"})...)
			name := strings.Join(c.args, " ") + " on " + b
			if r.Command != c.args[0] || r.Backend != b || !(r.Seconds > 0) || r.Converged == nil || !*r.Converged {
				t.Errorf("%s: %+v", name, r)
			}
			if c.shape != nil && !slices.Equal(r.Shape, c.shape) || c.method != "" && r.Method != c.method || r.Method == "" {
				t.Errorf("%s: shape %v, method %q; want %v, %q", name, r.Shape, r.Method, c.shape, c.method)
			}
			for _, key := range c.certificate {
				if _, ok := r.Certificate[key]; !ok {
					t.Errorf("%s: the certificate has no %s: %v", name, key, r.Certificate)
				}
			}
			var written []string
			for key, path := range r.Outputs {
				written = append(written, key)
				if filepath.Dir(path) != out {
					t.Errorf("%s: %s is %s, outside of %s", name, key, path, out)
				}
				if key != "weights" {
					read(t, path)
				}
			}
			slices.Sort(written)
			if !slices.Equal(written, c.outputs) || len(names(t, out)) != len(written) {
				t.Errorf("%s: outputs %v, want %v; files %v", name, written, c.outputs, names(t, out))
			}
			for _, key := range []string{"cpu", "kernel_level", "blas", "threads", "gomaxprocs", "os", "go", "ritz"} {
				if v, ok := r.Environment[key]; !ok || v == "" {
					t.Errorf("%s: the environment lacks %s: %v", name, key, r.Environment)
				}
			}
			if v := r.Environment["gomaxprocs"]; v != 1.0 {
				t.Errorf("%s: %v threads, asked for 1", name, v)
			}
			if reference == nil {
				reference = r
			} else {
				agree(t, name, reference, r)
			}
		}
	}
}

// agree compares what two devices computed from the same input and seed.
func agree(t *testing.T, name string, a, b *result) {
	t.Helper()
	tol := 1e-8 // that of the iterations; sharper claims are tested elsewhere
	if a.DType == "f32" {
		tol = 1e-3
	}
	near := func(what string, x, y float64) {
		t.Helper()
		if math.Abs(x-y) > tol*max(1, math.Abs(x)) {
			t.Errorf("%s: %s is %.12g and %.12g", name, what, x, y)
		}
	}
	if len(a.Values) != len(b.Values) || (a.Cost == nil) != (b.Cost == nil) || (a.Trace == nil) != (b.Trace == nil) {
		t.Errorf("%s: different results: %+v, %+v", name, a, b)
		return
	}
	for i := range a.Values {
		near("a value", a.Values[i], b.Values[i])
	}
	if a.Cost != nil {
		near("the cost", *a.Cost, *b.Cost)
	}
	if a.Trace != nil {
		near("the trace", a.Trace.Value, b.Trace.Value)
	}
	for key, v := range a.Measures {
		near(key, v, b.Measures[key])
	}
}

// The written factors give the matrix back.
func TestFactors(t *testing.T) {
	dir := small(t)
	_, _, a := read(t, filepath.Join(dir, "A.npy"))
	for _, b := range backends {
		out := t.TempDir()
		r := compute(t, 0, "svd", filepath.Join(dir, "A.npy"), "-o", out, "--backend", b)
		_, k, u := read(t, r.Outputs["U"])
		_, _, s := read(t, r.Outputs["S"])
		_, n, vt := read(t, r.Outputs["Vt"])
		if !slices.Equal(s, r.Values) {
			t.Errorf("%s: S.npy is %v, values are %v", b, s, r.Values)
		}
		worst := 0.0
		for i := range 12 {
			for j := range n {
				sum := 0.0
				for l := range k {
					sum += u[i*k+l] * s[l] * vt[l*n+j]
				}
				worst = max(worst, math.Abs(sum-a[i*n+j]))
			}
		}
		if worst > 1e-14*s[0]*4 {
			t.Errorf("%s: U S Vt is off by %g", b, worst)
		}
	}
}

// Q has orthonormal columns and QᵀA is symmetric and positive: it is the polar
// factor. Every ending of -o names the same numbers.
func TestPolarFactor(t *testing.T) {
	dir := small(t)
	path := filepath.Join(dir, "A.npy")
	m, n, a := read(t, path)
	for _, b := range backends {
		for _, method := range []string{"auto", "express", "cubic", "quintic", "svd"} {
			for _, name := range []string{"Q.npy", "Q.csv", "Q.npz", "Q.safetensors"} {
				if method != "auto" && name != "Q.npy" {
					continue
				}
				r := compute(t, 0, "polar", path, "-o", filepath.Join(t.TempDir(), name), "--backend", b, "--method", method)
				_, _, q := read(t, r.Outputs["Q"])
				gram := func(x []float64, i, j int) (sum float64) {
					for l := range m {
						sum += q[l*n+i] * x[l*n+j]
					}
					return
				}
				worst, skew := 0.0, 0.0
				for i := range n {
					for j := range n {
						identity := 0.0
						if i == j {
							identity = 1
							if gram(a, i, i) <= 0 {
								t.Errorf("%s, %s: the diagonal of QᵀA is not positive", b, method)
							}
						}
						worst = max(worst, math.Abs(gram(q, i, j)-identity))
						skew = max(skew, math.Abs(gram(a, i, j)-gram(a, j, i)))
					}
				}
				if worst > 1e-12 || skew > 1e-11 {
					t.Errorf("%s, %s, %s: QᵀQ is off by %g, QᵀA - AᵀQ is %g", b, method, name, worst, skew)
				}
			}
		}
	}
}

// Two points of two sides at distance c, with equal weights: by symmetry the
// plan is ½ [p 1-p; 1-p p] with p = 1/(1+e^{-c/ε}).
func TestTransportClosedForm(t *testing.T) {
	dir := t.TempDir()
	const c, eps = 0.7, 0.3
	cost := write(t, filepath.Join(dir, "C.npy"), []int{2, 2}, 0, c, c, 0)
	x := write(t, filepath.Join(dir, "x.csv"), []int{2, 1}, 0, c)
	stay := 0.5 / (1 + math.Exp(-c/eps))
	for _, b := range backends {
		for _, args := range [][]string{
			{"--cost", cost},
			{"--cost", cost, "--method", "scaling"},
			{"--cost", cost, "--method", "log"},
			{"--x", x, "--y", x, "--p", "1"},
		} {
			args = slices.Concat([]string{"sinkhorn", "--eps", "0.3", "--tol", "1e-12", "-o", t.TempDir(), "--backend", b}, args)
			r := compute(t, 0, args...)
			_, _, p := read(t, r.Outputs["plan"])
			for i, want := range []float64{stay, 0.5 - stay, 0.5 - stay, stay} {
				if math.Abs(p[i]-want) > 1e-11 {
					t.Errorf("%v: plan[%d] = %.15g, want %.15g", args, i, p[i], want)
				}
			}
			if want := 2 * (0.5 - stay) * c; math.Abs(*r.Cost-want) > 1e-11 {
				t.Errorf("%v: cost %.15g, want %.15g", args, *r.Cost, want)
			}
			// Without regularization nothing moves.
			if lower, upper := r.number(t, "lower"), r.number(t, "upper"); lower > 1e-12 || upper < 0 {
				t.Errorf("%v: the optimal cost 0 is outside of [%g, %g]", args, lower, upper)
			}
		}
	}
}

// Eigenvalues of the second difference matrix are 2 - 2 cos(kπ/(n+1)), its
// trace is 2n.
func TestSecondDifference(t *testing.T) {
	path := filepath.Join(small(t), "H.npy")
	const n = 20
	exact := make([]float64, n)
	for k := range exact {
		exact[k] = 2 - 2*math.Cos(float64(k+1)*math.Pi/(n+1))
	}
	ends := map[string][]float64{
		"LA": {exact[19], exact[18], exact[17], exact[16]},
		"SA": {exact[0], exact[1], exact[2], exact[3]},
		"LM": {exact[19], exact[18], exact[17], exact[16]},
		"BE": {exact[0], exact[1], exact[18], exact[19]},
	}
	for _, b := range backends {
		for which, want := range ends {
			r := compute(t, 0, "spectrum", path, "--top", "4", "--which", which, "--backend", b)
			got, want := slices.Sorted(slices.Values(r.Values)), slices.Sorted(slices.Values(want))
			if len(got) != len(want) {
				t.Errorf("%s, %s: values %v, want %v", b, which, got, want)
				continue
			}
			for i := range want {
				// The residual that is asked for is 1e-10·‖H‖.
				if math.Abs(got[i]-want[i]) > 4e-10 {
					t.Errorf("%s, %s: values %v, want %v", b, which, got, want)
					break
				}
			}
			if residuals, ok := r.Certificate["residuals"].([]any); !ok || len(residuals) != 4 {
				t.Errorf("%s, %s: residuals %v", b, which, r.Certificate["residuals"])
			}
		}
		r := compute(t, 0, "spectrum", path, "--trace", "--density", "--backend", b)
		// The default budget is more than the dimension: the trace is exact.
		if math.Abs(r.Trace.Value-2*n) > 1e-9 {
			t.Errorf("%s: trace %v, want %d", b, r.Trace.Value, 2*n)
		}
		mass := 0.0
		for i := 1; i < len(r.Density.Grid); i++ {
			mass += (r.Density.Grid[i] - r.Density.Grid[i-1]) * (r.Density.Value[i] + r.Density.Value[i-1]) / 2
		}
		if math.Abs(mass-1) > 0.05 {
			t.Errorf("%s: the density has mass %v", b, mass)
		}
	}
}

// Weights that one call writes are those that another reads.
func TestWeightsRoundTrip(t *testing.T) {
	dir := small(t)
	for _, b := range backends {
		for _, model := range [][]string{{"--model", "softmax"}, {"--model", "mlp", "--hidden", "5,4", "--activation", "gelu"}} {
			base := slices.Concat([]string{"hessian", "--data", filepath.Join(dir, "X.csv"), "--labels", filepath.Join(dir, "labels.csv"),
				"--top", "2", "--backend", b}, model)
			trained := compute(t, 0, slices.Concat(base, []string{"--train", "1", "-o", t.TempDir()})...)
			again := compute(t, 0, slices.Concat(base, []string{"--weights", trained.Outputs["weights"]})...)
			if trained.Measures["loss"] != again.Measures["loss"] || trained.Measures["loss"] <= 0 {
				t.Errorf("%s, %s: loss %v, read again %v", b, model[1], trained.Measures["loss"], again.Measures["loss"])
			}
			for i := range trained.Values {
				if math.Abs(trained.Values[i]-again.Values[i]) > 1e-9*trained.Values[0] {
					t.Errorf("%s, %s: eigenvalues %v, read again %v", b, model[1], trained.Values, again.Values)
				}
			}
		}
	}
}

// Results that did not converge are written and printed all the same.
func TestNotConverged(t *testing.T) {
	dir := small(t)
	cases := []struct {
		args  []string
		files []string
	}{
		{[]string{"sinkhorn", "--cost", filepath.Join(dir, "C.npy"), "--eps", "0.001", "--max-iterations", "1"}, []string{"f.npy", "g.npy", "plan.npy"}},
		{[]string{"polar", filepath.Join(dir, "A.npy"), "--method", "cubic", "--tol", "1e-18"}, []string{"Q.npy"}},
	}
	for _, c := range cases {
		out := t.TempDir()
		r := compute(t, 4, append(c.args, "--backend", "go", "-o", out)...)
		if r.Converged == nil || *r.Converged {
			t.Errorf("%v: converged is %v", c.args, r.Converged)
		}
		if got := names(t, out); !slices.Equal(got, c.files) {
			t.Errorf("%v: wrote %v, want %v", c.args, got, c.files)
		}
	}
}

// Weights of different sums are an error, unless --normalize scales them.
func TestNormalizedWeights(t *testing.T) {
	dir := t.TempDir()
	cost := write(t, filepath.Join(dir, "C.npy"), []int{2, 2}, 0.0, 1, 3, 0)
	a := write(t, filepath.Join(dir, "a.npy"), []int{2}, 1.0, 3)
	b := write(t, filepath.Join(dir, "b.npy"), []int{2}, 0.5, 0.5)
	args := []string{"sinkhorn", "--cost", cost, "--a", a, "--b", b, "--exact", "--backend", "go"}
	if out := ritz(t, args...); out.code != usage || !strings.Contains(out.stderr, "same mass") {
		t.Errorf("%+v", out)
	}
	// A quarter stays at each point and the rest goes from the second.
	if r := compute(t, 0, append(args, "--normalize")...); math.Abs(*r.Cost-0.75) > 1e-12 {
		t.Errorf("the cost is %v, want 0.75", *r.Cost)
	}
}
