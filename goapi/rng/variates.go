package rng

import "math"

// Float is the set of element types.
type Float interface{ float32 | float64 }

// fill calls pair for every block that dst touches and stores what it gives.
func fill[T Float](seed, stream, start uint64, dst []T, pair func(x, y uint64) (float64, float64)) {
	for k := 0; k < len(dst); {
		i := start + uint64(k)
		u, v := pair(block(seed, stream, i/2))
		if i%2 == 0 {
			dst[k] = T(u)
			k++
		}
		if k < len(dst) {
			dst[k] = T(v)
			k++
		}
	}
}

// Uniform stores the numbers start, start+1, … of a stream in dst, uniform on
// [0,1). They have 53 random bits, or 24 for float32, so that 1 never occurs.
func Uniform[T Float](seed, stream, start uint64, dst []T) {
	shift, unit := uint(11), 0x1p-53
	var zero T
	if _, single := any(zero).(float32); single {
		shift, unit = 40, 0x1p-24
	}
	fill(seed, stream, start, dst, func(x, y uint64) (float64, float64) {
		return float64(x>>shift) * unit, float64(y>>shift) * unit
	})
}

// Rademacher stores the numbers start, start+1, … of a stream in dst, -1 or
// +1 with equal probability.
func Rademacher[T Float](seed, stream, start uint64, dst []T) {
	sign := func(x uint64) float64 { return 1 - 2*float64(x>>63) }
	fill(seed, stream, start, dst, func(x, y uint64) (float64, float64) {
		return sign(x), sign(y)
	})
}

// Normal stores the numbers start, start+1, … of a stream in dst, normal with
// mean 0 and variance 1 (Box and Muller 1958). Float32 numbers are the float64
// ones, rounded.
func Normal[T Float](seed, stream, start uint64, dst []T) {
	fill(seed, stream, start, dst, boxMuller)
}

// boxMuller turns two uniform words into two independent normal variates. The
// first word becomes a number in (0,1], so that its logarithm is finite.
func boxMuller(x, y uint64) (float64, float64) {
	r := math.Sqrt(-2 * log(float64(x>>11+1)*0x1p-53))
	sin, cos := sincosTurns(float64(y>>11) * 0x1p-53)
	return r * cos, r * sin
}

// In the functions below every product that is added to something is
// converted first: the language then forbids the compiler to fuse the two,
// which would change the last bit on some processors.

const (
	fact17 = 355687428096000.0
	fact18 = 18 * fact17
)

// Coefficients of the Taylor series after the leading one, highest first.
var (
	atanhSeries = [...]float64{1. / 21, 1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}
	sinSeries   = [...]float64{-1. / 1307674368000, 1. / 6227020800, -1. / 39916800, 1. / 362880, -1. / 5040, 1. / 120, -1. / 6, 1}
	cosSeries   = [...]float64{1. / 20922789888000, -1. / 87178291200, 1. / 479001600, -1. / 3628800, 1. / 40320, -1. / 720, 1. / 24, -1. / 2, 1}
)

// log returns the natural logarithm of a normal x in (0,1], to about 1e-16
// relative to max(1, |log x|), from 2·atanh((m-1)/(m+1)) of its mantissa m.
func log(x float64) float64 {
	m, e := math.Frexp(x) // exact
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1)
	z := s * s
	p := 1.0 / 23
	for _, c := range atanhSeries {
		p = float64(p*z) + c
	}
	const ln2Hi, ln2Lo = 6.93147180369123816490e-01, 1.90821492927058770002e-10
	return float64(float64(e)*ln2Hi) + (float64(2*s*p) + float64(float64(e)*ln2Lo))
}

// sincosTurns returns the sine and cosine of v turns, v in [0,1).
func sincosTurns(v float64) (sin, cos float64) {
	t := 4 * v
	quadrant := math.Floor(t + 0.5)
	a := (t - quadrant) * (math.Pi / 2) // |a| ≤ π/4
	z := a * a
	s, c := 1/fact17, -1/fact18
	for _, k := range sinSeries {
		s = float64(z*s) + k
	}
	s *= a
	for _, k := range cosSeries {
		c = float64(z*c) + k
	}
	switch int(quadrant) & 3 {
	case 1:
		return c, -s
	case 2:
		return -s, -c
	case 3:
		return -c, s
	}
	return s, c
}
