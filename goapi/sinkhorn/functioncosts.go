package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Func gives the costs that a function computes: rows [lo,hi) of the n×m
// matrix into dst ((hi-lo)×m). +Inf forbids a pair. The function is called by
// one goroutine at a time and must give the same costs at every call.
func Func[T device.Float](n, m int, rows func(lo, hi int, dst device.Dense[T])) Source[T] {
	return &function[T]{n: n, m: m, compute: rows, unit: 1}
}

type function[T device.Float] struct {
	n, m       int // of what compute fills
	compute    func(lo, hi int, dst device.Dense[T])
	rows, cols []int
	unit       float64
}

func (s *function[T]) Size() (n, m int) {
	n, m = s.n, s.m
	if s.rows != nil {
		n = len(s.rows)
	}
	if s.cols != nil {
		m = len(s.cols)
	}
	return n, m
}

func (s *function[T]) check() error {
	switch {
	case s.n < 1 || s.m < 1:
		return &device.ShapeError{Op: "Func", Detail: "needs a point on each side"}
	case s.compute == nil:
		return device.Argument("Func", "has no function")
	}
	return nil
}

func (s *function[T]) pick(rows, cols []int) Source[T] {
	t := *s
	t.rows, t.cols = rows, cols
	return &t
}

// host returns a function that computes rows in Go memory.
func (s *function[T]) host() func(lo, hi int, dst device.Dense[T]) {
	var whole device.Dense[T] // rows of the whole matrix
	return func(lo, hi int, dst device.Dense[T]) {
		from := dst
		if s.cols != nil {
			if whole.Rows < hi-lo {
				whole = device.NewDense[T](hi-lo, s.m)
			}
			from = whole.Slice(0, hi-lo, 0, s.m)
		}
		if s.rows == nil {
			s.compute(lo, hi, from)
		} else {
			for i := lo; i < hi; i++ {
				s.compute(s.rows[i], s.rows[i]+1, from.Slice(i-lo, i-lo+1, 0, s.m))
			}
		}
		for i := range hi - lo {
			row := dst.Row(i)
			if s.cols != nil {
				for k, j := range s.cols {
					row[k] = from.At(i, j)
				}
			}
			if s.unit != 1 {
				for k, v := range row {
					row[k] = T(float64(v) / s.unit)
				}
			}
		}
	}
}

// bounds computes all costs once.
func (s *function[T]) bounds() (lo, hi float64, barred bool) {
	n, m := s.Size()
	fill, tile := s.host(), device.NewDense[T](tileRows(n, m), m)
	lo, hi = math.Inf(1), math.Inf(-1)
	for i := 0; i < n; i += tile.Rows {
		part := tile.Slice(0, min(tile.Rows, n-i), 0, m)
		fill(i, i+part.Rows, part)
		l, h, b := bounds(part)
		lo, hi, barred = min(lo, l), max(hi, h), barred || b // NaN stays
	}
	return lo, hi, barred
}

func (s *function[T]) scaled(size float64) (Source[T], float64) {
	t := *s
	t.unit = math.Ldexp(1, exponent(size))
	return &t, t.unit
}

func (s *function[T]) widen() Source[float64] {
	if same, ok := any(s).(Source[float64]); ok {
		return same
	}
	n, m := s.Size()
	fill := s.host()
	var narrow device.Dense[T]
	return Func(n, m, func(lo, hi int, dst device.Dense[float64]) {
		if narrow.Rows < hi-lo {
			narrow = device.NewDense[T](hi-lo, m)
		}
		part := narrow.Slice(0, hi-lo, 0, m)
		fill(lo, hi, part)
		for i := range hi - lo {
			for j, v := range part.Row(i) {
				dst.Row(i)[j] = float64(v)
			}
		}
	})
}

func (s *function[T]) filler(q device.Queue[T]) func(lo, hi int, tile device.Matrix[T]) {
	fill := s.host()
	var host device.Dense[T]
	return func(lo, hi int, tile device.Matrix[T]) {
		if host.Rows < hi-lo {
			host = device.NewDense[T](hi-lo, tile.Cols)
		}
		part := host.Slice(0, hi-lo, 0, tile.Cols)
		fill(lo, hi, part)
		q.Upload(tile, part)
	}
}
