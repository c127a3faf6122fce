package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// factors multiplies by the cost matrix of a reduced problem: by its factors
// C = A·Bᵀ where it has some, otherwise by the costs themselves.
type factors[T device.Float] struct {
	q    device.Queue[T]
	a, b device.Matrix[T] // n×k and m×k
	cost device.Matrix[T] // n×m, if there are no factors
}

// newFactors factors squared distances and products; other costs have to be
// stored in memory bytes.
func newFactors[T device.Float](q device.Queue[T], r *reduced[T], memory int64) (*factors[T], error) {
	if a, b, ok := r.factors(); ok {
		f := &factors[T]{q: q, a: q.Alloc(a.Rows, a.Cols), b: q.Alloc(b.Rows, b.Cols)}
		q.Upload(f.a, device.Convert[T](a))
		q.Upload(f.b, device.Convert[T](b))
		return f, nil
	}
	if !fits[T](r.n, r.m, memory) {
		return nil, device.Argument("Memory", "of %d bytes is too little for %d×%d costs, which have no factors of low rank", memory, r.n, r.m)
	}
	return &factors[T]{q: q, cost: newCosts(q, r, memory).stored}, nil
}

// times computes out = C·R for R (m×r).
func (f *factors[T]) times(r, out device.Matrix[T]) {
	f.multiply(device.NoTrans, f.b, r, f.a, out)
}

// timesT computes out = Cᵀ·Q for Q (n×r).
func (f *factors[T]) timesT(q, out device.Matrix[T]) {
	f.multiply(device.Transp, f.a, q, f.b, out)
}

func (f *factors[T]) multiply(t device.Trans, inner, x, outer, out device.Matrix[T]) {
	if !f.cost.IsZero() {
		f.q.Gemm(t, device.NoTrans, 1, f.cost, x, 0, out)
		return
	}
	defer f.q.Scope()()
	small := f.q.Alloc(inner.Cols, x.Cols)
	f.q.Gemm(device.Transp, device.NoTrans, 1, inner, x, 0, small)
	f.q.Gemm(device.NoTrans, device.NoTrans, 1, outer, small, 0, out)
}

// factors returns A and B with C = A·Bᵀ, if the costs are such.
func (r *reduced[T]) factors() (a, b device.Dense[float64], ok bool) {
	switch s := r.source.(type) {
	case *product[T]:
		a, b = bordered(s.a, 1, float64(s.factor)), bordered(s.b, 1, 1)
		for i := range a.Rows {
			a.Row(i)[s.a.Cols] = float64(s.shift)
		}
		for j := range b.Rows {
			b.Row(j)[s.b.Cols] = 1
		}
		return a, b, true
	case *power[T]:
		if s.p == 2 {
			a, b = squares(s.x, s.y)
			return a, b, true
		}
	case nil:
		if r.clouds() && r.p == 2 {
			a, b = squares(r.x, r.y)
			return a, b, true
		}
	}
	return a, b, false
}

// bordered returns factor·x with room for more columns.
func bordered[T device.Float](x device.Dense[T], more int, factor float64) device.Dense[float64] {
	w := device.NewDense[float64](x.Rows, x.Cols+more)
	for i := range x.Rows {
		for k, v := range x.Row(i) {
			w.Row(i)[k] = factor * float64(v)
		}
	}
	return w
}

// squares returns the factors of ‖x-y‖² = |x|² + |y|² - 2⟨x,y⟩, with the
// origin in the middle of the points, which costs the fewest digits.
func squares[T device.Float](x, y device.Dense[T]) (a, b device.Dense[float64]) {
	d := x.Cols
	a, b = bordered(x, 2, 1), bordered(y, 2, 1)
	for k := range d {
		lo, hi := math.Inf(1), math.Inf(-1)
		for _, c := range []device.Dense[float64]{a, b} {
			for i := range c.Rows {
				lo, hi = min(lo, c.At(i, k)), max(hi, c.At(i, k))
			}
		}
		for _, c := range []device.Dense[float64]{a, b} {
			for i := range c.Rows {
				c.Row(i)[k] -= lo + (hi-lo)/2
			}
		}
	}
	finish := func(c device.Dense[float64], factor float64, square, one int) {
		for i := range c.Rows {
			row := c.Row(i)
			sum := 0.0
			for k, v := range row[:d] {
				sum += v * v
				row[k] = factor * v
			}
			row[square], row[one] = sum, 1
		}
	}
	finish(a, -2, d, d+1)
	finish(b, 1, d+1, d)
	return a, b
}
