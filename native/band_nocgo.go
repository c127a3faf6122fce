//go:build !cgo

package native

func bidiagonalize(n int, a []float64) { bidiagonalizeGo(n, a) }
