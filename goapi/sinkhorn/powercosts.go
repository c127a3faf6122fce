package sinkhorn

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Power gives the costs ‖xᵢ-yⱼ‖₂^p, p > 0, for the rows of x (n×d) and y (m×d).
// For p = 1 and 2 the fields X and Y of [Problem] do the same faster.
func Power[T device.Float](x, y device.Dense[T], p float64) Source[T] {
	return &power[T]{x: x, y: y, p: p}
}

type power[T device.Float] struct {
	x, y device.Dense[T]
	p    float64
}

func (s *power[T]) Size() (n, m int) { return s.x.Rows, s.y.Rows }

func (s *power[T]) check() error {
	if !(s.p > 0 && s.p <= 64) {
		return device.Argument("p", "is %v, must be positive and at most 64", s.p)
	}
	if err := device.CheckInput("X", s.x); err != nil {
		return err
	}
	if err := device.CheckInput("Y", s.y); err != nil {
		return err
	}
	if s.x.Cols != s.y.Cols {
		return &device.ShapeError{Op: "Y", Detail: fmt.Sprintf("points of dimension %d, those of X have %d", s.y.Cols, s.x.Cols)}
	}
	return nil
}

func (s *power[T]) pick(rows, cols []int) Source[T] {
	return &power[T]{x: pickRows(s.x, rows), y: pickRows(s.y, cols), p: s.p}
}

func (s *power[T]) bounds() (lo, hi float64, barred bool) {
	return 0, math.Pow(diameter(s.x, s.y), s.p), false
}

// scaled scales the points: the costs themselves may not be numbers.
func (s *power[T]) scaled(float64) (Source[T], float64) {
	e := exponent(diameter(s.x, s.y))
	down := func(d device.Dense[T]) device.Dense[T] {
		d = d.Clone()
		for i, v := range d.Data {
			d.Data[i] = T(math.Ldexp(float64(v), -e))
		}
		return d
	}
	return &power[T]{x: down(s.x), y: down(s.y), p: s.p}, math.Pow(2, float64(e)*s.p)
}

func (s *power[T]) widen() Source[float64] {
	return &power[float64]{x: device.Convert[float64](s.x), y: device.Convert[float64](s.y), p: s.p}
}

func (s *power[T]) filler(q device.Queue[T]) func(lo, hi int, tile device.Matrix[T]) {
	x, y := device.Lend(q, s.x), device.Lend(q, s.y)
	return func(lo, hi int, tile device.Matrix[T]) {
		p := 2
		if s.p == 1 {
			p = 1
		}
		device.PairwiseCost(q, p, x.RowRange(lo, hi), y, tile)
		switch s.p {
		case 1, 2:
		case 4:
			q.Map(device.Square, tile, tile)
		default: // exp(p/2·log d²), which is 0 for d = 0
			q.Map(device.Log, tile, tile)
			q.Add(T(s.p/2), device.NoTrans, tile, 0, device.NoTrans, device.Matrix[T]{}, tile)
			q.Map(device.Exp, tile, tile)
		}
	}
}
