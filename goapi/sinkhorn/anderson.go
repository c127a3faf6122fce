package sinkhorn

// remembered is the number of earlier iterates that Anderson's acceleration
// combines.
const remembered = 6

// anderson holds the last iterates x of a fixed-point iteration, as differences
// dx of two that follow each other and df of their residuals, and the inner
// products of the df. All its memory is allocated once.
type anderson struct {
	dx, df [remembered][]float64
	gram   [remembered][remembered]float64 // inner products of df
	held   int                             // differences that are there
	next   int                             // where the next one goes

	last, residual []float64 // of the iterate before
	any            bool      // whether there is one
}

func newAnderson(n int) *anderson {
	a := &anderson{last: make([]float64, n), residual: make([]float64, n)}
	for k := range remembered {
		a.dx[k], a.df[k] = make([]float64, n), make([]float64, n)
	}
	return a
}

func (a *anderson) forget() { a.held, a.next, a.any = 0, 0, false }

// accelerate takes the iterate x and its image tx, and makes of x the combination
// of the last images whose residuals combine to the least.
func (a *anderson) accelerate(x, tx []float64) {
	if a.any {
		dx, df := a.dx[a.next], a.df[a.next]
		for k, v := range x {
			dx[k] = v - a.last[k]
			df[k] = tx[k] - v - a.residual[k]
		}
		if a.held < remembered {
			a.held++
		}
		for l := range a.held {
			p := dot(df, a.df[l])
			a.gram[a.next][l], a.gram[l][a.next] = p, p
		}
		a.next = (a.next + 1) % remembered
	}
	for k, v := range x {
		a.last[k], a.residual[k] = v, tx[k]-v
	}
	a.any = true
	copy(x, tx)
	for l, γ := range a.combination() {
		if γ == 0 {
			continue
		}
		dx, df := a.dx[l], a.df[l]
		for k := range x {
			x[k] -= γ * (dx[k] + df[k])
		}
	}
}

// combination returns γ of least ‖residual - Σ γₗ·dfₗ‖ by the normal equations,
// with a ridge that keeps nearly parallel differences apart, or zeros where
// those have no solution.
func (a *anderson) combination() (γ [remembered]float64) {
	k := a.held
	var m [remembered][remembered + 1]float64 // with the right-hand side behind
	trace := 0.0
	for i := range k {
		copy(m[i][:k], a.gram[i][:k])
		m[i][k] = dot(a.df[i], a.residual)
		trace += m[i][i]
	}
	for i := range k {
		m[i][i] += 1e-12 * trace
	}
	// The matrix is positive definite: elimination needs no exchange.
	for i := range k {
		if !(m[i][i] > 0) {
			return γ
		}
		for r := i + 1; r < k; r++ {
			l := m[r][i] / m[i][i]
			for c := i; c <= k; c++ {
				m[r][c] -= l * m[i][c]
			}
		}
	}
	for i := k - 1; i >= 0; i-- {
		γ[i] = m[i][k]
		for j := i + 1; j < k; j++ {
			γ[i] -= m[i][j] * γ[j]
		}
		γ[i] /= m[i][i]
	}
	return γ
}
