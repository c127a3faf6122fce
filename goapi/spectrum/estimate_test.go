package spectrum

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Means, standard errors and intervals by hand.
func TestEstimatesByHand(t *testing.T) {
	near := func(name string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-6*math.Abs(want)) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	e := meanOf([]float64{1, 2, 6}, 3)
	near("mean", e.Value, 3)
	near("standard error", e.StdErr, math.Sqrt(14./2/3))
	e.Bias = -0.5
	lo, hi := e.Interval()
	half := 4.302652729911275*e.StdErr + 0.5 // Student's 97.5 % quantile for two degrees of freedom
	near("lower end", lo, 3-half)
	near("upper end", hi, 3+half)
	e = meanOf([]float64{4, 6}, 2)
	_, hi = e.Interval()
	near("upper end for two samples", hi, 5+12.706204736174705)
	if lo, _ := meanOf([]float64{4}, 1).Interval(); !math.IsNaN(lo) {
		t.Errorf("one sample: from %v on", lo)
	}
	lo, hi = Estimate{Value: 7, Bias: 1}.Interval()
	near("exact, lower end", lo, 6)
	near("exact, upper end", hi, 8)

	// Two probes with one node each, and one eigenvalue that is known.
	q := Quadrature{Dim: 4, Exact: []float64{9}, Nodes: [][]float64{{0}, {1}}, Weights: [][]float64{{1}, {1}}}
	bell := func(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }
	density, stdErr := q.DensityErr([]float64{0, 9}, 1)
	near("density", density[0], 0.75*(bell(0)+bell(1))/2+bell(9)/4)
	near("density at the known value", density[1], 0.25*bell(0)+0.75*(bell(9)+bell(8))/2)
	near("standard error of the density", stdErr[0], 0.75*(bell(0)-bell(1))/2)
	cdf := q.CDF(0.5)
	near("distribution function", cdf.Value, 0.75/2)
	near("its standard error", cdf.StdErr, 0.75/2)
	near("count with an end at a node", q.Count(0, 0).Value, 1.5)
	schatten, err := q.Schatten(2)
	if err != nil {
		t.Fatal(err)
	}
	near("Schatten norm", schatten.Value, math.Sqrt(81+1.5))
	near("its standard error", schatten.StdErr, 1.5/(2*math.Sqrt(81+1.5)))

	var d deviation
	d.add(matrixOf([]float64{1, 2, 6}))
	near("mean of a diagonal", d.sum[0], 3)
	near("its standard error", d.stdErr()[0], math.Sqrt(14./2/3))
}

// matrixOf returns a column.
func matrixOf(x []float64) device.Dense[float64] {
	return device.Dense[float64]{Rows: len(x), Cols: 1, Stride: 1, Data: x}
}
