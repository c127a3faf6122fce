package sinkhorn

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
)

// reduced is a checked problem without the points that carry no mass, with
// weights of sum 1 and with costs in a unit that no number type overflows.
type reduced[T device.Float] struct {
	cost       device.Dense[T] // n×m; zero for clouds
	x, y       device.Dense[T] // clouds
	p          int
	source     Source[T] // nil for costs and clouds
	n, m       int
	a, b       []float64 // positive, of sum 1
	warm       []T       // potentials g to start from, or nil
	rows, cols []int     // their places in the caller's problem; nil: all
	mass       float64   // sum of the caller's weights
	unit       float64   // caller's cost = unit·cost, a power of two
	lo, hi     float64   // bounds of the costs that are finite
	barred     bool      // some costs are +Inf
}

func (r *reduced[T]) clouds() bool { return r.x.Rows > 0 }

// reduce checks p and takes away what carries no mass. It copies costs only
// where there is something to take away or to rescale.
func reduce[T device.Float](p Problem[T], normalize bool) (*reduced[T], error) {
	n, m, err := check(p)
	if err != nil {
		return nil, err
	}
	a, b, mass, err := weights(p, n, m, normalize)
	if err != nil {
		return nil, err
	}
	r := &reduced[T]{p: p.P, mass: mass, unit: 1, rows: positive(a), cols: positive(b)}
	if r.p == 0 {
		r.p = 2
	}
	r.a, r.b = pick(a, r.rows), pick(b, r.cols)
	r.n, r.m = len(r.a), len(r.b)
	if p.Warm != nil {
		r.warm = pick(p.Warm, r.cols)
	}
	switch {
	case p.Source != nil:
		r.source = p.Source.pick(r.rows, r.cols)
		r.lo, r.hi, r.barred = r.source.bounds()
		if math.IsNaN(r.lo) || math.IsNaN(r.hi) {
			return nil, fmt.Errorf("a cost of the source is NaN or -Inf: %w", device.ErrNotFinite)
		}
	case absent(p.Cost):
		r.x, r.y = pickRows(p.X, r.rows), pickRows(p.Y, r.cols)
		r.hi = diameter(r.x, r.y)
		if r.p == 2 {
			r.hi *= r.hi
		}
	default:
		// Also the costs that are then left out are looked at.
		if r.lo, r.hi, r.barred = bounds(p.Cost); r.lo-r.lo != 0 || r.hi-r.hi != 0 {
			if err := checkCosts(p.Cost); err != nil {
				return nil, err
			}
		}
		r.cost = pickColumns(pickRows(p.Cost, r.rows), r.cols)
	}
	if r.barred {
		if err := r.connected(); err != nil {
			return nil, err
		}
	}
	return r, r.rescale()
}

// Costs outside these sizes would leave the range of the number type in sums
// of three or in squares.
func sizeLimits[T device.Float]() (lo, hi float64) {
	if device.Epsilon[T]() > 1e-10 {
		return 0x1p-40, 0x1p40
	}
	return 0x1p-400, 0x1p400
}

// rescale chooses the unit of the costs.
func (r *reduced[T]) rescale() error {
	lo, hi := sizeLimits[T]()
	size := max(math.Abs(r.lo), math.Abs(r.hi))
	if size == 0 || size >= lo && size <= hi {
		return nil
	}
	power := 1 // of the points in a cost
	if r.clouds() {
		power = r.p
		size = diameter(r.x, r.y) // the square may not be a number
	}
	if r.source != nil {
		r.source, r.unit = r.source.scaled(size)
		if math.IsInf(r.unit, 0) || r.unit == 0 {
			return fmt.Errorf("the costs leave the range of float64: %w", device.ErrNotFinite)
		}
		r.lo, r.hi, _ = r.source.bounds()
		return nil
	}
	e := exponent(size)
	down := math.Ldexp(1, -e)
	scale := func(d device.Dense[T]) device.Dense[T] {
		s := device.NewDense[T](d.Rows, d.Cols)
		for i := range d.Rows {
			for j, v := range d.Row(i) {
				s.Row(i)[j] = T(float64(v) * down)
			}
		}
		return s
	}
	if r.unit = math.Ldexp(1, e*power); math.IsInf(r.unit, 0) || r.unit == 0 {
		return fmt.Errorf("the costs leave the range of float64: %w", device.ErrNotFinite)
	}
	if r.clouds() {
		r.x, r.y = scale(r.x), scale(r.y)
		r.hi = math.Pow(diameter(r.x, r.y), float64(r.p))
		return nil
	}
	r.cost = scale(r.cost)
	r.lo, r.hi = r.lo*down, r.hi*down
	return nil
}

