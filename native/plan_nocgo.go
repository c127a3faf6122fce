//go:build !cgo

package native

func logStep[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s []T, least T, entries *Entries[T]) {
	logStepGo(m, n, ε, c, ldc, g, a, f, s, least, entries)
}

func softMinPoints[T Float](m, n, d, p int, _ bool, ε T, x []T, ldx int, y []T, ldy int, g, out []T) {
	softMinPointsGo(m, n, d, p, ε, x, ldx, y, ldy, g, out)
}
