package sinkhorn

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Products with a kernel give the soft minima of the log domain to what float32
// leaves of its entries, and to nearly all digits once they are aligned; where
// potentials are out of its reach the log domain itself answers.
func TestScaledSoftMinima(t *testing.T) {
	const n, m = 23, 31
	x, y := square(51, 40, 1)
	c := distances(x, y, 2).Slice(0, n, 0, m).Clone()
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, ε := range []float64{1, .02, 1e-3} {
			q := dev.F64()
			defer q.Close()
			costs := &costs[float64]{q: q, n: n, m: m, high: n, stored: device.Lend(q, c)}
			k := newScaled(q, costs, 1<<30)
			defer k.close()
			k.begin(ε, 0, 1)
			h := k.halves()
			ψ, φ := lcg(3, m), lcg(4, n)
			s, t0, wantS, wantT := make([]float64, n), make([]float64, m), make([]float64, n), make([]float64, m)
			both := func(tol float64) {
				t.Helper()
				for _, err := range []error{h.rows(ε, ψ, s), h.cols(ε, φ, t0), k.exact.rows(ε, ψ, wantS), k.exact.cols(ε, φ, wantT)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				for i := range s {
					near(t, "row", s[i], wantS[i], tol*ε)
				}
				for j := range t0 {
					near(t, "column", t0[j], wantT[j], tol*ε)
				}
			}
			for j := range ψ {
				ψ[j] *= ε
			}
			for i := range φ {
				φ[i] *= ε
			}
			const single = 0x1p-23
			both(single)
			both(single) // now there is a kernel, if not from the beginning
			if ok, err := k.align(ψ, wantS, φ, wantT); err != nil || !ok {
				t.Fatalf("ε = %v: no kernel to align: %v", ε, err)
			}
			both(1e-12)
			// Far away, one potential, all, and with a point left out.
			ψ[3] += 1000 * ε
			both(single)
			ψ[3] = math.Inf(-1)
			both(single)
			φ[5] -= 2000 * ε
			both(single)
			for j := range ψ {
				ψ[j] += 1e4 * ε
			}
			both(single)
		}
	})
}
