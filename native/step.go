package native

import "math"

// Adam takes one step of AdamW, for c = {β₁, β₂, κ, α, ς, ε}:
//
//	m ← β₁·m + (1-β₁)·g,  v ← β₂·v + (1-β₂)·g²,  w ← κ·w - α·m/(ς·√v + ε)
//
// ε must be above 0.
func Adam[T Float](c [6]T, w, g, m, v []T) {
	sameLength(len(w), len(g))
	sameLength(len(w), len(m))
	sameLength(len(w), len(v))
	if len(w) > 0 {
		adam(&c, w, g, m, v)
	}
}

// Momentum takes one step along a moving average, for c = {λ, a, b, k, d, e}
// and h = g + λ·w:
//
//	m ← a·m + b·h,  w ← k·w + d·h + e·m
func Momentum[T Float](c [6]T, w, g, m []T) {
	sameLength(len(w), len(g))
	sameLength(len(w), len(m))
	if len(w) > 0 {
		momentum(&c, w, g, m)
	}
}

// Combine computes c = p·a + q·b, or p·a if b is nil, where c may be a or b. It
// rounds both products and then the sum, as the plain Go of it does.
func Combine[T Float](p T, a []T, q T, b, c []T) {
	sameLength(len(c), len(a))
	if b != nil {
		sameLength(len(c), len(b))
	}
	if len(c) > 0 {
		combine(p, a, q, b, c)
	}
}

// Powers returns the largest square, the sum of squares and the sum of fourth
// powers of the elements of p·a + q·b, or of p·a if b is nil. If one of them is
// NaN or infinite, the sum of squares is, too.
func Powers[T Float](p float64, a []T, q float64, b []T) [3]float64 {
	if b != nil {
		sameLength(len(a), len(b))
	}
	if len(a) == 0 {
		return [3]float64{}
	}
	return powers(p, a, q, b)
}

// MaxAbs returns the largest magnitude, NaN if an element is NaN, 0 for none.
func MaxAbs[T Float](x []T) T {
	if len(x) == 0 {
		return 0
	}
	return maxAbs(x)
}

func maxAbsGo[T Float](x []T) (top T) {
	for _, v := range x {
		top = max(top, v, -v) // NaN wins
	}
	return top
}

func adamGo[T Float](c *[6]T, w, g, m, v []T) {
	for j, x := range g {
		m[j] = c[0]*m[j] + (1-c[0])*x
		v[j] = c[1]*v[j] + (1-c[1])*x*x
		w[j] = c[2]*w[j] - c[3]*m[j]/(c[4]*T(math.Sqrt(float64(v[j])))+c[5])
	}
}

func momentumGo[T Float](c *[6]T, w, g, m []T) {
	for j, x := range g {
		h := x + c[0]*w[j]
		m[j] = c[1]*m[j] + c[2]*h
		w[j] = c[3]*w[j] + c[4]*h + c[5]*m[j]
	}
}

func combineGo[T Float](p T, a []T, q T, b, c []T) {
	for j, x := range a {
		if b == nil {
			c[j] = p * x
		} else {
			c[j] = T(p*x) + T(q*b[j])
		}
	}
}

func powersGo[T Float](p float64, a []T, q float64, b []T) (out [3]float64) {
	for j, v := range a {
		x := p * float64(v)
		if b != nil {
			x += q * float64(b[j])
		}
		x *= x
		out[0] = math.Max(out[0], x)
		out[1] += x
		out[2] += x * x
	}
	return out
}
