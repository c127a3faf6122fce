package sinkhorn

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// bipartite returns a plan of few elements with its sums.
func bipartite(n, m, perRow int) (s *sparse, a, p []float64) {
	draw := make([]float64, 2*n*perRow)
	rng.Uniform(5, uint64(n*m), 0, draw)
	e := &device.Entries[float64]{}
	e.Reset()
	a, p = make([]float64, n), make([]float64, m)
	for i := range n {
		for k := range perRow {
			j, v := (i*m/n+k*k)%m, 0.01+draw[i*perRow+k]
			if k > 2 {
				j = int(draw[(n+i)*perRow+k] * float64(m))
			}
			e.Col, e.Val = append(e.Col, int32(j)), append(e.Val, v)
			a[i] += v
			p[j] += v
		}
		e.Start = append(e.Start, len(e.Col))
	}
	s = &sparse{}
	s.keep(n, m, e, 0)
	return s, a, p
}

// Conjugate gradients on the device find what those on the host find, and
// solve the system.
func TestSystemOnDevice(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := dev.F64()
		defer q.Close()
		var c deviceSystem
		const n, m, τ, tol = 50, 40, 1e-3, 1e-9
		for _, perRow := range []int{3, 6} { // two systems with one workspace
			s, a, p := bipartite(n, m, perRow)
			rhs, x := make([]float64, m), make([]float64, m)
			rng.Normal(6, 1, 0, rhs)
			iterations, err := c.solve(t.Context(), q, s, a, p, τ, rhs, x, tol)
			if err != nil || iterations == 0 {
				t.Fatalf("%d iterations, %v", iterations, err)
			}
			var y system
			y.build(s, a, p, τ, 1)
			image := make([]float64, m)
			y.apply(x, image)
			rest := 0.0
			for j, v := range image {
				rest = math.Hypot(rest, v-rhs[j])
			}
			if size := math.Sqrt(dot(rhs, rhs)); !(rest <= 2*tol*size) {
				t.Errorf("residual %g of %g", rest, size)
			}
			want := make([]float64, m)
			y.solve(rhs, want, 1e-13, 1000)
			for j := range want {
				// The smallest eigenvalue is at least τ times the least sum.
				if d := math.Abs(x[j] - want[j]); !(d <= 1e-4*math.Sqrt(dot(want, want))) {
					t.Fatalf("x[%d] is %v, want %v", j, x[j], want[j])
				}
			}
		}
		// A right-hand side of zeros needs no iteration that divides by zero.
		s, a, p := bipartite(n, m, 3)
		x := make([]float64, m)
		if _, err := c.solve(t.Context(), q, s, a, p, τ, make([]float64, m), x, tol); err != nil || dot(x, x) != 0 {
			t.Errorf("zeros give %v, %v", x, err)
		}
	})
}
