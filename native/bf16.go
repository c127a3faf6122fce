package native

import "math"

// Products with BF16 round the factors to bfloat16, eight bits of precision, as
// they are packed. The sums have the precision of float32: elements of a product
// are off by (2⁻⁷ + 2⁻¹⁶ + k·2⁻²³) times the sum of the magnitudes of their terms
// at most. The instruction behind them takes subnormal numbers for zero.

// HasBF16 reports whether this processor multiplies numbers of bfloat16, at
// the level in use. Elsewhere such products are slow.
func HasBF16() bool { return hasBF16() }

// ToBF16 rounds to the nearest number of bfloat16, to even in the middle.
// Subnormal numbers become zero.
func ToBF16(x float32) float32 {
	b := math.Float32bits(x)
	switch {
	case b&0x7f800000 == 0:
		return math.Float32frombits(b & 0x80000000)
	case x != x:
		return x
	}
	return math.Float32frombits((b + 0x7fff + b>>16&1) &^ 0xffff)
}