// exponent returns e with 2^e about size and both 2^e and 2^-e normal numbers.
func exponent(size float64) int {
	if math.IsInf(size, 0) {
		return 1023
	}
	_, e := math.Frexp(size)
	return max(min(e, 1023), -1022)
}

// positive lists where w > 0, or returns nil if that is everywhere.
func positive(w []float64) []int {
	var at []int
	for i, v := range w {
		if v > 0 {
			at = append(at, i)
		}
	}
	if len(at) == len(w) {
		return nil
	}
	return at
}

func pick[E any](v []E, at []int) []E {
	if at == nil {
		return v
	}
	w := make([]E, len(at))
	for k, i := range at {
		w[k] = v[i]
	}
	return w
}

func pickRows[T device.Float](a device.Dense[T], at []int) device.Dense[T] {
	if at == nil {
		return a
	}
	b := device.NewDense[T](len(at), a.Cols)
	for k, i := range at {
		copy(b.Row(k), a.Row(i))
	}
	return b
}

func pickColumns[T device.Float](a device.Dense[T], at []int) device.Dense[T] {
	if at == nil {
		return a
	}
	b := device.NewDense[T](a.Rows, len(at))
	for i := range a.Rows {
		for k, j := range at {
			b.Row(i)[k] = a.Row(i)[j]
		}
	}
	return b
}

// bounds returns the least and the largest element but +Inf, which barred
// reports, NaN if one element is NaN or -Inf.
func bounds[T device.Float](a device.Dense[T]) (lo, hi float64, barred bool) {
	parts := max(1, min(runtime.GOMAXPROCS(0), a.Rows))
	found := make([]extremes[T], parts)
	var wg sync.WaitGroup
	for k := range parts {
		wg.Go(func() {
			e := extremes[T]{lo: T(math.Inf(1)), hi: T(math.Inf(-1))}
			for i := k * a.Rows / parts; i < (k+1)*a.Rows/parts; i++ {
				e.take(a.Row(i))
			}
			found[k] = e
		})
	}
	wg.Wait()
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, e := range found {
		lo, hi, barred = min(lo, float64(e.lo+e.wrong)), max(hi, float64(e.hi+e.wrong)), barred || e.barred
	}
	return lo, hi, barred
}

// extremes are the least and the largest of some numbers, +Inf left out, and
// NaN in wrong if one is NaN or -Inf.
type extremes[T device.Float] struct {
	lo, hi, wrong T
	barred        bool
}

// take goes through x in four chains of operations, each of which waits for
// itself alone.
func (e *extremes[T]) take(x []T) {
	inf := T(math.Inf(1))
	l0, l1, l2, l3 := inf, inf, inf, inf
	h0, h1, h2, h3 := -inf, -inf, -inf, -inf
	var w0, w1, w2, w3 T
	at := 0
	for ; at+4 <= len(x); at += 4 {
		v0, v1, v2, v3 := x[at], x[at+1], x[at+2], x[at+3]
		w0 += v0 // what is not finite stays so
		w1 += v1
		w2 += v2
		w3 += v3
		if v0 < l0 {
			l0 = v0
		}
		if v1 < l1 {
			l1 = v1
		}
		if v2 < l2 {
			l2 = v2
		}
		if v3 < l3 {
			l3 = v3
		}
		if v0 > h0 {
			h0 = v0
		}
		if v1 > h1 {
			h1 = v1
		}
		if v2 > h2 {
			h2 = v2
		}
		if v3 > h3 {
			h3 = v3
		}
	}
	for _, v := range x[at:] {
		w0 += v
		if v < l0 {
			l0 = v
		}
		if v > h0 {
			h0 = v
		}
	}
	most := max(h0, h1, h2, h3)
	if w := w0 + w1 + w2 + w3; w-w != 0 { // or the sum overflows
		most = e.takeAny(x)
	}
	e.lo, e.hi = min(e.lo, l0, l1, l2, l3), max(e.hi, most)
}

// takeAny looks for what is not finite in x and returns the largest element
// but +Inf.
func (e *extremes[T]) takeAny(x []T) T {
	inf := T(math.Inf(1))
	most := -inf
	for _, v := range x {
		switch {
		case v == inf:
			e.barred = true
		case v-v != 0:
			e.wrong = T(math.NaN())
		default:
			most = max(most, v)
		}
	}
	return most
}

// diameter bounds the distance between points of x and of y by the diagonal
// of their bounding box.
func diameter[T device.Float](x, y device.Dense[T]) float64 {
	d := 0.0
	for k := range x.Cols {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, c := range []device.Dense[T]{x, y} {
			for i := range c.Rows {
				v := float64(c.At(i, k))
				lo, hi = min(lo, v), max(hi, v)
			}
		}
		d = math.Hypot(d, hi-lo)
	}
	return d
}
