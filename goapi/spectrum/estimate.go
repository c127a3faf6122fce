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
	e := Estimate{Value: mean, StdErr: math.NaN(), Samples: len(samples), Products: products}
	if n > 1 {
		e.StdErr = distance(samples, mean) / math.Sqrt((n-1)*n)
	}
	return e
}

// distance is the root of the sum of the squares of the differences to x,
// whatever their size.
func distance(samples []float64, x float64) float64 {
	largest := 0.0
	for _, y := range samples {
		if d := math.Abs(y - x); !(d <= largest) { // NaN, too
			largest = d
		}
	}
	if largest == 0 || largest-largest != 0 {
		return largest
	}
	_, e := math.Frexp(largest)
	sum := 0.0
	for _, y := range samples {
		d := math.Ldexp(y-x, -e)
		sum += d * d
	}
	return math.Ldexp(math.Sqrt(sum), e)
}

// over divides an estimate by n.
func (e Estimate) over(n float64) Estimate {
	e.Value, e.StdErr, e.Bias = e.Value/n, e.StdErr/n, e.Bias/n
	return e
}

// unscale gives the estimate for 2^-k·H the size of that for H.
func (e Estimate) unscale(k int) Estimate {
	e.Value, e.StdErr, e.Bias = math.Ldexp(e.Value, k), math.Ldexp(e.StdErr, k), math.Ldexp(e.Bias, k)
	return e
}
