//go:build !cgo

package native

func planCosts[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s, t []T) {
	planCostsGo(m, n, ε, c, ldc, g, a, f, s, t)
}

func minTransform[T Float](m, n int, c []T, ldc int, g, w, f, h, d []T) {
	minTransformGo(m, n, c, ldc, g, w, f, h, d)
}
