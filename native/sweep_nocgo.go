//go:build !cgo

package native

func sweep(m, n int, a []float64, lda int, v []float64, τ float64, x, c, y []float64) {
	sweepGo(m, n, a, lda, v, τ, x, c, y)
}
