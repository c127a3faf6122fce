package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// sparse is an n×m matrix of few positive elements, stored by rows and by
// columns, so that products with it and with its transpose both run along
// memory.
type sparse struct {
	n, m     int
	rows     device.Entries[float64]
	colStart []int
	row      []int32 // of the elements, column by column
	val      []float64
}

// keep takes over the entries of e from least on.
func (s *sparse) keep(n, m int, e *device.Entries[float64], least float64) {
	s.n, s.m = n, m
	s.rows.Reset()
	for i := range n {
		for k := e.Start[i]; k < e.Start[i+1]; k++ {
			if e.Val[k] >= least {
				s.rows.Col = append(s.rows.Col, e.Col[k])
				s.rows.Val = append(s.rows.Val, e.Val[k])
			}
		}
		s.rows.Start = append(s.rows.Start, len(s.rows.Col))
	}
	s.sortColumns()
}

// sortColumns fills in the columns from the rows.
func (s *sparse) sortColumns() {
	s.colStart = grow(s.colStart, s.m+1)
	clear(s.colStart)
	for _, j := range s.rows.Col {
		s.colStart[j+1]++
	}
	for j := range s.m {
		s.colStart[j+1] += s.colStart[j]
	}
	s.row, s.val = grow(s.row, len(s.rows.Col)), grow(s.val, len(s.rows.Col))
	at := append([]int(nil), s.colStart[:s.m]...)
	for i := range s.n {
		for k := s.rows.Start[i]; k < s.rows.Start[i+1]; k++ {
			j := s.rows.Col[k]
			s.row[at[j]], s.val[at[j]] = int32(i), s.rows.Val[k]
			at[j]++
		}
	}
}

// grow returns a slice of n elements, v's memory if that is enough.
func grow[E any](v []E, n int) []E {
	if cap(v) < n {
		return make([]E, n, n+n/4)
	}
	return v[:n]
}

// mul computes y = S·x.
func (s *sparse) mul(x, y []float64) { dotSparse(s.rows.Start, s.rows.Col, s.rows.Val, x, y) }

// mulTransposed computes y = Sᵀ·x.
func (s *sparse) mulTransposed(x, y []float64) { dotSparse(s.colStart, s.row, s.val, x, y) }

func dotSparse(start []int, index []int32, val, x, y []float64) {
	for i := range y {
		sum := 0.0
		for k := start[i]; k < start[i+1]; k++ {
			sum += val[k] * x[index[k]]
		}
		y[i] = sum
	}
}

// massThreshold returns the largest power of two such that the entries of e
// below it sum to no more than drop, or 0 if there is none.
func massThreshold(e *device.Entries[float64], drop float64) float64 {
	var mass [2048]float64 // by binary exponent
	for _, v := range e.Val {
		mass[math.Float64bits(v)>>52] += v
	}
	sum := 0.0
	for x, m := range mass {
		if sum += m; sum > drop {
			return math.Float64frombits(uint64(x) << 52)
		}
	}
	return 0
}
