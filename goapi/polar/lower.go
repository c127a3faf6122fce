package polar

import (
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// probes is the number of vectors of estimates by inverse iteration, and
// inversions that of its steps.
const (
	probes     = 4
	inversions = 4
)

// lower estimates the smallest singular value of x over scale from the Gram
// matrix: a Cholesky factorization and a few steps of inverse iteration,
// s³/3 operations. 0 says that it is too small to be told from rounding errors
// of the Gram matrix, about √(s·eps). What it returns is rarely more than twice
// too large.
func (e *engine[T]) lower(scale float64) (float64, error) {
	e.more()
	defer e.q.Scope()()
	l := e.tmp
	e.q.Copy(l, e.gram)
	e.q.Cholesky(l)
	e.flops += e.cube() / 3
	if err := e.q.Sync(); errors.Is(err, device.ErrNotPositiveDefinite) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	v, norms := e.q.Alloc(e.s, probes), e.q.Alloc(1, probes)
	e.q.Random(device.Normal, 1, 1, v)
	host := make([]T, probes)
	inverse := 0.0 // the largest eigenvalue of the inverse
	for range inversions {
		e.q.Trsm(device.Left, device.Lower, device.NoTrans, 1, l, v)
		e.q.Trsm(device.Left, device.Lower, device.Transp, 1, l, v)
		e.q.Reduce(device.SumSquares, device.PerCol, v, norms)
		e.q.Download(device.Vector(host), norms)
		if err := e.q.Sync(); err != nil {
			return 0, err
		}
		inverse = 0
		for i, n := range host {
			length := math.Sqrt(float64(n))
			inverse = max(inverse, length)
			host[i] = T(1 / length)
		}
		e.q.Upload(norms, device.Vector(host))
		e.q.ScaleBy(device.PerCol, norms, v, v)
	}
	least := math.Sqrt(1/inverse) / scale
	if !(least > 2*math.Sqrt(float64(e.s)*e.eps)) {
		return 0, nil
	}
	return min(1, 0.8*least), nil
}
