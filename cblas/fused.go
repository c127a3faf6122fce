//go:build cgo

package cblas

import (
	"math"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// Work on fewer elements than this stays on one goroutine.
const minWork = 1 << 14

// spread splits [0,n) among the device's threads if the work, counted in
// elements, is worth it. part numbers the pieces.
func (k kernels[T]) spread(n, elements int, f func(part, lo, hi int)) {
	parts := max(1, min(k.threads, n, elements/minWork))
	if parts == 1 {
		f(0, 0, n)
		return
	}
	var wg sync.WaitGroup
	for p := 1; p < parts; p++ {
		wg.Go(func() { f(p, p*n/parts, (p+1)*n/parts) })
	}
	f(0, 0, n/parts)
	wg.Wait()
}

// rows returns the elements of the rows [lo,hi), and no more: the race
// detector is told that a kernel touches the whole slice.
func rows[T device.Float](a device.Dense[T], lo, hi int) []T { return a.Slice(lo, hi, 0, a.Cols).Data }

func (k kernels[T]) Map(f device.Func, a, b device.Dense[T]) {
	kernel := native.Exp[T]
	switch f {
	case device.Exp:
	case device.Tanh:
		kernel = native.Tanh[T]
	default:
		k.GoKernels.Map(f, a, b)
		return
	}
	if a.Rows == 1 { // a long vector: split it
		k.spread(a.Cols, a.Cols, func(_, lo, hi int) { kernel(a.Data[lo:hi], b.Data[lo:hi]) })
		return
	}
	k.spread(a.Rows, a.Rows*a.Cols, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel(a.Row(i), b.Row(i))
		}
	})
}

func (k kernels[T]) SoftMin(x device.Axis, ε T, c device.Dense[T], g, out []T) bool {
	switch {
	case ε == 0 && x == device.PerRow:
		k.spread(c.Rows, c.Rows*c.Cols, func(_, lo, hi int) {
			native.MinRows(hi-lo, c.Cols, rows(c, lo, hi), c.Stride, g, out[lo:hi])
		})
		return true
	case ε == 0:
		for j := range out {
			out[j] = T(math.Inf(1))
		}
		k.spread(c.Cols, c.Rows*c.Cols, func(_, lo, hi int) {
			native.MinCols(c.Rows, hi-lo, c.Data[lo:], c.Stride, g, out[lo:hi])
		})
		return true
	case x == device.PerRow:
		k.spread(c.Rows, c.Rows*c.Cols, func(_, lo, hi int) {
			native.SoftMinRows(hi-lo, c.Cols, ε, rows(c, lo, hi), c.Stride, g, out[lo:hi])
		})
		return true
	}
	k.spread(c.Cols, c.Rows*c.Cols, func(_, lo, hi int) {
		native.SoftMinCols(c.Rows, hi-lo, ε, c.Data[lo:], c.Stride, g, out[lo:hi])
	})
	return true
}

func (k kernels[T]) Gibbs(ε T, f, g []T, c, out device.Dense[T]) bool {
	k.spread(c.Rows, c.Rows*c.Cols, func(_, lo, hi int) {
		native.Gibbs(hi-lo, c.Cols, ε, f[lo:hi], g, rows(c, lo, hi), c.Stride, rows(out, lo, hi), out.Stride)
	})
	return true
}

// partials holds the sums of threads other than the first between calls.
var partials sync.Pool

// addUp lets f add to sum for parts of [0,n), each thread in a vector of its
// own, and adds these up.
func (k kernels[T]) addUp(n, elements int, sum []T, f func(lo, hi int, sum []T)) {
	clear(sum)
	sums := make([]*[]T, k.threads)
	k.spread(n, elements, func(part, lo, hi int) {
		own := sum
		if part > 0 {
			p, ok := partials.Get().(*[]T)
			if !ok || cap(*p) < len(sum) {
				p = new([]T)
				*p = make([]T, len(sum))
			}
			*p = (*p)[:len(sum)]
			clear(*p)
			sums[part] = p
			own = *p
		}
		f(lo, hi, own)
	})
	for _, p := range sums {
		if p == nil {
			continue
		}
		for j, x := range *p {
			sum[j] += x
		}
		partials.Put(p)
	}
}

func (k kernels[T]) ScalingStep(m device.Dense[T], a, v, u, s []T) bool {
	k.sumRows(m.Rows, m.Cols, s, func(_, lo, hi int, sum []T) {
		native.ScalingStep(hi-lo, m.Cols, rows(m, lo, hi), m.Stride, a[lo:hi], v, u[lo:hi], sum)
	})
	return true
}

// SymMul takes single vectors, which are bound by the reading of A. For more
// the product of matrices is faster although it reads all of A. One thread
// reads a matrix of n = 1000 from the cache in 50 µs, which is about what it
// takes to have a second one there.
func (k kernels[T]) SymMul(a, x, y device.Dense[T]) bool {
	if x.Rows > 1 {
		return false
	}
	n := a.Rows
	// The rows of a triangle grow: equal parts end at roots.
	bound := func(i int) int { return int(math.Sqrt(float64(i)/float64(n)) * float64(n)) }
	k.addUp(n, n*n/64, y.Data, func(lo, hi int, sum []T) {
		lo, hi = bound(lo), bound(hi)
		native.SymVec(lo, hi, rows(a, 0, hi), a.Stride, x.Data, sum)
	})
	return true
}

func (k kernels[T]) PairwiseCost(p int, x, y, out device.Dense[T]) bool {
	yt := y.T()
	k.spread(x.Rows, out.Rows*out.Cols*x.Cols, func(_, lo, hi int) {
		native.PairwiseCost(hi-lo, out.Cols, x.Cols, p, rows(x, lo, hi), x.Stride, yt.Data, rows(out, lo, hi), out.Stride)
	})
	return true
}
