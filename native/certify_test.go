package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestCertifyKernelsMatchPlainGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		t.Run("f32", testCertifyKernels[float32])
		t.Run("f64", testCertifyKernels[float64])
	})
}

func testCertifyKernels[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, m := range []int{1, 3, 4, 5, 8, 21} {
		for _, n := range lengths {
			const ε = 0.3
			ldc := n + 3
			c, g, a, w := random[T](r, m*ldc, 1), random[T](r, n, 1), make([]T, m), random[T](r, n, 1)
			if n > 2 { // not a whole row
				c[n/3] = T(math.Inf(1))
			}
			for i := range a {
				a[i] = T(r.Float64())
			}
			a[m/2] = 0
			name := fmt.Sprintf("%d×%d", m, n)
			tol := eps[T]() * (40/ε + float64(n+m))

			run := func(f func(f, s, costs []T)) (x, y, z []T) {
				x, y, z = make([]T, m), make([]T, n), make([]T, n)
				f(x, y, z)
				return x, y, z
			}
			f, s, costs := run(func(f, s, costs []T) { PlanCosts(m, n, T(ε), c, ldc, g, a, f, s, costs) })
			wantF, wantS, wantCosts := run(func(f, s, costs []T) { planCostsGo(m, n, T(ε), c, ldc, g, a, f, s, costs) })
			within(t, "PlanCosts "+name+": f", eps[T]()*(16+2*math.Sqrt(float64(n))), f, wantF)
			within(t, "PlanCosts "+name+": sums", tol, s, wantS)
			within(t, "PlanCosts "+name+": costs", 8*tol, costs, wantCosts)

			for _, bad := range []bool{false, true} {
				if bad { // in the row of a vector and behind it
					c[(m-1)*ldc+n-1] = T(math.NaN())
					c[(m/2)*ldc] = T(math.NaN())
				}
				low := func() []T {
					h := make([]T, n)
					for j := range h {
						h[j] = T(math.Inf(1))
					}
					h[0] = -100
					return h
				}
				h, want := low(), low()
				d, wantD := make([]T, m), make([]T, m)
				MinTransform(m, n, c, ldc, g, w, f, h, d)
				minTransformGo(m, n, c, ldc, g, w, wantF, want, wantD)
				within(t, "MinTransform "+name+": f", 0, f, wantF)
				within(t, "MinTransform "+name+": h", 0, h, want)
				if !bad {
					within(t, "MinTransform "+name+": d", 8*tol, d, wantD)
				}
				h2 := low()
				MinTransform(m, n, c, ldc, g, nil, f, h2, nil)
				within(t, "MinTransform "+name+" alone: h", 0, h2, want)
			}
		}
	}
}
