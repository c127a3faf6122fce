package native

import "math"

// Products of factors that are rounded to bfloat16, eight bits of precision,
// as they are packed. The sums have the precision of float32: elements of a
// product are off by (2⁻⁷ + 2⁻¹⁶ + k·2⁻²³) times the sum of the magnitudes of
// their terms at most. The instruction behind them takes subnormal numbers for
// zero.

// HasBF16 reports whether this processor multiplies numbers of bfloat16, at
// the level in use. Elsewhere the other functions are slow.
func HasBF16() bool { return hasBF16() }

// BF16Pack is SymPack with rounding. Two elements take the place of one, so
// that packed needs SymPacked(n, (k+1)/2) elements.
func BF16Pack(lo, hi, k int, b []float32, ldb int, transposed bool, packed []float32) {
	if lo%SymWidth != 0 || len(packed) < SymPacked(hi, (k+1)/2) {
		panic("native: packed rows of a wrong size")
	}
	symFits(hi, k, b, ldb, transposed)
	switch {
	case lo >= hi || k == 0:
	case !hasBF16():
		bf16PackGo(lo, hi, k, b, ldb, transposed, packed[lo*((k+1)/2):])
	default:
		bf16Pack(lo, hi, k, b, ldb, transposed, packed[lo*((k+1)/2):])
	}
}

// BF16SymProduct is SymProduct with rounding, of rows that BF16Pack has packed.
// work has SymRows·(k+1)/2 elements.
func BF16SymProduct(lo, hi, k int, α float32, a []float32, lda int, transposed bool, packed []float32, term SymTerm[float32], c []float32, ldc int, work []float32) {
	checkSym(lo, hi, k, (k+1)/2, a, lda, transposed, packed, term, c, ldc, work)
	switch {
	case lo >= hi || k == 0:
	case !hasBF16():
		bf16SymProductGo(lo, hi, k, α, a, lda, transposed, packed, term, c, ldc)
	default:
		bf16SymProduct(lo, hi, k, α, a, lda, transposed, packed, term, c, ldc, work)
	}
}

// BF16Product is PackedProduct with rounding, of rows that BF16Pack has packed.
// work has SymRows·(k+1)/2 elements.
func BF16Product(lo, hi, n, k int, α float32, a []float32, lda int, transposed bool, packed []float32, β float32, c []float32, ldc int, work []float32) {
	checkPacked(lo, hi, n, k, (k+1)/2, a, lda, transposed, packed, c, ldc, work)
	switch {
	case lo >= hi || n == 0 || k == 0:
	case !hasBF16():
		bf16ProductGo(lo, hi, n, k, α, a, lda, transposed, packed, β, c, ldc)
	default:
		bf16Product(lo, hi, n, k, α, a, lda, transposed, packed, β, c, ldc, work)
	}
}

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

// The same in plain Go: row j of B is packed as words of two elements, the
// first of them in the lower half.

func bf16PackGo(lo, hi, k int, b []float32, ldb int, transposed bool, packed []float32) {
	words := (k + 1) / 2
	for j := range hi - lo {
		for p := range words {
			w := math.Float32bits(ToBF16(element(lo+j, 2*p, b, ldb, transposed))) >> 16
			if 2*p+1 < k {
				w |= math.Float32bits(ToBF16(element(lo+j, 2*p+1, b, ldb, transposed)))
			}
			packed[j*words+p] = math.Float32frombits(w)
		}
	}
}

func element[T Float](i, p int, a []T, ld int, transposed bool) T {
	if transposed {
		return a[p*ld+i]
	}
	return a[i*ld+p]
}

// bf16Dot is the product of row i of A and a packed row.
func bf16Dot(i, k int, a []float32, lda int, transposed bool, row []float32) float32 {
	var sum float32
	for p := range k {
		w := math.Float32bits(row[p/2])
		if p%2 == 0 {
			w <<= 16
		}
		sum += ToBF16(element(i, p, a, lda, transposed)) * math.Float32frombits(w&^0xffff)
	}
	return sum
}

func bf16SymProductGo(lo, hi, k int, α float32, a []float32, lda int, transposed bool, packed []float32, term SymTerm[float32], c []float32, ldc int) {
	words := (k + 1) / 2
	for i := lo; i < hi; i++ {
		for j := range i + 1 {
			sum := α * bf16Dot(i, k, a, lda, transposed, packed[j*words:])
			if term.D != nil {
				sum += term.Beta * term.D[i*term.LD+j]
			}
			if term.Last && i == j {
				sum += term.Gamma
			}
			c[i*ldc+j] = sum
			if term.Last {
				c[j*ldc+i] = sum
			}
		}
	}
}

func bf16ProductGo(lo, hi, n, k int, α float32, a []float32, lda int, transposed bool, packed []float32, β float32, c []float32, ldc int) {
	words := (k + 1) / 2
	for i := lo; i < hi; i++ {
		for j := range n {
			sum := α * bf16Dot(i, k, a, lda, transposed, packed[j*words:])
			if β != 0 {
				sum += β * c[i*ldc+j]
			}
			c[i*ldc+j] = sum
		}
	}
}
