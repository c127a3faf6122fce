package svd

import (
	"cmp"
	"math"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/blas/gonum"

	"github.com/ritz-go/ritz/goapi/device"
)

// columns are vectors whose sizes may differ by more than the range of
// float64: vector j is x[j]·2^e[j]. After normalize its largest entry is in
// [1/2,1), or it is zero.
type columns struct {
	x [][]float64
	e []int
}

func newColumns(length, count int) columns {
	c := columns{x: make([][]float64, count), e: make([]int, count)}
	all := make([]float64, length*count)
	for j := range c.x {
		c.x[j] = all[j*length : (j+1)*length : (j+1)*length]
	}
	return c
}

// columnsOf returns the columns of a, normalized.
func columnsOf(a device.Dense[float64]) columns {
	c := newColumns(a.Rows, a.Cols)
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			c.x[j][i] = v
		}
	}
	for j := range c.x {
		c.normalize(j)
	}
	return c
}

// dense returns the mantissas as the columns of a matrix.
func (c columns) dense() device.Dense[float64] {
	a := device.NewDense[float64](len(c.x[0]), len(c.x))
	for j, x := range c.x {
		for i, v := range x {
			a.Set(i, j, v)
		}
	}
	return a
}

// normalize brings the largest entry of vector j into [1/2,1).
func (c columns) normalize(j int) {
	largest := 0.0
	for _, v := range c.x[j] {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		c.e[j] = 0
		return
	}
	_, e := math.Frexp(largest)
	if e == 0 {
		return
	}
	for i, v := range c.x[j] {
		c.x[j][i] = math.Ldexp(v, -e)
	}
	c.e[j] += e
}

// compare orders a·2^e against b·2^f for numbers that are not negative.
func compare(a float64, e int, b float64, f int) int {
	switch {
	case a == 0 || b == 0:
		return cmp.Compare(a, b)
	case e < f:
		return cmp.Compare(math.Ldexp(a, max(e-f, -4000)), b)
	}
	return cmp.Compare(a, math.Ldexp(b, max(f-e, -4000)))
}

// descending returns the order in which size[j]·2^e[j] descend.
func descending(size []float64, e []int) []int {
	order := make([]int, len(size))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(i, j int) int { return compare(size[j], e[j], size[i], e[i]) })
	return order
}

// norms2 returns ‖x[j]‖², without the exponents.
func (c columns) norms2() []float64 {
	s := make([]float64, len(c.x))
	for j, x := range c.x {
		s[j] = dot(x, x)
	}
	return s
}

// permute puts the vectors in the given order.
func (c columns) permute(order []int) {
	x, e := slices.Clone(c.x), slices.Clone(c.e)
	for r, j := range order {
		c.x[r], c.e[r] = x[j], e[j]
	}
}

// gonum's plain Go kernels, whatever BLAS the program has registered: their
// sums do not depend on a number of threads.
var blas gonum.Implementation

func dot(x, y []float64) float64 { return blas.Ddot(len(x), x, 1, y, 1) }

// axpy adds α·x to y.
func axpy(α float64, x, y []float64) { blas.Daxpy(len(x), α, x, 1, y, 1) }

// inParallel runs f for 0 … n-1, by as many goroutines as are worth it for
// n tasks of so many operations each.
func inParallel(n, each int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n, 1+n*each/(1<<16))
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
}
