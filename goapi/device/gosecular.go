package device

import "math"

// secular is the equation c + Σ zⱼ²/(pⱼ - λ) = 0, c > 0, with poles p₀ < p₁ < …
// that are the elements of d or, for singular values, their squares.
// Differences of poles are computed from d, so that they are exact to rounding.
type secular struct {
	by      *workspace
	c       float64
	z, d    []float64
	squares bool
}

// gap returns pⱼ - pₖ.
func (s *secular) gap(j, k int) float64 {
	if s.squares {
		return (s.d[j] - s.d[k]) * (s.d[j] + s.d[k])
	}
	return s.d[j] - s.d[k]
}

// gaps stores pⱼ - pₖ for all j.
func (s *secular) gaps(k int, out []float64) {
	o := s.d[k]
	if s.squares {
		for j, v := range s.d {
			out[j] = (v - o) * (v + o)
		}
		return
	}
	for j, v := range s.d {
		out[j] = v - o
	}
}

// SecularSums are the terms z²/δ of a secular equation and their derivatives,
// those up to a pole and behind it apart, and the sum of the magnitudes of the
// partial sums, which bounds the rounding errors.
type SecularSums struct {
	Before, Behind           float64
	BeforeSlope, BehindSlope float64
	Size                     float64
}

// at computes the sums at λ = pₖ + η up to pole i and behind it, and δⱼ = pⱼ - λ
// from the gaps to pole k.
func (s *secular) at(i int, η float64, gaps, δ []float64) SecularSums {
	return s.by.SecularSums(i+1, s.z, gaps, η, δ)
}

func (goFactors) SecularSums(split int, z, gaps []float64, η float64, δ []float64) (t SecularSums) {
	n := len(z)
	gaps, δ = gaps[:n], δ[:n]
	for j := range split {
		δ[j] = gaps[j] - η
		r := z[j] / δ[j]
		t.Before += z[j] * r
		t.BeforeSlope += r * r
		t.Size -= t.Before
	}
	for j := n - 1; j >= split; j-- {
		δ[j] = gaps[j] - η
		r := z[j] / δ[j]
		t.Behind += z[j] * r
		t.BehindSlope += r * r
		t.Size += t.Behind
	}
	return t
}

// mostSteps bounds the steps to a root: bisection alone reaches it in fewer.
const mostSteps = 200

// root finds the i-th root λᵢ, between pᵢ and pᵢ₊₁ or behind the last pole, as
// pₖ + η with the pole pₖ nearest to it, and δⱼ = pⱼ - λᵢ. Steps are those of
// the middle way (Li, Solving secular equations stably and efficiently, 1994),
// inside of an interval that holds the root.
func (s *secular) root(i int, gaps, δ []float64) (k int, η float64) {
	n := len(s.d)
	var lo, hi float64
	if i == n-1 {
		k = i
		square := 0.0
		for _, v := range s.z {
			square += v * v
		}
		lo, hi = 0.5*s.z[i]*s.z[i]/s.c, square/s.c
		s.gaps(k, gaps)
		η = hi
		if n > 1 {
			rest := s.c
			for j := range n - 2 {
				rest += s.z[j] * s.z[j] / (gaps[j] - hi)
			}
			if g := -gaps[n-2]; rest > 0 {
				b, c := s.z[n-2]*s.z[n-2], s.z[n-1]*s.z[n-1]
				η = positiveRoot(rest, rest*g-b-c, c*g)
			}
		}
		hi *= 1 + 0x1p-40
	} else {
		gap := s.gap(i+1, i)
		mid := gap / 2
		s.gaps(i, gaps)
		t := s.at(i, mid, gaps, δ)
		a, b := s.z[i]*s.z[i], s.z[i+1]*s.z[i+1]
		rest := s.c + (t.Before + a/mid) + (t.Behind - b/mid)
		if s.c+t.Before+t.Behind >= 0 {
			k = i
			lo, hi = 0.5*a/(s.c+t.Behind), mid
			// rest - a/η + b/(gap-η) = 0
			if p := rest*gap + a + b; p > 0 {
				η = 2 * a * gap / (p + math.Sqrt(math.Abs(p*p-4*rest*a*gap)))
			} else {
				η = (p - math.Sqrt(math.Abs(p*p-4*rest*a*gap))) / (2 * rest)
			}
		} else {
			k = i + 1
			lo, hi = -mid, -0.5*b/max(-s.c-t.Before, b/mid)
			// rest - a/(gap+η) - b/η = 0
			if p := rest*gap - a - b; p < 0 {
				η = 2 * b * gap / (p - math.Sqrt(math.Abs(p*p+4*rest*b*gap)))
			} else {
				η = -(p + math.Sqrt(math.Abs(p*p+4*rest*b*gap))) / (2 * rest)
			}
			s.gaps(k, gaps)
		}
	}
	lastWidth := math.Inf(1)
	for step := range mostSteps {
		if !(η > lo && η < hi) {
			η = between(lo, hi)
		}
		t := s.at(i, η, gaps, δ)
		w, slope := s.c+t.Before+t.Behind, t.BeforeSlope+t.BehindSlope
		size := 8*(t.Behind-t.Before) + t.Size + s.c + math.Abs(η)*slope
		if math.Abs(w) <= epsilon64*size {
			break
		}
		if w < 0 {
			lo = η
		} else {
			hi = η
		}
		m := between(lo, hi)
		if !(m > lo && m < hi) {
			break
		}
		// Interpolation that is stuck at one end of the interval gives way to
		// bisection.
		if width := hi - lo; step%4 == 3 && step > 4 {
			if width > lastWidth/4 {
				η = m
				lastWidth = width
				continue
			}
			lastWidth = width
		}
		η += s.middleWay(i, w, t, δ)
	}
	return k, η
}

