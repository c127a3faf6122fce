package sinkhorn

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// LowRank gives the costs C = A·Bᵀ for a (n×r) and b (m×r).
func LowRank[T device.Float](a, b device.Dense[T]) Source[T] {
	return &product[T]{a: a, b: b, factor: 1}
}

// InnerProduct gives the costs -⟨xᵢ,yⱼ⟩ for the rows of x (n×d) and y (m×d).
func InnerProduct[T device.Float](x, y device.Dense[T]) Source[T] {
	return &product[T]{a: x, b: y, factor: -1}
}

// Cosine gives the costs 1 - ⟨xᵢ,yⱼ⟩/(‖xᵢ‖·‖yⱼ‖) for the rows of x (n×d) and y
// (m×d). A point at the origin, which has no direction, is an error.
func Cosine[T device.Float](x, y device.Dense[T]) Source[T] {
	s := &product[T]{a: x, b: y, factor: -1, shift: 1}
	if s.check() == nil {
		s.a, s.lost = directions("X", x)
		if s.lost == nil {
			s.b, s.lost = directions("Y", y)
		}
	}
	return s
}

// product gives the costs shift + factor·A·Bᵀ.
type product[T device.Float] struct {
	a, b          device.Dense[T]
	factor, shift T
	lost          error // a point without direction
}

// directions returns the rows of x divided by their lengths.
func directions[T device.Float](name string, x device.Dense[T]) (device.Dense[T], error) {
	d := device.NewDense[T](x.Rows, x.Cols)
	for i := range x.Rows {
		length := norm(x.Row(i))
		if length == 0 {
			return x, device.Argument(name, "has a point at the origin, in row %d, which has no direction", i)
		}
		for k, v := range x.Row(i) {
			d.Row(i)[k] = T(float64(v) / length)
		}
	}
	return d, nil
}

// norm returns ‖x‖₂ without overflow.
func norm[T device.Float](x []T) float64 {
	s := 0.0
	for _, v := range x {
		s = math.Hypot(s, float64(v))
	}
	return s
}

func (s *product[T]) Size() (n, m int) { return s.a.Rows, s.b.Rows }

func (s *product[T]) check() error {
	if err := device.CheckInput("the left factor", s.a); err != nil {
		return err
	}
	if err := device.CheckInput("the right factor", s.b); err != nil {
		return err
	}
	if s.a.Cols != s.b.Cols {
		return &device.ShapeError{Op: "the right factor", Detail: fmt.Sprintf("has %d columns, the left one %d", s.b.Cols, s.a.Cols)}
	}
	return s.lost
}

func (s *product[T]) pick(rows, cols []int) Source[T] {
	t := *s
	t.a, t.b = pickRows(s.a, rows), pickRows(s.b, cols)
	return &t
}

// bounds uses Cauchy's inequality.
func (s *product[T]) bounds() (lo, hi float64, barred bool) {
	longest := func(d device.Dense[T]) float64 {
		most := 0.0
		for i := range d.Rows {
			most = max(most, norm(d.Row(i)))
		}
		return most
	}
	most := longest(s.a) * longest(s.b) * math.Abs(float64(s.factor))
	return float64(s.shift) - most, float64(s.shift) + most, false
}

func (s *product[T]) scaled(size float64) (Source[T], float64) {
	e := exponent(size)
	down := func(d device.Dense[T], e int) device.Dense[T] {
		d = d.Clone()
		for i, v := range d.Data {
			d.Data[i] = T(math.Ldexp(float64(v), -e))
		}
		return d
	}
	// Both factors change, so that neither leaves the range of T.
	return &product[T]{a: down(s.a, e/2), b: down(s.b, e-e/2), factor: s.factor, shift: T(math.Ldexp(float64(s.shift), -e))}, math.Ldexp(1, e)
}

func (s *product[T]) widen() Source[float64] {
	return &product[float64]{a: device.Convert[float64](s.a), b: device.Convert[float64](s.b), factor: float64(s.factor), shift: float64(s.shift)}
}

func (s *product[T]) filler(q device.Queue[T]) func(lo, hi int, tile device.Matrix[T]) {
	a, b := device.Lend(q, s.a), device.Lend(q, s.b)
	return func(lo, hi int, tile device.Matrix[T]) {
		q.Fill(s.shift, tile)
		q.Gemm(device.NoTrans, device.Transp, s.factor, a.RowRange(lo, hi), b, 1, tile)
	}
}
