package spectrum

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// studentQuantile is the half width of the 95 % confidence interval in
// standard errors.
func studentQuantile(samples int) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: float64(samples - 1)}.Quantile(0.975)
}

// Estimate is a random estimate with its standard error.
type Estimate struct {
	Value    float64
	StdErr   float64 // NaN if there was one sample only; 0 if the value is exact
	Bias     float64 // estimate of what is not random: a quadrature cut short; 0 if nothing is
	Samples  int     // from which StdErr comes; 0 if the value is exact
	Products int     // products with the operator
	Method   TraceMethod
}

// Interval returns the ends of the 95 % confidence interval: Student's
// quantile for the number of samples times the standard error, and the bias,
// to either side.
func (e Estimate) Interval() (lo, hi float64) {
	half := math.Abs(e.Bias)
	switch {
	case e.Samples == 1:
		half = math.NaN()
	case e.Samples > 1:
		half += e.StdErr * studentQuantile(e.Samples)
	}
	return e.Value - half, e.Value + half
}

// meanOf returns the mean of independent samples and its standard error.
func meanOf(samples []float64, products int) Estimate {
	n := float64(len(samples))
	mean := 0.0
	for _, x := range samples {
		mean += x / n
	}
	square := 0.0
	for _, x := range samples {
		square += (x - mean) * (x - mean)
	}
	e := Estimate{Value: mean, StdErr: math.NaN(), Samples: len(samples), Products: products}
	if n > 1 {
		e.StdErr = math.Sqrt(square / (n - 1) / n)
	}
	return e
}

// over divides an estimate by n.
func (e Estimate) over(n float64) Estimate {
	e.Value, e.StdErr, e.Bias = e.Value/n, e.StdErr/n, e.Bias/n
	return e
}
