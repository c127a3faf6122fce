//go:build cgo

package cblas

import (
	"math"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// certificates holds the vectors of threads between calls.
var certificates sync.Pool

func (k kernels[T]) PlanCosts(ε T, c device.Dense[T], g, a, f, s, t []T) bool {
	n := c.Cols
	both, ok := certificates.Get().(*[]T)
	if !ok || cap(*both) < 2*n {
		both = new([]T)
		*both = make([]T, 2*n)
	}
	defer certificates.Put(both)
	sums := (*both)[:2*n]
	k.sumRows(c.Rows, n, sums, func(_, lo, hi int, sum []T) {
		native.PlanCosts(hi-lo, n, ε, rows(c, lo, hi), c.Stride, g, a[lo:hi], f[lo:hi], sum[:n], sum[n:])
	})
	copy(s, sums[:n])
	copy(t, sums[n:])
	return true
}

func (k kernels[T]) MinTransform(c device.Dense[T], g, w, f, h, d []T) bool {
	n := c.Cols
	for j := range h {
		h[j] = T(math.Inf(1))
	}
	// Minima are the same in any order: each thread has a vector of its own.
	own := make([]*[]T, k.threads)
	k.spread(c.Rows, c.Rows*n, func(part, lo, hi int) {
		low := h
		if part > 0 {
			p, ok := certificates.Get().(*[]T)
			if !ok || cap(*p) < n {
				p = new([]T)
				*p = make([]T, n)
			}
			*p = (*p)[:n]
			own[part], low = p, *p
			for j := range low {
				low[j] = T(math.Inf(1))
			}
		}
		var dots []T
		if d != nil {
			dots = d[lo:hi]
		}
		native.MinTransform(hi-lo, n, rows(c, lo, hi), c.Stride, g, w, f[lo:hi], low, dots)
	})
	for _, p := range own {
		if p != nil {
			for j, x := range *p {
				h[j] = min(h[j], x)
			}
			certificates.Put(p)
		}
	}
	return true
}
