package dynamicalstability

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/matrices"
)

func randomReLU(seed uint64, units, d int) ReLU {
	m := ReLU{A: make([]float64, units), W: matrices.Normal[float64](seed, units, d)}
	rng.Normal(seed, 50, 0, m.A)
	return m
}

// The trace for isotropic inputs against the mean over samples, both normal and
// on the sphere of radius √d.
func TestTraceOfReLUNetworks(t *testing.T) {
	const d, n = 7, 40000
	m := randomReLU(1, 20, d)
	x := matrices.Normal[float64](2, n, d)
	sphere := x.Clone()
	for i := range n {
		floats.Scale(math.Sqrt(d)/floats.Norm(sphere.Row(i), 2), sphere.Row(i))
	}
	want := m.IsotropicTrace()
	for name, inputs := range map[string]device.Dense[float64]{"normal": x, "sphere": sphere} {
		g, err := m.Gradients(inputs)
		if err != nil {
			t.Fatal(err)
		}
		var sum, squares float64
		for i := range n {
			v := floats.Dot(g.Row(i), g.Row(i))
			sum += v
			squares += v * v
		}
		mean := sum / n
		σ := math.Sqrt((squares/n - mean*mean) / n)
		if math.Abs(mean-want) > 4*σ { // one false alarm in 8,000 for each law
			t.Errorf("%s inputs: %v ± %v, closed form %v", name, mean, σ, want)
		}
	}
}

// The trace is at least √d times the path norm, with equality where the layers
// are balanced.
func TestTraceBoundsPathNorm(t *testing.T) {
	const d = 5
	m := randomReLU(3, 12, d)
	if trace, path := m.IsotropicTrace(), m.PathNorm(); trace <= math.Sqrt(d)*path {
		t.Errorf("trace %v, path norm %v", trace, path)
	}
	for j := range m.A {
		m.A[j] = floats.Norm(m.W.Row(j), 2) / math.Sqrt(d) * math.Copysign(1, m.A[j])
	}
	if trace, path := m.IsotropicTrace(), m.PathNorm(); math.Abs(trace/(math.Sqrt(d)*path)-1) > 1e-14 {
		t.Errorf("balanced: trace %v, √d·path norm %v", trace, math.Sqrt(d)*path)
	}
}

// Gradients against central differences of the output.
func TestReLUGradients(t *testing.T) {
	m := randomReLU(4, 3, 4)
	x := matrices.Normal[float64](5, 6, 4)
	output := func(m ReLU, i int) float64 {
		sum := 0.0
		for j, a := range m.A {
			sum += a * max(0, floats.Dot(m.W.Row(j), x.Row(i)))
		}
		return sum
	}
	g, err := m.Gradients(x)
	if err != nil {
		t.Fatal(err)
	}
	const h = 1e-6
	for i := range x.Rows {
		for k := range m.Parameters() {
			p := &m.W.Data[max(0, k-3)]
			if k < 3 {
				p = &m.A[k]
			}
			old := *p
			*p = old + h
			up := output(m, i)
			*p = old - h
			down := output(m, i)
			*p = old
			if want := (up - down) / (2 * h); math.Abs(g.At(i, k)-want) > 1e-8 {
				t.Errorf("sample %d, parameter %d: %v, want %v", i, k, g.At(i, k), want)
			}
		}
	}
}

