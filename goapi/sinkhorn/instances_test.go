package sinkhorn

import (
	"context"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// lcg returns n numbers of [0,1) from a linear congruential generator that
// any language reproduces: s ← 1664525·s + 1013904223 mod 2³².
func lcg(seed uint32, n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		seed = 1664525*seed + 1013904223
		v[i] = float64(seed) / (1 << 32)
	}
	return v
}

// square returns n+n points of the unit square divided by √scale.
func square(seed uint32, n int, scale float64) (x, y device.Dense[float64]) {
	u := lcg(seed, 4*n)
	for i := range u {
		u[i] /= math.Sqrt(scale)
	}
	x = device.Dense[float64]{Rows: n, Cols: 2, Stride: 2, Data: u[:2*n]}
	y = device.Dense[float64]{Rows: n, Cols: 2, Stride: 2, Data: u[2*n:]}
	return x, y
}

// distances returns ‖xᵢ-yⱼ‖ᵖ.
func distances(x, y device.Dense[float64], p float64) device.Dense[float64] {
	c := device.NewDense[float64](x.Rows, y.Rows)
	for i := range x.Rows {
		for j := range y.Rows {
			d := 0.0
			for k := range x.Cols {
				d = math.Hypot(d, x.At(i, k)-y.At(j, k))
			}
			c.Set(i, j, math.Pow(d, p))
		}
	}
	return c
}

// rising returns n weights proportional to 1, 2, …
func rising(n int) []float64 {
	b := make([]float64, n)
	for j := range b {
		b[j] = 2 * float64(j+1) / float64(n*(n+1))
	}
	return b
}

func convert[T device.Float](v []float64) []T {
	return device.Convert[T](device.Vector(v)).Data
}

// must solves a problem that has to converge.
func must[T device.Float](t testing.TB, dev device.Device, p Problem[T], o Options) *Result[T] {
	t.Helper()
	r, err := Solve(context.Background(), dev, p, o)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Converged {
		t.Fatal("no error, but not converged")
	}
	return r
}

func near(t testing.TB, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Errorf("%s is %.15g, want %.15g (off by %.2g, allowed %.2g)", what, got, want, math.Abs(got-want), tol)
	}
}

// sums returns the sums of the rows and of the columns.
func sums[T device.Float](p device.Dense[T]) (rows, cols []float64) {
	rows, cols = make([]float64, p.Rows), make([]float64, p.Cols)
	for i := range p.Rows {
		for j, v := range p.Row(i) {
			rows[i] += float64(v)
			cols[j] += float64(v)
		}
	}
	return rows, cols
}

func l1[T device.Float](x []float64, y []T) float64 {
	s := 0.0
	for i := range x {
		s += math.Abs(x[i] - float64(y[i]))
	}
	return s
}

// assignment returns the exact optimal cost for uniform weights by trying all
// permutations.
func assignment[T device.Float](c device.Dense[T]) float64 {
	n := c.Rows
	best, used := math.Inf(1), make([]bool, n)
	var try func(i int, sum float64)
	try = func(i int, sum float64) {
		if i == n {
			best = min(best, sum)
			return
		}
		for j := range n {
			if !used[j] {
				used[j] = true
				try(i+1, sum+float64(c.At(i, j)))
				used[j] = false
			}
		}
	}
	try(0, 0)
	return best / float64(n)
}

// line returns the exact optimal cost |x-y|ᵖ between weighted points of the
// real line, both sorted.
func line(x, a, y, b []float64, p float64) float64 {
	cost, i, j, ai, bj := 0.0, 0, 0, a[0], b[0]
	for {
		m := min(ai, bj)
		cost += m * math.Pow(math.Abs(x[i]-y[j]), p)
		if ai -= m; ai <= 0 {
			if i++; i == len(x) {
				return cost
			}
			ai = a[i]
		}
		if bj -= m; bj <= 0 {
			if j++; j == len(y) {
				return cost
			}
			bj = b[j]
		}
	}
}
