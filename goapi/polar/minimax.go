package polar

import (
	"math"
	"slices"
	"sync"
)

// Long steps. The odd polynomial of degree 4k+1 that deviates least from 1 on
// an interval, written as x·P(t) with P of degree 2k and t = (x²-mid)/half in
// [-1,1], takes k products of small symmetric matrices by Horner's rule in t²
// (Paterson and Stockmeyer, 1973). A Gram matrix, or its transformation, costs
// as much as two or three of these, so that a few long steps cost less than
// many of degree five. Powers of t have coefficients that are small for small
// k, which those of x² do not have.

// longest is the largest k.
const longest = 4

// longStep is a step with the interval that it leaves of the one it is for.
type longStep struct {
	step
	l, u float64
}

// left is how far from 1 the step leaves singular values.
func (s longStep) left() float64 { return max(1-s.l, s.u-1) }

// series returns the step of degree 4k+1 for singular values in [l,u].
func series(l, u float64, k int) longStep {
	key := [3]float64{l, u, float64(k)}
	if known, ok := seriesKnown.Load(key); ok {
		return known.(longStep)
	}
	s := minimaxSeries(l, u, 2*k)
	seriesKnown.Store(key, s)
	return s
}

// seriesKnown keeps the steps. Lower bounds are rounded to powers of the fourth
// root of two, so that there are few.
var seriesKnown sync.Map

// rounded returns the next lower power of the fourth root of two.
func rounded(lower float64) float64 { return math.Exp2(math.Floor(4*math.Log2(lower)) / 4) }

// narrowest is the least half width of the interval of a long step: outside of it
// the polynomial soon grows, and rounding leads out of narrower ones.
const narrowest = 1e-5

// minimaxTo returns steps of degree 4k+1, the last one of any, that bring
// [lower,1] to within deviation of 1.
func minimaxTo(lower, deviation float64, k int) []step {
	var steps []step
	for l, u := rounded(lower), 1.0; len(steps) < maxSteps; {
		s := series(l, u, k)
		for last := 1; last < k; last++ {
			if shorter := series(l, u, last); shorter.left() <= deviation {
				s = shorter
				break
			}
		}
		steps = append(steps, s.step)
		if s.left() <= deviation {
			break
		}
		l, u = s.next()
	}
	return steps
}

// next returns the interval of the step that follows.
func (s longStep) next() (l, u float64) {
	return min(s.l, 1-narrowest), max(1+1.00001*(s.u-1), 1+narrowest)
}

// minimaxSeries returns the step with the polynomial P of degree d that deviates
// least from 1 on [l,u]: Remez's exchange of points, on a grid.
func minimaxSeries(l, u float64, d int) longStep {
	mid, half := (u*u+l*l)/2, (u-l)*(u+l)/2 // of z = x²
	if half < 1e-8 {
		half = 1e-8
	}
	const density = 60
	angle := math.Pi / float64(density*(d+2)) // between points of the grid, t = -cos
	at := func(i float64) float64 { return -math.Cos(i * angle) }
	root := func(t float64) float64 { return math.Sqrt(max(0, mid+half*t)) }
	points := make([]float64, d+2)
	for i := range points {
		points[i] = at(float64(density * (d + 2) * i / (d + 1)))
	}
	image := longStep{}
	deviation := math.Inf(1)
	errors := make([]float64, density*(d+2)+1)
	for range 30 {
		rows := make([][]float64, d+2)
		for i, t := range points {
			rows[i] = append(make([]float64, 0, d+3), chebyshev(t, d)...)
			for j := range rows[i] {
				rows[i][j] *= root(t)
			}
			rows[i] = append(rows[i], 1-2*float64(i%2), 1)
		}
		x := eliminate(rows)
		c := x[:d+1] // of Chebyshev polynomials of t
		missing := func(t float64) float64 {
			sum := 0.0
			for j, v := range chebyshev(t, d) {
				sum += c[j] * v
			}
			return 1 - root(t)*sum
		}
		for i := range errors {
			errors[i] = missing(at(float64(i)))
		}
		// The extremum of each run of errors of one sign, on the grid and
		// between its points.
		var extremes []int
		for i, e := range errors {
			switch n := len(extremes); {
			case n == 0 || e*errors[extremes[n-1]] < 0:
				extremes = append(extremes, i)
			case math.Abs(e) > math.Abs(errors[extremes[n-1]]):
				extremes[n-1] = i
			}
		}
		next := make([]float64, len(extremes))
		lo, hi := math.Inf(1), 0.0
		for n, i := range extremes {
			place := float64(i)
			if i > 0 && i+1 < len(errors) {
				if bend := errors[i-1] - 2*errors[i] + errors[i+1]; bend != 0 {
					place += max(-1, min(1, (errors[i-1]-errors[i+1])/(2*bend)))
				}
			}
			next[n] = at(place)
			e := missing(next[n])
			lo, hi = min(lo, 1-e, 1-errors[i]), max(hi, 1-e, 1-errors[i])
		}
		worst := max(1-lo, hi-1)
		if worst < deviation {
			deviation = worst
			image = longStep{step{series: inPowers(c), mid: mid, half: half, unit: 1}, lo, hi}
		}
		if len(next) != d+2 || worst-math.Abs(x[d+1]) < 1e-4*min(worst, math.Abs(1-worst)) || slices.Equal(next, points) {
			break
		}
		points = next
	}
	return image
}

// chebyshev returns the values of the Chebyshev polynomials up to degree d at t.
func chebyshev(t float64, d int) []float64 {
	v := make([]float64, d+1)
	v[0] = 1
	if d > 0 {
		v[1] = t
	}
	for j := 2; j <= d; j++ {
		v[j] = 2*t*v[j-1] - v[j-2]
	}
	return v
}

// inPowers returns the coefficients, of powers of t, of a sum of Chebyshev
// polynomials of t.
func inPowers(c []float64) []float64 {
	d := len(c) - 1
	sum, before, now := make([]float64, d+1), make([]float64, d+1), make([]float64, d+1)
	now[0] = 1
	for j, v := range c {
		next := make([]float64, d+1)
		for i, w := range now {
			sum[i] += v * w
			if i < d {
				next[i+1] = w
			}
		}
		for i := range next {
			if j > 0 {
				next[i] = 2*next[i] - before[i]
			}
		}
		before, now = now, next
	}
	return sum
}

// eliminate solves the linear equations of augmented rows, by elimination with
// partial pivoting.
func eliminate(rows [][]float64) []float64 {
	n := len(rows)
	for c := range rows {
		pivot := c
		for r := c + 1; r < n; r++ {
			if math.Abs(rows[r][c]) > math.Abs(rows[pivot][c]) {
				pivot = r
			}
		}
		rows[c], rows[pivot] = rows[pivot], rows[c]
		for r := c + 1; r < n; r++ {
			f := rows[r][c] / rows[c][c]
			for k := c; k <= n; k++ {
				rows[r][k] -= f * rows[c][k]
			}
		}
	}
	x := make([]float64, n)
	for r := n - 1; r >= 0; r-- {
		x[r] = rows[r][n]
		for k := r + 1; k < n; k++ {
			x[r] -= rows[r][k] * x[k]
		}
		x[r] /= rows[r][r]
	}
	return x
}
