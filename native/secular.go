package native

// leastSecular is the length of sums that are worth a call of C.
const leastSecular = 24

// SecularSums are sums over the poles of a secular equation.
type SecularSums struct {
	Before, Behind           float64 // Σ z²/δ up to a pole, and behind it
	BeforeSlope, BehindSlope float64 // Σ (z/δ)²
	Size                     float64 // of the partial sums' magnitudes
}

// Secular computes the sums for δ = gaps - η, which it stores. split is the
// number of the first element behind the pole.
func Secular(split int, z, gaps []float64, η float64, δ []float64) SecularSums {
	n := len(z)
	sameLength(len(gaps), n)
	sameLength(len(δ), n)
	if split < 0 || split > n {
		panic("native: no such pole")
	}
	if n < leastSecular {
		return secularGo(split, z, gaps, η, δ)
	}
	return secular(split, z, gaps, η, δ)
}

// secularGo does what secular_body.h does.
func secularGo(split int, z, gaps []float64, η float64, δ []float64) (t SecularSums) {
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
