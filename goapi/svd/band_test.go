package svd

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
)

// The singular values of the band are those of the matrix, for shapes around
// the widths of panels, whatever the rank and the spectrum.
func TestReduceToBand(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const w = 4
		q := dev.F64()
		defer q.Close()
		for _, s := range [][2]int{{2, 2}, {8, 8}, {9, 9}, {12, 12}, {13, 13}, {30, 30}, {41, 30}, {31, 17}} {
			m, n := s[0], s[1]
			low := logspace(n, 0, -3)
			clear(low[n/3:])
			for name, a := range map[string]device.Dense[float64]{
				"random": normal[float64](311, m, n), "rank n/3": withSpectrum[float64](312, m, n, low),
				"graded": matrices.Graded[float64](313, m, n, -8, -4), "zero": device.NewDense[float64](m, n),
				"condition 1e15": withSpectrum[float64](314, m, n, logspace(n, 0, -15)),
			} {
				work := q.Alloc(m, n)
				q.Upload(work, a)
				band, err := reduceToBand(ctx, q, w, work)
				if err != nil {
					t.Fatal(err)
				}
				full := device.NewDense[float64](n, n)
				for i := range n {
					for j := i; j < min(n, i+w+1); j++ {
						full.Set(i, j, band.At(i, j-i))
					}
				}
				got, want := exactValues(t, full), exactValues(t, a)
				for i := range got {
					if d := math.Abs(got[i] - want[i]); !(d <= float64(20*n)*0x1p-52*want[0]) {
						t.Errorf("%d×%d, %s: σ%d = %v, want %v", m, n, name, i+1, got[i], want[i])
						break
					}
				}
			}
		}
	})
}

func exactValues(t *testing.T, a device.Dense[float64]) []float64 {
	t.Helper()
	r, err := Compute(ctx, device.Go(), a, Options{Method: Direct, Vectors: None})
	if err != nil {
		t.Fatal(err)
	}
	return r.S
}

// Values without vectors are those that come with vectors, within the bound
// of their certificate, for every spectrum and both types.
func TestValuesAlone(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testValuesAlone[float64], testValuesAlone[float32])
	})
}

func testValuesAlone[T device.Float](t *testing.T, dev device.Device) {
	n := size(dev, bandLeast+5, 70)
	low := logspace(n, 0, -1)
	clear(low[n/2:])
	for name, s := range map[string][]float64{
		"condition 1e2": logspace(n, 0, -2), "1e10": logspace(n, 0, -10), "low rank": low, "all equal": logspace(n, 0, 0),
	} {
		for _, m := range []int{n, n + n/2} {
			a := madeOn[T](t, dev, m, n, s)
			r, err := Compute(ctx, dev, a, Options{Vectors: None})
			if err != nil {
				t.Fatal(err)
			}
			for i, σ := range r.S {
				if d := math.Abs(float64(σ) - s[i]); !(d <= r.Certificate.ErrorBound+device.Epsilon[T]()) || d > 1e-14+2*device.Epsilon[T]() {
					t.Errorf("%d×%d, %s: σ%d is off by %.3g, certified %.3g", m, n, name, i+1, d, r.Certificate.ErrorBound)
					break
				}
			}
		}
	}
}
