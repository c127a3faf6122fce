package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// sketch is the number of random vectors with which a PRISM step measures
// the residual that it would leave.
const sketch = 5

// prism returns the step x·g(1-x²) with g(r) = 1 + r/2 + α·r², where α, between
// Taylor's 3/8 and 29/20, leaves the smallest residual I - X·Xᵀ as seen by a
// few random vectors (Liu et al., PRISM, 2026). It costs five products of the
// Gram matrix with them.
func (e *engine[T]) prism(k int, scale float64) (step, error) {
	defer e.q.Scope()()
	unit := 1.0 // by which the Gram matrix is too large before the first step
	if k == 0 {
		unit = 1 / (scale * scale)
	}
	v := e.q.Alloc(6*e.s, sketch) // S, R·S, …, R⁵·S for R = I - X·Xᵀ
	part := func(i int) device.Matrix[T] { return v.RowRange(i*e.s, (i+1)*e.s) }
	e.q.Random(device.Normal, 2, uint64(k), part(0))
	for i := range 5 {
		e.q.Copy(part(i+1), part(i))
		e.q.Gemm(device.NoTrans, device.NoTrans, T(-unit), e.gram, part(i), 1, part(i+1))
	}
	host := device.NewDense[T](6*e.s, sketch)
	e.q.Download(host, v)
	if err := e.q.Sync(); err != nil {
		return step{}, err
	}
	var inner [6][6]float64
	for i := range inner {
		for j := range i + 1 {
			sum := 0.0
			for r := range e.s {
				x, y := host.Row(i*e.s+r), host.Row(j*e.s+r)
				for c := range x {
					sum += float64(x[c]) * float64(y[c])
				}
			}
			inner[i][j], inner[j][i] = sum, sum
		}
	}
	α := leastResidual(inner)
	return step{Coefficients: Coefficients{1.5 + α, -0.5 - 2*α, α}}, nil
}

// leastResidual returns the α in [3/8, 29/20] with the least ‖ρ(R)·S‖_F for
// ρ(r) = 1 - (1-r)·(1 + r/2 + α·r²)², from the inner products of the RⁱS.
func leastResidual(inner [6][6]float64) float64 {
	value := func(α float64) float64 {
		// The coefficients of ρ, lowest first: g² = 1 + r + (1/4+2α)·r² + α·r³ + α²·r⁴.
		g := [6]float64{1, 1, 0.25 + 2*α, α, α * α, 0}
		var ρ [6]float64
		for i := range ρ {
			ρ[i] = -g[i]
			if i > 0 {
				ρ[i] += g[i-1]
			}
		}
		ρ[0]++
		sum := 0.0
		for i, x := range ρ {
			for j, y := range ρ {
				sum += x * y * inner[i][j]
			}
		}
		return sum
	}
	const lo, hi, points = 3. / 8, 29. / 20, 64
	at, least := lo, math.Inf(1)
	for i := range points + 1 {
		if α := lo + (hi-lo)*float64(i)/points; value(α) < least {
			at, least = α, value(α)
		}
	}
	// Golden section between the neighbours of the best point.
	const ratio = 0.6180339887498949
	a, b := max(lo, at-(hi-lo)/points), min(hi, at+(hi-lo)/points)
	for range 40 {
		if x, y := b-ratio*(b-a), a+ratio*(b-a); value(x) < value(y) {
			b = y
		} else {
			a = x
		}
	}
	return (a + b) / 2
}
