package polar

import "math"

// step is one step of an iteration on singular values: an odd polynomial of
// degree five, a longer one, or for rational ones that of Halley.
type step struct {
	Coefficients
	rational bool
	halley   weights

	// Of a longer one: the coefficients of P in y·P((y²-mid)/half), y = x/unit,
	// lowest first.
	series          []float64
	mid, half, unit float64
}

// at returns what the step makes of a singular value.
func (p step) at(x float64) float64 {
	switch {
	case p.rational:
		return p.halley.at(x)
	case p.series != nil:
		return x / p.unit * p.factor(x/p.unit)
	}
	return p.Coefficients.At(x)
}

// slope is the factor by which the step amplifies small singular values.
func (p step) slope() float64 {
	switch {
	case p.rational:
		return p.halley.a
	case p.series != nil:
		return max(1, p.factor(0)/p.unit)
	}
	return max(1, p.A)
}

// factor returns P for a singular value y of the scaled matrix.
func (p step) factor(y float64) float64 {
	sum, t := 0.0, (y*y-p.mid)/p.half
	for i := len(p.series) - 1; i >= 0; i-- {
		sum = sum*t + p.series[i]
	}
	return sum
}

// size is the sum of the magnitudes of the terms of a longer step.
func (p step) size() float64 {
	sum := 0.0
	for _, c := range p.series {
		sum += math.Abs(c)
	}
	return sum
}

// products is the number of products of small matrices for a polynomial.
func (p step) products() float64 {
	switch {
	case p.series != nil:
		return float64(len(p.series) / 2)
	case p.C != 0:
		return 1
	}
	return 0
}

// scaled returns the step that divides by s first.
func (p step) scaled(s float64) step {
	switch {
	case p.rational:
		p.halley = weights{p.halley.a / s, p.halley.b / (s * s * s), p.halley.c / (s * s)}
	case p.series != nil:
		p.unit *= s
	default:
		p.Coefficients = Coefficients{p.A / s, p.B / (s * s * s), p.C / math.Pow(s, 5)}
	}
	return p
}

func polynomials(list []Coefficients) []step {
	steps := make([]step, len(list))
	for i, c := range list {
		steps[i].Coefficients = c
	}
	return steps
}

// halleySteps returns the steps that bring singular values from [lower,1] to
// within deviation of 1, none of which amplifies by more than about most.
func halleySteps(lower, deviation, most float64) []step {
	var steps []step
	floor := flattest(most)
	for x := lower; 1-x > deviation && len(steps) < maxSteps; {
		w := halley(min(1-1e-8, max(x, floor)))
		steps = append(steps, step{rational: true, halley: w})
		x = w.at(x)
	}
	return steps
}

// expressTo returns the fewest Polar Express steps that bring [lower,1] to
// within deviation of 1.
func expressTo(lower, deviation float64) []step {
	for n := 1; ; n++ {
		table, left, err := ExpressCoefficients(lower, n, ExpressOptions{Cushion: tableCushion})
		if err != nil || left <= deviation || n == 60 {
			return polynomials(table)
		}
	}
}

// largest returns the most that the steps make of a singular value of [0,1].
func largest(steps []step) float64 {
	_, most := image(steps, 1)
	return most
}

// image returns the least and the most that the steps make of singular values
// of [0,reach], from those of a grid that is dense near 0.
func image(steps []step, reach float64) (least, most float64) {
	for i := range 4001 {
		x := reach * math.Pow(float64(i)/4000, 3)
		for _, p := range steps {
			x = p.at(x)
		}
		least, most = min(least, x), max(most, x)
	}
	return least, most
}