// middleWay returns the step to the root of the rational function with the
// poles around it that agrees with both sums and their slopes.
func (s *secular) middleWay(i int, w float64, t SecularSums, δ []float64) float64 {
	slope := t.BeforeSlope + t.BehindSlope
	newton := -w / slope
	n := len(s.d)
	if n == 1 {
		return δ[0] * w / (w - s.c) // exact
	}
	var l, r, lSlope, rSlope float64
	if i == n-1 { // both poles lie before the root
		r = δ[n-1]
		l = δ[n-2]
		q := s.z[n-1] / r
		rSlope = q * q
		lSlope = t.BeforeSlope - rSlope
	} else {
		l, r, lSlope, rSlope = δ[i], δ[i+1], t.BeforeSlope, t.BehindSlope
	}
	c := w - l*lSlope - r*rSlope
	a := (l+r)*w - l*r*slope
	b := l * r * w
	root := math.Sqrt(math.Abs(a*a - 4*b*c))
	var h float64
	switch {
	case i == n-1:
		c = math.Abs(c)
		root = math.Sqrt(math.Abs(a*a - 4*b*c))
		if a >= 0 {
			h = (a + root) / (2 * c)
		} else {
			h = 2 * b / (a - root)
		}
	case a <= 0:
		h = (a - root) / (2 * c)
	default:
		h = 2 * b / (a + root)
	}
	if !(w*h < 0) {
		return newton
	}
	return h
}

const epsilon64 = 0x1p-53

// positiveRoot returns that of a·x² + b·x - c, where a and c are positive.
func positiveRoot(a, b, c float64) float64 {
	root := math.Sqrt(b*b + 4*a*c)
	if b >= 0 {
		return 2 * c / (b + root)
	}
	return (root - b) / (2 * a)
}

// between returns a number inside of an interval that has not 0 inside: the
// geometric mean of ends of different size.
func between(lo, hi float64) float64 {
	if lo*hi > 0 && (hi > 4*lo && lo > 0 || lo < 4*hi && hi < 0) {
		return math.Copysign(math.Sqrt(math.Abs(lo))*math.Sqrt(math.Abs(hi)), lo)
	}
	return lo + (hi-lo)/2
}

// roots finds all roots: those are pₖ + η with origin[i] = k and offset[i] =
// η; row i of δ gets the differences pⱼ - λᵢ. z then is replaced by what has
// these roots exactly (Gu, Eisenstat: A stable and efficient algorithm for the
// rank-one modification of the symmetric eigenproblem, 1994), with the factor
// √c left out, so that vectors computed from it are orthogonal.
func (s *secular) roots(origin []int, offset []float64, δ Dense[float64]) {
	n := len(s.d)
	const costs = 32 // operations for a term of the sums
	parallelRows(n, costs*n, func(_, lo, hi int) {
		gaps := make([]float64, n)
		for i := lo; i < hi; i++ {
			origin[i], offset[i] = s.root(i, gaps, δ.Row(i))
		}
	})
	parallelRows((n+31)/32, 32*8*n, func(_, lo, hi int) {
		lo, hi = 32*lo, min(32*hi, n)
		square := make([]float64, hi-lo)
		for j := range square {
			square[j] = -δ.At(lo+j, lo+j)
		}
		for i := range n {
			row, p := δ.Row(i)[lo:hi], s.d[i]
			for j, v := range row {
				if lo+j == i {
					continue
				}
				q := s.d[lo+j]
				gap := q - p
				if s.squares {
					gap *= q + p
				}
				square[j] *= v / gap
			}
		}
		for j, v := range square {
			s.z[lo+j] = math.Copysign(math.Sqrt(math.Abs(v)), s.z[lo+j])
		}
	})
}