// The closed form of E ∇f∇fᵀ: its trace, the mean over samples, definiteness,
// and directions that are equal, opposite or nearly equal.
func TestGaussianHessian(t *testing.T) {
	const d, n = 4, 100000
	m := randomReLU(6, 6, d)
	copy(m.W.Row(1), m.W.Row(0))
	floats.ScaleTo(m.W.Row(2), -2, m.W.Row(0))
	copy(m.W.Row(3), m.W.Row(0))
	m.W.Row(3)[1] *= 1 + 1e-9
	h, err := m.GaussianHessian()
	if err != nil {
		t.Fatal(err)
	}
	trace := 0.0
	sym := mat.NewSymDense(h.Rows, nil)
	for i := range h.Rows {
		trace += h.At(i, i)
		for j := range i + 1 {
			if math.Abs(h.At(i, j)-h.At(j, i)) > 1e-14*m.IsotropicTrace() {
				t.Errorf("entries %d,%d differ: %v and %v", i, j, h.At(i, j), h.At(j, i))
			}
			sym.SetSym(i, j, h.At(i, j))
		}
	}
	if math.Abs(trace/m.IsotropicTrace()-1) > 1e-12 {
		t.Errorf("trace %v, closed form %v", trace, m.IsotropicTrace())
	}
	var eig mat.EigenSym
	eig.Factorize(sym, false)
	if w := eig.Values(nil); w[0] < -1e-13*w[len(w)-1] {
		t.Errorf("smallest eigenvalue %v", w[0])
	}
	g, err := m.Gradients(matrices.Normal[float64](7, n, d))
	if err != nil {
		t.Fatal(err)
	}
	var mean mat.Dense
	mean.Mul(device.ToMat(g).T(), device.ToMat(g))
	mean.Scale(1.0/n, &mean)
	mean.Sub(&mean, sym)
	if off := mat.Norm(&mean, 2) / mat.Norm(sym, 2); off > 0.02 {
		t.Errorf("mean of %d samples is off by %v", n, off)
	}
	dead := ReLU{A: []float64{1, 1}, W: matrices.Filled[float64](2, 3, func(i, j int) float64 { return float64(i) })}
	if h, err = dead.GaussianHessian(); err != nil || h.At(0, 0) != 0 || h.At(1, 1) == 0 {
		t.Errorf("a unit without weights: %v, %v", h.Data, err)
	}
}

// Trace, Frobenius norm and largest eigenvalue of diagonal networks for
// E xxᵀ = I, and the bounds of the weights' norms.
func TestSharpnessOfDiagonalNetworks(t *testing.T) {
	const d = 9
	m := Diagonal{make([]float64, d), make([]float64, d)}
	rng.Normal(8, 1, 0, m.Alpha)
	rng.Normal(8, 2, 0, m.Beta)
	// √d·eᵢ are inputs with E xxᵀ = I.
	basis := matrices.Filled[float64](d, d, func(i, j int) float64 {
		if i == j {
			return math.Sqrt(d)
		}
		return 0
	})
	a, err := m.Gradients(basis)
	if err != nil {
		t.Fatal(err)
	}
	r := analyze(t, device.Go(), a, d)
	trace, frobenius, largest := m.Sharpness()
	for name, pair := range map[string][2]float64{"trace": {trace, r.Trace}, "Frobenius norm": {frobenius, r.Frobenius}, "λ_max": {largest, r.Sharpness}} {
		if math.Abs(pair[0]/pair[1]-1) > 1e-12 {
			t.Errorf("%s: %v, of the gradients %v", name, pair[0], pair[1])
		}
	}
	w := m.Weights()
	if trace < 4*floats.Norm(w, 1) || frobenius < 4*floats.Norm(w, 2) || largest < 4*floats.Norm(w, math.Inf(1)) {
		t.Errorf("norms of the weights %v exceed the bounds %v %v %v", w, trace, frobenius, largest)
	}
	clear(m.Beta)
	if trace, _, _ = m.Sharpness(); math.Abs(trace/(4*floats.Norm(m.Weights(), 1))-1) > 1e-14 {
		t.Error("no equality without β")
	}
}

// A unit that a sample leaves at 0 has no gradient.
func TestReLUGradientAtZero(t *testing.T) {
	m := ReLU{A: []float64{2}, W: device.Dense[float64]{Rows: 1, Cols: 2, Stride: 2, Data: []float64{1, 0}}}
	g, err := m.Gradients(device.Dense[float64]{Rows: 1, Cols: 2, Stride: 2, Data: []float64{0, 3}})
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range g.Row(0) {
		if v != 0 {
			t.Errorf("parameter %d: %v", k, v)
		}
	}
}

// f is quadratic in its parameters: differences are exact but for rounding.
func TestDiagonalGradients(t *testing.T) {
	m := Diagonal{Alpha: []float64{0.5, -1, 2}, Beta: []float64{1.5, 0.25, -3}}
	x := matrices.Normal[float64](6, 4, 3)
	g, err := m.Gradients(x)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Rows {
		for k := range 6 {
			p := &m.Beta[k%3]
			if k < 3 {
				p = &m.Alpha[k]
			}
			old := *p
			*p = old + 1
			up := floats.Dot(m.Weights(), x.Row(i))
			*p = old - 1
			down := floats.Dot(m.Weights(), x.Row(i))
			*p = old
			if want := (up - down) / 2; math.Abs(g.At(i, k)-want) > 1e-13 {
				t.Errorf("sample %d, parameter %d: %v, want %v", i, k, g.At(i, k), want)
			}
		}
	}
}
