package polar

import "math"

// step is one step of an iteration on singular values: an odd polynomial, or
// for rational ones that of Halley.
type step struct {
	Coefficients
	rational bool
	halley   weights
}

// at returns what the step makes of a singular value.
func (p step) at(x float64) float64 {
	if p.rational {
		return p.halley.at(x)
	}
	return p.Coefficients.At(x)
}

// slope is the factor by which the step amplifies small singular values.
func (p step) slope() float64 {
	if p.rational {
		return p.halley.a
	}
	return max(1, p.A)
}

// scaled returns the step that divides by s first.
func (p step) scaled(s float64) step {
	if p.rational {
		p.halley = weights{p.halley.a / s, p.halley.b / (s * s * s), p.halley.c / (s * s)}
		return p
	}
	p.Coefficients = Coefficients{p.A / s, p.B / (s * s * s), p.C / math.Pow(s, 5)}
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
	_, most := image(steps)
	return most
}

// image returns the least and the most that the steps make of singular values
// of [0,1], from those of a grid that is dense near 0.
func image(steps []step) (least, most float64) {
	for i := range 4001 {
		x := math.Pow(float64(i)/4000, 3)
		for _, p := range steps {
			x = p.at(x)
		}
		least, most = min(least, x), max(most, x)
	}
	return least, most
}
