package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Deviation returns the largest |1-p(x)| for singular values x in [lower,1],
// 0 < lower ≤ 1, after the steps: the polar error in exact arithmetic. It is
// the largest value on a grid of 20001 points, dense near lower.
func Deviation(steps []Coefficients, lower float64) float64 {
	return deviation(polynomials(steps), lower)
}

func deviation(steps []step, lower float64) float64 {
	worst := 0.0
	for i := range 20001 {
		x := math.Pow(lower, 1-float64(i)/20000)
		for _, p := range steps {
			x = p.at(x)
		}
		worst = max(worst, math.Abs(1-x))
	}
	return worst
}

// CoefficientsOf returns the coefficients of the steps of a method with
// polynomial steps of degree five or less that are known before the matrix is:
// all but auto, prism, minimax, halley, qdwh, newton and svd. Without o.Steps it
// returns as many as o.Error needs (0: 1e-15) for singular values in
// [o.Lower,1], at most 100; o.Lower = 0 means 1e-3.
func CoefficientsOf(o Options) ([]Coefficients, error) {
	steps, err := stepsOf(o)
	if err != nil {
		return nil, err
	}
	list := make([]Coefficients, len(steps))
	for i, p := range steps {
		if p.rational || p.series != nil {
			return nil, device.Argument("method", "is %s, whose steps are no polynomials of degree five", o.Method)
		}
		list[i] = p.Coefficients
	}
	return list, nil
}

// DeviationOf returns the polar error in exact arithmetic that the steps of a
// method leave on singular values in [o.Lower,1], as CoefficientsOf; it knows
// halley, too.
func DeviationOf(o Options) (float64, error) {
	steps, err := stepsOf(o)
	if err != nil {
		return 0, err
	}
	return deviation(steps, lowerOf(o)), nil
}

func lowerOf(o Options) float64 {
	if o.Lower == 0 {
		return 1e-3
	}
	return o.Lower
}

// stepsOf returns the steps of a method that needs to know no matrix.
func stepsOf(o Options) ([]step, error) {
	o, err := o.complete(1, device.Epsilon[float64]())
	if err != nil {
		return nil, err
	}
	o.Lower = lowerOf(o)
	switch o.Method {
	case Auto, Prism, QDWH, Newton, SVD:
		return nil, device.Argument("method", "is %s, whose steps depend on the matrix", o.Method)
	}
	left := max(o.Error, 1e-15)
	if o.Steps > 0 {
		p, err := newPlan(1, 1, o, o.Lower, device.Epsilon[float64]())
		if err != nil {
			return nil, err
		}
		return p.steps, nil
	}
	for n := 1; ; n++ {
		o.Steps = n
		p, err := newPlan(1, 1, o, o.Lower, device.Epsilon[float64]())
		if err != nil || n == maxSteps || deviation(p.steps, o.Lower) <= left {
			return p.steps, err
		}
	}
}
