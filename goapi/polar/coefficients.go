package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Coefficients of one step p(x) = A·x + B·x³ + C·x⁵.
type Coefficients struct{ A, B, C float64 }

// At returns p(x).
func (p Coefficients) At(x float64) float64 {
	z := x * x
	return x * (p.A + z*(p.B+z*p.C))
}

// Apply returns what the steps make of a singular value x.
func Apply(steps []Coefficients, x float64) float64 {
	for _, p := range steps {
		x = p.At(x)
	}
	return x
}

// The fixed schemes. MuonStep is that of Jordan's Muon; Taylor5 and Taylor3
// are the quintic and cubic Newton–Schulz steps, of order 3 and 2 at 1.
var (
	MuonStep = Coefficients{3.4445, -4.7750, 2.0315}
	Taylor5  = Coefficients{15. / 8, -10. / 8, 3. / 8}
	Taylor3  = Coefficients{3. / 2, -1. / 2, 0}
)

// ExpressOptions tune the Polar Express coefficients.
type ExpressOptions struct {
	// Cushion, at least 0 and below 1: a step is computed as if no singular
	// value were below Cushion times the largest. That costs a little of the
	// first steps and keeps them from oscillating, which matters in low
	// precision. The published table has 0.02407327424182761.
	Cushion float64

	// Safety, at least 1: the steps but the last divide their argument by
	// it, so that rounding errors above 1 do not diverge. 0 means 1.
	Safety float64
}

// ExpressCoefficients returns the steps of the Polar Express for singular values in
// [lower, 1], 0 < lower ≤ 1, and the largest distance to 1 that they leave in
// exact arithmetic. Each step is the odd quintic polynomial that deviates
// least from 1 on the interval that the steps before it leave; it is found by
// equioscillation at four points.
func ExpressCoefficients(lower float64, steps int, o ExpressOptions) (coefficients []Coefficients, deviation float64, err error) {
	switch {
	case !(lower > 0 && lower <= 1):
		return nil, 0, device.Argument("lower", "is %v, must be in (0,1]", lower)
	case steps < 1:
		return nil, 0, device.Argument("steps", "is %d, must be at least 1", steps)
	case !(o.Cushion >= 0 && o.Cushion < 1):
		return nil, 0, device.Argument("cushion", "is %v, must be in [0,1)", o.Cushion)
	case o.Safety != 0 && !(o.Safety >= 1 && o.Safety <= math.MaxFloat64):
		return nil, 0, device.Argument("safety", "is %v, must be at least 1 and finite", o.Safety)
	}
	l, u := lower, 1.0
	for k := range steps {
		p := minimaxQuintic(max(l, o.Cushion*u), u)
		if l < o.Cushion*u { // center the true interval's image on 1
			f := 2 / (p.At(l) + p.At(u))
			p = Coefficients{f * p.A, f * p.B, f * p.C}
		}
		if s := o.Safety; s > 1 && k+1 < steps {
			p = Coefficients{p.A / s, p.B / (s * s * s), p.C / math.Pow(s, 5)}
		}
		l, u = p.At(l), 2-p.At(l)
		coefficients = append(coefficients, p)
	}
	return coefficients, 1 - l, nil
}

// minimaxQuintic returns the odd quintic polynomial that deviates least from
// 1 on [l,u].
func minimaxQuintic(l, u float64) Coefficients {
	if l/u >= 1-5e-6 { // the equations become singular; Taylor is as good
		return Coefficients{15 / (8 * u), -10 / (8 * u * u * u), 3 / (8 * math.Pow(u, 5))}
	}
	q, r := (3*l+u)/4, (l+3*u)/4
	last := math.Inf(1)
	var p Coefficients
	for range 100 {
		var e float64
		p, e = interpolate([4]float64{l, q, r, u})
		if math.Abs(last-e) <= 1e-15 {
			break
		}
		last = e
		// The extrema inside: roots of a + 3b·z + 5c·z² in z = x².
		root := math.Sqrt(max(0, 9*p.B*p.B-20*p.A*p.C))
		q, r = math.Sqrt((-3*p.B-root)/(10*p.C)), math.Sqrt((-3*p.B+root)/(10*p.C))
	}
	return p
}

// interpolate solves a·x + b·x³ + c·x⁵ ± e = 1 at four points with alternating
// signs, by elimination with partial pivoting.
func interpolate(x [4]float64) (Coefficients, float64) {
	var m [4][5]float64
	sign := 1.0
	for i, v := range x {
		m[i] = [5]float64{v, v * v * v, math.Pow(v, 5), sign, 1}
		sign = -sign
	}
	for c := range 4 {
		pivot := c
		for r := c + 1; r < 4; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[pivot][c]) {
				pivot = r
			}
		}
		m[c], m[pivot] = m[pivot], m[c]
		for r := c + 1; r < 4; r++ {
			f := m[r][c] / m[c][c]
			for k := c; k < 5; k++ {
				m[r][k] -= f * m[c][k]
			}
		}
	}
	var s [4]float64
	for r := 3; r >= 0; r-- {
		s[r] = m[r][4]
		for k := r + 1; k < 4; k++ {
			s[r] -= m[r][k] * s[k]
		}
		s[r] /= m[r][r]
	}
	return Coefficients{s[0], s[1], s[2]}, s[3]
}
