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

// gradients are n normal rows of dimension dim with scales from 1/2 to 2.
func gradients(seed uint64, n, dim int) device.Dense[float64] {
	a := matrices.Normal[float64](seed, n, dim)
	scale := make([]float64, n)
	rng.Uniform(seed, 7, 0, scale)
	for i := range n {
		floats.Scale(0.5+1.5*scale[i], a.Row(i))
	}
	return a
}

// growth is the spectral radius of the map Y → E (I - ηG)·Y·(I - ηG) of second
// moments, G the mean of aaᵀ over a batch, with all batches enumerated.
func growth(a device.Dense[float64], batch int, η float64) float64 {
	n, p := a.Rows, a.Cols
	var steps []*mat.Dense
	var choose func(from int, chosen []int)
	choose = func(from int, chosen []int) {
		if len(chosen) == batch {
			g := mat.NewDense(p, p, nil)
			for j := range p {
				g.Set(j, j, 1)
			}
			for _, i := range chosen {
				row := mat.NewVecDense(p, a.Row(i))
				g.RankOne(g, -η/float64(batch), row, row)
			}
			steps = append(steps, g)
			return
		}
		for i := from; i < n; i++ {
			choose(i+1, append(chosen, i))
		}
	}
	choose(0, nil)
	y := mat.NewDense(p, p, nil)
	for j := range p {
		y.Set(j, j, 1)
	}
	radius := 0.0
	for range 3000 {
		var next mat.Dense
		sum := mat.NewDense(p, p, nil)
		for _, g := range steps {
			next.Mul(g, y)
			next.Mul(&next, g)
			sum.Add(sum, &next)
		}
		sum.Scale(1/float64(len(steps)), sum)
		radius = mat.Norm(sum, 2)
		y.Scale(1/radius, sum)
	}
	return radius
}

func analyze(t *testing.T, dev device.Device, a device.Dense[float64], batch int) *Thresholds {
	t.Helper()
	r, err := Analyze(t.Context(), dev, a, batch, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Mulayoff and Michaeli 2024: the second moment shrinks just below the exact
// threshold and grows just above it, for every batch size.
func TestExactThresholdSeparatesShrinkingFromGrowing(t *testing.T) {
	a := gradients(1, 8, 5)
	for _, batch := range []int{1, 2, 3, 8} {
		η := analyze(t, device.Go(), a, batch).SGD
		if below := growth(a, batch, 0.98*η); below >= 1 {
			t.Errorf("batch %d: growth %v below the threshold", batch, below)
		}
		if above := growth(a, batch, 1.02*η); above <= 1 {
			t.Errorf("batch %d: growth %v above the threshold", batch, above)
		}
	}
}

// Closed forms: orthogonal rows of equal norm c have the threshold 2/c², equal
// rows and full batches 2/λ_max.
func TestClosedFormsOfTheThreshold(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n, c = 6, 1.7
		orthogonal := matrices.Filled[float64](n, n+2, func(i, j int) float64 {
			if i == j {
				return c
			}
			return 0
		})
		near := func(what string, got, want float64) {
			t.Helper()
			if !(math.Abs(got-want) <= 1e-9*want) {
				t.Errorf("%s is %v, want %v", what, got, want)
			}
		}
		r := analyze(t, dev, orthogonal, 1)
		near("threshold of orthogonal rows", r.SGD, 2/(c*c))
		near("their trace bound", r.TraceBound, 2/(c*c))
		near("their threshold of gradient descent", r.GD, 2*n/(c*c))
		equal := matrices.Filled[float64](n, 4, func(_, j int) float64 { return float64(j + 1) })
		r = analyze(t, dev, equal, 1)
		near("threshold of equal rows", r.SGD, 2.0/30)
		near("their moment bound", r.Moment, 2.0/30)
		near("their threshold of gradient descent", r.GD, 2.0/30)
		if r.Rank != 1 {
			t.Errorf("rank %d", r.Rank)
		}
		a := gradients(2, 9, 7)
		r = analyze(t, dev, a, 9)
		near("threshold of the full batch", r.SGD, r.GD)
		near("its moment bound", r.Moment, 2*r.Trace/(r.Frobenius*r.Frobenius))
		var h mat.Dense
		h.Mul(device.ToMat(a).T(), device.ToMat(a))
		near("trace", r.Trace, mat.Trace(&h)/9)
		near("Frobenius norm", r.Frobenius, mat.Norm(&h, 2)/9)
	})
}

