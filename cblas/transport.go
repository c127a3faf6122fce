//go:build cgo

package cblas

import (
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// shares returns into how many parts the rows of a matrix are split where the
// parts are summed up afterwards. It depends on the shape alone, so that the
// sums are the same for any number of threads: a power of two, each part
// worth the vector that it takes.
func shares(rows, cols int) int {
	parts := 1
	for parts < 32 && 2*parts <= rows/4 && rows*cols/(2*parts) >= 1<<16 {
		parts *= 2
	}
	return parts
}

// sumRows lets f add to sum for the parts of [0,rows), each part in a vector of
// its own, and adds these up in order.
func (k kernels[T]) sumRows(rows, cols int, sum []T, f func(part, lo, hi int, sum []T)) {
	clear(sum)
	parts := shares(rows, cols)
	if parts == 1 {
		f(0, 0, rows, sum)
		return
	}
	own, ok := partials.Get().(*[]T)
	if !ok || cap(*own) < parts*len(sum) {
		own = new([]T)
		*own = make([]T, parts*len(sum))
	}
	defer partials.Put(own)
	n := len(sum)
	k.spread(parts, rows*cols, func(_, lo, hi int) {
		for p := lo; p < hi; p++ {
			s := (*own)[p*n : (p+1)*n]
			clear(s)
			f(p, p*rows/parts, (p+1)*rows/parts, s)
		}
	})
	k.spread(n, n*parts, func(_, lo, hi int) {
		for p := range parts {
			s := (*own)[p*n : (p+1)*n]
			for j := lo; j < hi; j++ {
				sum[j] += s[j]
			}
		}
	})
}

// found holds the entries that parts of LogStep find, between calls.
var found sync.Pool

func (k kernels[T]) LogStep(ε T, c device.Dense[T], g, a, f, s []T, least T, e *device.Entries[T]) bool {
	if e == nil {
		k.sumRows(c.Rows, c.Cols, s, func(_, lo, hi int, sum []T) {
			native.LogStep(hi-lo, c.Cols, ε, rows(c, lo, hi), c.Stride, g, a[lo:hi], f[lo:hi], sum, 0, nil)
		})
		return true
	}
	lists := make([]*native.Entries[T], shares(c.Rows, c.Cols))
	k.sumRows(c.Rows, c.Cols, s, func(part, lo, hi int, sum []T) {
		l, ok := found.Get().(*native.Entries[T])
		if !ok {
			l = new(native.Entries[T])
		}
		lists[part] = l
		native.LogStep(hi-lo, c.Cols, ε, rows(c, lo, hi), c.Stride, g, a[lo:hi], f[lo:hi], sum, least, l)
	})
	for _, l := range lists {
		before := len(e.Col)
		e.Col, e.Val = append(e.Col, l.Cols...), append(e.Val, l.Vals...)
		for _, end := range l.Ends {
			e.Start = append(e.Start, before+int(end))
		}
		found.Put(l)
	}
	return true
}

// From so many coordinates on products are faster than differences.
const leastProduct = 5

func (k kernels[T]) SoftMinPoints(p int, ε T, x, y device.Dense[T], g, out []T) bool {
	products := p == 2 && x.Cols >= leastProduct
	if products {
		// Products lose what the points have in common.
		own, ok := partials.Get().(*[]T)
		if n := (x.Rows + y.Rows) * x.Cols; !ok || cap(*own) < n {
			own = new([]T)
			*own = make([]T, n)
		}
		defer partials.Put(own)
		mean := meanRow(y)
		x, y = moved(x, mean, (*own)[:x.Rows*x.Cols]), moved(y, mean, (*own)[x.Rows*x.Cols:])
	}
	k.spread(x.Rows, x.Rows*y.Rows, func(_, lo, hi int) {
		native.SoftMinPoints(hi-lo, y.Rows, x.Cols, p, products, ε, rows(x, lo, hi), x.Stride, y.Data, y.Stride, g, out[lo:hi])
	})
	return true
}

func meanRow[T device.Float](a device.Dense[T]) []float64 {
	mean := make([]float64, a.Cols)
	for i := range a.Rows {
		for l, v := range a.Row(i) {
			mean[l] += float64(v) / float64(a.Rows)
		}
	}
	return mean
}

// moved returns a - 1·meanᵀ in the memory given.
func moved[T device.Float](a device.Dense[T], mean []float64, memory []T) device.Dense[T] {
	b := device.Dense[T]{Rows: a.Rows, Cols: a.Cols, Stride: a.Cols, Data: memory[:a.Rows*a.Cols]}
	for i := range a.Rows {
		to := b.Row(i)
		for l, v := range a.Row(i) {
			to[l] = T(float64(v) - mean[l])
		}
	}
	return b
}
