package spectrum

import "math"

// Estimate is a random estimate with its standard error: with probability
// about 2/3 the true value lies within one StdErr, with 95 % within two.
type Estimate struct {
	Value    float64
	StdErr   float64 // NaN if there was one sample only; 0 if the value is exact
	Products int     // products with the operator
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
	if n < 2 {
		return Estimate{mean, math.NaN(), products}
	}
	return Estimate{mean, math.Sqrt(square / (n - 1) / n), products}
}
