package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestNarrowKernelsMatchPlainGo(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		for _, m := range []int{1, 3, 4, 5, 7, 8, 9, 21} {
			for _, n := range lengths {
				name := fmt.Sprintf("%d×%d", m, n)
				ldc, ldk := n+2, n+3
				c, f, g := random[float64](r, m*ldc, 3), random[float64](r, m, 1), random[float64](r, n, 1)
				c[n/2] = math.Inf(1)
				c[(m-1)*ldc+n/3] = 200 // below the range of float32
				k, want := make([]float32, m*ldk), make([]float32, m*ldk)
				NarrowGibbs(m, n, .5, f, g, c, ldc, k, ldk)
				narrowGibbsGo(m, n, .5, f, g, c, ldc, want, ldk)
				for i, x := range want {
					if math.Abs(float64(k[i]-x)) > float64(x)*0x1p-23 {
						t.Fatalf("NarrowGibbs %s: element %d is %v, want %v", name, i, k[i], x)
					}
				}
				a, v := make([]float64, m), make([]float64, n)
				for i := range a {
					a[i] = r.Float64()
				}
				for j := range v {
					v[j] = r.Float64()
				}
				if n < 3 { // a row may have underflowed
					k[0], k[(m-1)*ldk] = 1, 1
				}
				for j := range n { // nothing in a row without mass
					a[m-1], k[(m-1)*ldk+j] = 0, 0
				}
				u, s, wantU, wantS := make([]float64, m), make([]float64, n), make([]float64, m), make([]float64, n)
				s[0], wantS[0] = 1, 1
				NarrowScalingStep(m, n, k, ldk, a, v, u, s)
				narrowScalingStepGo(m, n, k, ldk, a, v, wantU, wantS)
				for i, x := range wantU {
					if !(math.Abs(u[i]-x) <= 1e-14*x) { // sums of positive terms
						t.Fatalf("NarrowScalingStep %s: u[%d] is %v, want %v", name, i, u[i], x)
					}
				}
				for j, x := range wantS {
					if !(math.Abs(s[j]-x) <= 2e-14*x) {
						t.Fatalf("NarrowScalingStep %s: s[%d] is %v, want %v", name, j, s[j], x)
					}
				}
			}
		}
	})
}
