package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Fixed schemes, whose authors give coefficients without saying how to compute
// them. After the last step of a table comes its last step again.
var (
	// YouSteps are five different steps that Y. You found by search, in use
	// by Dao's gram-newton-schulz and by Dion. On [0.01,1] they leave 0.032.
	YouSteps = []Coefficients{
		{4.0848, -6.8946, 2.9270},
		{3.9505, -6.3029, 2.6377},
		{3.7418, -5.5913, 2.3037},
		{2.8769, -3.1427, 1.2046},
		{2.8366, -3.0525, 1.2012},
	}
	// TurboSteps are the four steps of Turbo-Muon (Boissin et al., 2025) for
	// matrices scaled as Options.Method = Turbo does.
	TurboSteps = []Coefficients{
		{4.6051, -9.6552, 5.6769},
		{4.7505, -6.0861, 2.1790},
		{2.7763, -2.3190, 0.5523},
		{2.4231, -2.2861, 0.8193},
	}
)

// DionSteps returns the five steps that Dion (Ahn et al., 2025) uses by
// default: Polar Express for singular values in [1e-3,1] with a cushion of
// 0.02, all steps but the last with a safety factor of 1.02.
func DionSteps() []Coefficients {
	steps, _, _ := ExpressCoefficients(1e-3, 5, ExpressOptions{Cushion: 0.02, Safety: 1.02}) // no bad argument
	return steps
}

// CANSCoefficients returns cubic steps for singular values in [lower,1],
// 0 < lower ≤ 1, and the largest distance to 1 that they leave: the
// Chebyshev-accelerated Newton–Schulz iteration (Grishina, Smirnov and
// Rakhuba, 2025). Each step is the odd cubic polynomial that deviates least
// from 1 on the interval that the steps before it leave, which has a closed
// form.
func CANSCoefficients(lower float64, steps int) (coefficients []Coefficients, deviation float64, err error) {
	switch {
	case !(lower > 0 && lower <= 1):
		return nil, 0, device.Argument("lower", "is %v, must be in (0,1]", lower)
	case steps < 1:
		return nil, 0, device.Argument("steps", "is %d, must be at least 1", steps)
	}
	l, u := lower, 1.0
	for range steps {
		α := math.Sqrt(3 / (u*u + l*u + l*l))
		β := 4 / (2 + l*u*(l+u)*α*α*α)
		p := Coefficients{A: 1.5 * α * β, B: -0.5 * α * α * α * β}
		coefficients = append(coefficients, p)
		l, u = p.At(l), 2-p.At(l)
	}
	return coefficients, math.Abs(1 - l), nil
}

// weights of one step of the dynamically weighted Halley iteration,
// f(x) = x·(A + B·x²)/(1 + C·x²) (Nakatsukasa, Bai and Gygi, 2010).
type weights struct{ a, b, c float64 }

// halley returns the weights that are best for singular values in [l,1].
func halley(l float64) weights {
	l2 := l * l
	d := math.Cbrt(4 * (1 - l2) / (l2 * l2))
	root := math.Sqrt(1 + d)
	a := root + 0.5*math.Sqrt(8-4*d+8*(2-l2)/(l2*root))
	b := (a - 1) * (a - 1) / 4
	return weights{a, b, a + b - 1}
}

func (w weights) at(x float64) float64 { return x * (w.a + w.b*x*x) / (1 + w.c*x*x) }

// flattest is the lower bound for which a step multiplies small singular
// values by about most: a step for a lower one would lose that much accuracy.
func flattest(most float64) float64 {
	lo, hi := 1e-20, 1.0
	for range 60 {
		if mid := math.Sqrt(lo * hi); halley(mid).a > most {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}
