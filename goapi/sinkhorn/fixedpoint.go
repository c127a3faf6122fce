package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// fixedPoint solves x = step(x) by Anderson's acceleration (Anderson 1965;
// Walker, Ni: Anderson acceleration for fixed-point iterations, 2011): the next
// x is the combination of the last ones whose residuals combine to the least.
type fixedPoint struct {
	// step stores the image of x in tx and returns the error of x.
	step     func(x, tx []float64) (float64, error)
	ctx      context.Context
	progress func(int, float64)
	plain    bool // no acceleration
	left     int  // iterations that may still be made

	count   int
	history []float64
}

// memory is the number of earlier iterates that are combined.
const memory = 6

// run iterates from x, which it overwrites by the best iterate, until the
// error is at most goal. It ends without an error of its own where that is out
// of reach.
func (p *fixedPoint) run(x []float64, goal float64) error {
	n := len(x)
	tx, best := make([]float64, n), append([]float64(nil), x...)
	var last, residual []float64 // of the iterate before
	var dx, df [][]float64
	least, mark, idle := math.Inf(1), math.Inf(1), 0
	for ; p.left > 0; p.left-- {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		e, err := p.step(x, tx)
		if err != nil {
			return err
		}
		p.count++
		p.history = append(p.history, e)
		if p.progress != nil {
			p.progress(p.count, e)
		}
		if e < least {
			if e < 0.9*mark {
				mark, idle = e, 0
			}
			least = e
			copy(best, x)
			if e <= goal {
				return nil
			}
		}
		if idle++; idle > 256 {
			break // rounding errors, or next to no progress
		}
		if (math.IsNaN(e) || e > 8*least && len(dx) > 0) && least < math.Inf(1) {
			// The combination went astray: on from the best, plainly.
			copy(x, best)
			if _, err := p.step(x, tx); err != nil {
				return err
			}
			last, residual, dx, df = nil, nil, nil, nil
			copy(x, tx)
			continue
		}
		f := make([]float64, n)
		for k := range f {
			f[k] = tx[k] - x[k]
		}
		if last != nil {
			a, b := make([]float64, n), make([]float64, n)
			for k := range f {
				a[k], b[k] = x[k]-last[k], f[k]-residual[k]
			}
			dx, df = append(dx, a), append(df, b)
			if len(dx) > memory {
				dx, df = dx[1:], df[1:]
			}
		}
		last, residual = append(last[:0:0], x...), f
		copy(x, tx)
		if p.plain || len(df) == 0 {
			continue
		}
		for l, γ := range leastSquares(df, f) {
			for k := range x {
				x[k] -= γ * (dx[l][k] + df[l][k])
			}
		}
	}
	copy(x, best)
	return nil
}

// leastSquares returns γ of least ‖f - Σ γₗ·dₗ‖ by the normal equations, with
// a ridge that keeps nearly parallel directions apart.
func leastSquares(d [][]float64, f []float64) []float64 {
	k := len(d)
	a := make([][]float64, k) // with the right-hand side behind
	trace := 0.0
	for i := range a {
		a[i] = make([]float64, k+1)
		for j := range k {
			a[i][j] = dot(d[i], d[j])
		}
		trace += a[i][i]
		a[i][k] = dot(d[i], f)
	}
	for i := range a {
		a[i][i] += 1e-12 * trace
	}
	// The matrix is positive definite: elimination needs no exchange.
	for i := range k {
		if !(a[i][i] > 0) {
			return nil
		}
		for r := i + 1; r < k; r++ {
			l := a[r][i] / a[i][i]
			for c := i; c <= k; c++ {
				a[r][c] -= l * a[i][c]
			}
		}
	}
	γ := make([]float64, k)
	for i := k - 1; i >= 0; i-- {
		γ[i] = a[i][k]
		for j := i + 1; j < k; j++ {
			γ[i] -= a[i][j] * γ[j]
		}
		γ[i] /= a[i][i]
	}
	return γ
}

func dot(x, y []float64) float64 {
	s := 0.0
	for k, v := range x {
		s += v * y[k]
	}
	return s
}

// notReached returns the error of an iteration that ended above its goal.
func (p *fixedPoint) notReached(method string, achieved, wanted float64) error {
	if achieved <= wanted {
		return nil
	}
	return &device.NotConvergedError{Method: method, Iterations: p.count, Achieved: achieved, Wanted: wanted}
}
