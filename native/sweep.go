package native

// Sweep computes x ← τ·(A·v + x), c ← c + A·e₁ - x and y ← y + Aᵀ·c for the m×n
// matrix a, which it reads once.
func Sweep(m, n int, a []float64, lda int, v []float64, τ float64, x, c, y []float64) {
	fits(m, n, a, lda)
	sameLength(len(v), n)
	sameLength(len(x), m)
	sameLength(len(c), m)
	sameLength(len(y), n)
	if m > 0 && n > 0 {
		sweep(m, n, a, lda, v, τ, x, c, y)
	}
}

// sweepGo does what sweep_body.h does.
func sweepGo(m, n int, a []float64, lda int, v []float64, τ float64, x, c, y []float64) {
	for i := range m {
		row, s := a[i*lda:][:n], 0.0
		for j, p := range v {
			s += row[j] * p
		}
		x[i] = τ * (s + x[i])
		c[i] += row[0] - x[i]
		for j, p := range row {
			y[j] += c[i] * p
		}
	}
}
