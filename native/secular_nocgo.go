//go:build !cgo

package native

func secular(split int, z, gaps []float64, η float64, δ []float64) SecularSums {
	return secularGo(split, z, gaps, η, δ)
}
