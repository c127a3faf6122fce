package polar

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// loss returns ‖QQᵀ - I‖_F on the smaller side, from sums in twice the precision
// of float64.
func loss[T device.Float](q device.Dense[T]) float64 {
	if q.Rows > q.Cols {
		q = q.T()
	}
	square := 0.0
	for i := range q.Rows {
		for j := range i + 1 {
			high, low := 0.0, 0.0
			add := func(x float64) {
				sum := high + x
				z := sum - high
				low += (high - (sum - z)) + (x - z)
				high = sum
			}
			y := q.Row(j)
			for k, v := range q.Row(i) {
				p := float64(v) * float64(y[k])
				add(p)
				low += math.FMA(float64(v), float64(y[k]), -p)
			}
			d := high + low
			if i == j {
				add(-1)
				d = high + low
				square += d * d
			} else {
				square += 2 * d * d
			}
		}
	}
	return math.Sqrt(square)
}

// checkLoss checks that the stated orthogonality is a bound, and above what it
// bounds by no more than rounding errors and what they may hide.
func checkLoss[T device.Float](t *testing.T, label string, q device.Dense[T], c *Certificate) {
	t.Helper()
	s, l := float64(min(q.Rows, q.Cols)), float64(max(q.Rows, q.Cols))
	is, unit := loss(q), 0x1p-53
	if is > near/2 && device.Epsilon[T]() > 1e-10 { // far from orthogonal, in float32
		unit = 0x1p-24
	}
	most := is + 2*unit*(1+is)*(l*math.Sqrt(s)+2*s)
	if got := c.Orthogonality; !(got >= is && got <= most) {
		t.Errorf("%s: orthogonality %.4g, certified %.4g, at most %.4g", label, is, got, most)
	}
}

// The stated orthogonality is never below the true one, whatever the shape and
// the spectrum: also where an iteration has made the rounded Gram matrix the
// identity, so that all that is missing is hidden by rounding.
func TestOrthogonalityIsABound(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { orthogonalityIsABound[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { orthogonalityIsABound[float32](t, dev) })
	})
}

func orthogonalityIsABound[T device.Float](t *testing.T, dev device.Device) {
	shapes := [][2]int{{40, 1}, {1, 40}, {1, 1}, {1, 3001}, {2500, 3}, {2, 777}, {7, 7}, {33, 65}, {130, 31}, {96, 96}}
	shapes = shapes[:devices.Size(dev, len(shapes), 5)]
	methods := []Options{{}, {Method: Express}, {Method: Express, Steps: 9, Form: Gram}, {Method: CANS}, {Method: Prism}, {Method: Quintic}, {Method: Minimax}, {Method: Halley},
		{Method: QDWH}, {Method: Newton}, {Method: SVD}, {Method: Muon}, {Method: You}, {Method: Turbo}, {Error: 0.2}, {Error: 1e-3}}
	for i, shape := range shapes {
		for _, digits := range []float64{0, 1, 3} {
			a := device.Convert[T](device.FromMat(withSpectrum(uint64(300+i), shape[0], shape[1], logspace(min(shape[0], shape[1]), 0.3, 0.3-digits)).a))
			for _, o := range methods {
				if shape[0]*shape[1] > 5000 && digits > 0 && o.Method != "" {
					continue
				}
				r, err := Compute(ctx, dev, a, o)
				if err != nil && !errors.Is(err, device.ErrNotConverged) {
					t.Fatalf("%v κ=1e%v %+v: %v", shape, digits, o, err)
				}
				label := fmt.Sprintf("%v κ=1e%v %s %g", shape, digits, o.Method, o.Error)
				checkLoss(t, label, r.Q, r.Certificate)
				if min(shape[0], shape[1]) == 1 && o.Method != Turbo { // which leaves the sign alone
					if e := vectorError(a, r.Q); e > r.Certificate.ErrorBound {
						t.Errorf("%s: error %.4g, certified %.4g", label, e, r.Certificate.ErrorBound)
					}
				}
			}
		}
	}
	// Entries of one size, whose squares round all in one direction, and rows of
	// slow oscillation, whose partial sums are large.
	for _, n := range []int{20, 44, 92} {
		paley, cosines := device.NewDense[T](n, n), device.NewDense[T](n, n)
		for i := range n {
			for j := range n {
				v := 1.0
				switch r := (j - i + n - 1) % (n - 1); {
				case i == n-1 || j == n-1:
				case r == 0 || !residue(r, n-1):
					v = -1
				}
				paley.Set(i, j, T(v))
				cosines.Set(i, j, T(math.Cos(math.Pi*float64(i)*(float64(j)+0.5)/float64(n))))
			}
		}
		for _, o := range methods {
			for name, a := range map[string]device.Dense[T]{"Paley": paley, "cosines": cosines} {
				r, err := Compute(ctx, dev, a, o)
				if err != nil && !errors.Is(err, device.ErrNotConverged) {
					t.Fatalf("%s, n=%d, %+v: %v", name, n, o, err)
				}
				checkLoss(t, fmt.Sprintf("%s, n=%d, %s %g", name, n, o.Method, o.Error), r.Q, r.Certificate)
			}
		}
		if dev.Info().Name != "go" && dev.Info().Name != "cpu" {
			break
		}
	}
}

// vectorError returns the distance of q from the vector a divided by its length.
func vectorError[T device.Float](a, q device.Dense[T]) float64 {
	square := new(big.Float).SetPrec(200)
	each := func(f func(x, y float64)) {
		for i := range a.Rows {
			for j, v := range a.Row(i) {
				f(float64(v), float64(q.At(i, j)))
			}
		}
	}
	each(func(x, _ float64) {
		b := new(big.Float).SetPrec(200).SetFloat64(x)
		square.Add(square, b.Mul(b, b))
	})
	length, sum := new(big.Float).Sqrt(square), 0.0
	each(func(x, y float64) {
		b := new(big.Float).SetPrec(200).SetFloat64(x)
		d, _ := b.Sub(b.Quo(b, length), big.NewFloat(y)).Float64()
		sum += d * d
	})
	return math.Sqrt(sum)
}

// residue reports whether r is a square modulo the prime p.
func residue(r, p int) bool {
	for x := range p {
		if x*x%p == r%p {
			return true
		}
	}
	return false
}