// The threshold grows with the batch; for single samples it is below the moment
// bound, which is below the trace bound; it is never above that of gradient
// descent; gradients c times as large divide it by c².
func TestOrderOfTheThresholds(t *testing.T) {
	const slack = 1 + 1e-9
	for seed := uint64(1); seed <= 5; seed++ {
		a := gradients(seed, 12, 6+int(seed)*3) // more and fewer parameters than samples
		last := 0.0
		for batch := 1; batch <= 12; batch++ {
			r := analyze(t, device.Go(), a, batch)
			if r.SGD*slack < last || r.SGD > r.Moment*slack || r.SGD > r.GD*slack || batch == 1 && r.Moment > r.TraceBound*slack {
				t.Errorf("seed %d, batch %d: %+v after %v", seed, batch, r, last)
			}
			last = r.SGD
		}
		for _, c := range []float64{3, 1e-100, 1e100} {
			scaled := a.Clone()
			floats.Scale(c, scaled.Data)
			got, want := analyze(t, device.Go(), scaled, 3), analyze(t, device.Go(), a, 3)
			if ratio := got.SGD * c * c / want.SGD; math.Abs(ratio-1) > 1e-9 {
				t.Errorf("seed %d, gradients times %g: threshold off by the factor %v", seed, c, ratio)
			}
		}
	}
}

// float32 gives the thresholds to its accuracy, and every device the same.
func TestThresholdsOfBothTypes(t *testing.T) {
	a := gradients(3, 40, 90)
	want := analyze(t, device.Go(), a, 4)
	onDevices(t, func(t *testing.T, dev device.Device) {
		got := analyze(t, dev, a, 4)
		if math.Abs(got.SGD/want.SGD-1) > 1e-9 || got.SGDError > 1e-9 {
			t.Errorf("%v ± %v, want %v", got.SGD, got.SGDError, want.SGD)
		}
		single, err := Analyze(t.Context(), dev, device.Convert[float32](a), 4, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(single.SGD/want.SGD-1) > 1e-4 || math.Abs(single.Trace/want.Trace-1) > 1e-5 {
			t.Errorf("float32: %v and %v, want %v and %v", single.SGD, single.Trace, want.SGD, want.Trace)
		}
	})
}

// Gradients that are all zero allow every step; dependent ones count once.
func TestThresholdsOfDegenerateGradients(t *testing.T) {
	r := analyze(t, device.Go(), device.NewDense[float64](4, 3), 2)
	if !math.IsInf(r.SGD, 1) || !math.IsInf(r.GD, 1) || r.Rank != 0 {
		t.Errorf("%+v", r)
	}
	one := analyze(t, device.Go(), gradients(5, 1, 3), 1)
	if math.Abs(one.SGD/one.GD-1) > 1e-12 {
		t.Errorf("a single sample: %v and %v", one.SGD, one.GD)
	}
	twice := device.NewDense[float64](8, 10)
	a := gradients(6, 8, 5)
	for i := range 8 {
		copy(twice.Row(i), a.Row(i))
		copy(twice.Row(i)[5:], a.Row(i))
	}
	r = analyze(t, device.Go(), twice, 1)
	if r.Rank != 5 || math.Abs(2*r.SGD/analyze(t, device.Go(), a, 1).SGD-1) > 1e-9 {
		t.Errorf("repeated columns: %+v", r)
	}
}

func TestStable(t *testing.T) {
	r := analyze(t, device.Go(), gradients(7, 10, 4), 1)
	for _, c := range []struct {
		η       float64
		gd, sgd bool
	}{{r.SGD / 2, true, true}, {(r.SGD + r.GD) / 2, true, false}, {2 * r.GD, false, false}} {
		if gd, sgd := r.Stable(c.η); gd != c.gd || sgd != c.sgd {
			t.Errorf("η = %v: %v, %v", c.η, gd, sgd)
		}
	}
}

// μ by its definition, from the covariance of the gradients.
func TestAlignment(t *testing.T) {
	const n, p = 9, 4
	a := gradients(8, n, p)
	r := make([]float64, n)
	rng.Normal(8, 1, 0, r)
	h, cov := mat.NewDense(p, p, nil), mat.NewDense(p, p, nil)
	g := mat.NewVecDense(p, nil)
	loss := 0.0
	for i := range n {
		row := mat.NewVecDense(p, a.Row(i))
		h.RankOne(h, 1.0/n, row, row)
		cov.RankOne(cov, r[i]*r[i]/n, row, row)
		g.AddScaledVec(g, r[i]/n, row)
		loss += r[i] * r[i] / (2 * n)
	}
	cov.RankOne(cov, -1, g, g)
	var product mat.Dense
	product.Mul(cov, h)
	want := mat.Trace(&product) / (2 * loss * math.Pow(mat.Norm(h, 2), 2))
	onDevices(t, func(t *testing.T, dev device.Device) {
		got, err := Alignment(dev, a, r)
		if err != nil || math.Abs(got/want-1) > 1e-12 {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	})
}

func TestInterpolates(t *testing.T) {
	if !Interpolates([]float64{1e-8, -1e-8}, 1e-15) || Interpolates([]float64{1, 0}, 0.2) {
		t.Error("the loss is (1/2n)·Σr²")
	}
}
