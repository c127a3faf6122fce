//go:build !cgo

package native

func narrowGibbs(m, n int, ε float64, f, g, c []float64, ldc int, out []float32, ldo int) {
	narrowGibbsGo(m, n, ε, f, g, c, ldc, out, ldo)
}

func narrowScalingStep(m, n int, k []float32, ldk int, a, v, u, s []float64) {
	narrowScalingStepGo(m, n, k, ldk, a, v, u, s)
}
