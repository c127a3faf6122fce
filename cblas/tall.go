//go:build cgo

package cblas

import (
	"sync"
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// Tall matrices have at most this many columns: the tiles and the small
// matrices stay in the second-level cache, where our own kernels beat general
// products.
const tallWidth = 256

// Tall matrices are cut into so many parts, whatever the number of threads,
// which take one after the other: the sums over the parts are then the same
// for any number, and a thread that is held up does not hold up the others.
const tallParts = 16

// spreadTall calls f for parts of [0,m), with workspace for matrices with
// width columns.
func (k kernels[T]) spreadTall(m, width int, f func(part, lo, hi int, work []float64)) {
	const unit = 8 * native.TallTile
	step := (m + tallParts*unit - 1) / (tallParts * unit) * unit
	parts := (m + step - 1) / step
	var next atomic.Int64
	run := func() {
		work := make([]float64, native.TallWork(width))
		for {
			p := int(next.Add(1)) - 1
			if p >= parts {
				return
			}
			f(p, p*step, min(m, (p+1)*step), work)
		}
	}
	var wg sync.WaitGroup
	for range min(k.threads, parts) - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
}

func (k kernels[T]) TallGram(a device.Dense[T], x device.Dense[float64]) (device.Dense[float64], bool) {
	n := a.Cols
	if n > tallWidth {
		return device.Dense[float64]{}, false
	}
	px := padded(x)
	var parts [tallParts]native.Small
	k.spreadTall(a.Rows, n, func(part, lo, hi int, work []float64) {
		parts[part] = native.NewSmall(n, n)
		native.TallGram(hi-lo, n, rows(a, lo, hi), a.Stride, px, parts[part], work)
	})
	return sumOfGrams(parts[:]), true
}

// sumOfGrams adds up upper triangles, in order, and mirrors the sum.
func sumOfGrams(parts []native.Small) device.Dense[float64] {
	sum := parts[0]
	for _, p := range parts[1:] {
		for i, v := range p.Data {
			sum.Data[i] += v
		}
	}
	n := sum.Rows
	g := device.NewDense[float64](n, n)
	for i := range n {
		for j := i; j < n; j++ {
			v := sum.Data[i*sum.LD+j]
			g.Set(i, j, v)
			g.Set(j, i, v)
		}
	}
	return g
}

func (k kernels[T]) TallMul(a device.Dense[T], x, y device.Dense[float64], u device.Dense[T], check *device.TallCheck) bool {
	n := max(a.Cols, u.Cols)
	if n > tallWidth {
		return false
	}
	px, py := padded(x), padded(y)
	var checks [tallParts]native.TallCheck
	if check != nil {
		w, z := padded(check.W).Data, padded(check.Z).Data
		for p := range checks {
			checks[p].W, checks[p].Z = w, z
		}
	}
	k.spreadTall(a.Rows, n, func(part, lo, hi int, work []float64) {
		c := &checks[part]
		if check != nil {
			c.Gram, c.Squares = native.NewSmall(u.Cols, u.Cols), make([]float64, native.TallProbes)
		}
		native.TallMul(hi-lo, a.Cols, u.Cols, rows(a, lo, hi), a.Stride, px, py,
			rows(u, lo, hi), u.Stride, *c, work)
	})
	if check != nil {
		var grams [tallParts]native.Small
		for p, c := range checks {
			grams[p] = c.Gram
			for i, s := range c.Squares {
				check.Squares[i] += s
			}
		}
		check.Gram = sumOfGrams(grams[:])
	}
	return true
}

// padded copies a small matrix to the form that the kernels want.
func padded(a device.Dense[float64]) native.Small {
	if a.Data == nil {
		return native.Small{}
	}
	s := native.NewSmall(a.Rows, a.Cols)
	for i := range a.Rows {
		copy(s.Data[i*s.LD:], a.Row(i))
	}
	return s
}
