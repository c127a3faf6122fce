package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// The polar factor in arithmetic of twice the precision of float64, as a
// reference for matrices whose factor float64 does not determine.

// dd is the sum of two numbers that do not overlap.
type dd struct{ hi, lo float64 }

func quickSum(a, b float64) dd {
	s := a + b
	return dd{s, b - (s - a)}
}

func (a dd) add(b dd) dd {
	s := a.hi + b.hi
	v := s - a.hi
	e := (a.hi - (s - v)) + (b.hi - v)
	return quickSum(s, e+a.lo+b.lo)
}

func (a dd) mul(b dd) dd {
	p := a.hi * b.hi
	e := math.FMA(a.hi, b.hi, -p)
	return quickSum(p, e+a.hi*b.lo+a.lo*b.hi)
}

func (a dd) neg() dd { return dd{-a.hi, -a.lo} }

func (a dd) div(b dd) dd {
	q := dd{a.hi / b.hi, 0}
	r := a.add(q.mul(b).neg())
	q = q.add(dd{r.hi / b.hi, 0})
	r = r.add(dd{r.hi / b.hi, 0}.mul(b).neg())
	return q.add(dd{r.hi / b.hi, 0})
}

func (a dd) sqrt() dd {
	s := dd{math.Sqrt(a.hi), 0}
	for range 2 {
		s = s.add(a.div(s)).mul(dd{0.5, 0})
	}
	return s
}

// exactPolar returns the polar factor of a to about 20 digits less those of
// the condition, as float64, by Halley's iteration with Cholesky
// factorizations, on the m×n matrix or its transpose with m ≥ n. lower is a
// lower bound of the singular values, which must not exceed 1.
func exactPolar(a device.Dense[float64], lower float64) device.Dense[float64] {
	if a.Rows < a.Cols {
		return exactPolar(a.T(), lower).T()
	}
	m, n := a.Rows, a.Cols
	x := make([][]dd, m)
	for i := range x {
		x[i] = make([]dd, n)
		for j := range x[i] {
			x[i][j].hi = a.At(i, j)
		}
	}
	l := make([][]dd, n)
	for i := range l {
		l[i] = make([]dd, n)
	}
	for s, extra := lower, 0; extra < 3; {
		w := halley(min(s, 1-1e-8))
		s = w.at(s)
		if s > 1-1e-14 {
			extra++
		}
		a, b, c := dd{w.a, 0}, dd{w.b, 0}, dd{w.a + w.b - 1, 0}
		for i := range n { // I + c·XᵀX = L·Lᵀ
			for j := range i + 1 {
				sum := dd{}
				for k := range m {
					sum = sum.add(x[k][i].mul(x[k][j]))
				}
				sum = sum.mul(c)
				if i == j {
					sum = sum.add(dd{1, 0})
				}
				for k := range j {
					sum = sum.add(l[i][k].mul(l[j][k]).neg())
				}
				if i == j {
					l[i][i] = sum.sqrt()
				} else {
					l[i][j] = sum.div(l[j][j])
				}
			}
		}
		first := b.div(c)
		second := a.add(first.neg())
		y := make([]dd, n)
		for _, row := range x { // y = (I+c·XᵀX)⁻¹·row
			copy(y, row)
			for i := range n {
				for k := range i {
					y[i] = y[i].add(l[i][k].mul(y[k]).neg())
				}
				y[i] = y[i].div(l[i][i])
			}
			for i := n - 1; i >= 0; i-- {
				for k := i + 1; k < n; k++ {
					y[i] = y[i].add(l[k][i].mul(y[k]).neg())
				}
				y[i] = y[i].div(l[i][i])
			}
			for j := range row {
				row[j] = first.mul(row[j]).add(second.mul(y[j]))
			}
		}
	}
	q := device.NewDense[float64](m, n)
	for i, row := range x {
		for j, v := range row {
			q.Set(i, j, v.hi+v.lo)
		}
	}
	return q
}
