package optim

// What the AuON paper and its program state of the update, one test for each
// claim. Learning rate 1, no decay and vanishing momentum give W = -U.

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/rng"
)

// noMomentum is so small that 1 less it is 1.
const noMomentum = 1e-300

// update returns U for the momentum q.
func update[T device.Float](t *testing.T, dev device.Device, r AuON, q device.Dense[T]) device.Dense[T] {
	t.Helper()
	r.LearningRate, r.Momentum = 1, noMomentum
	u := start(t, dev, r, device.NewDense[T](q.Rows, q.Cols), nil).step(q)
	for i := range u.Data {
		u.Data[i] = -u.Data[i]
	}
	return u
}

func norm(a device.Dense[float64]) float64 { return mat.Norm(device.ToMat(a), 2) }

func singularValues(a device.Dense[float64]) []float64 {
	var f mat.SVD
	f.Factorize(device.ToMat(a), mat.SVDNone)
	return f.Values(nil)
}

func randomMatrix(seed uint64, r, c int) device.Dense[float64] {
	a := device.NewDense[float64](r, c)
	rng.Normal(seed, 0, 0, a.Data)
	return a
}

// The values follow from the formulas by hand: x = (0.6, 0.8) and so on.
func TestAuONOfAThreeFourMatrix(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := device.NewDense[float64](2, 2)
		q.Data[0], q.Data[1] = 3, 4
		for _, c := range []struct {
			r    AuON
			a, b float64
		}{
			{AuON{}, 0.5265356, 0.7020475},
			{AuON{Form: AuONCode}, 2.2158165, 2.9544220},
			{AuON{Steps: 1}, 0.3949485, 0.5265980},
		} {
			u := update(t, dev, c.r, q)
			if math.Abs(u.Data[0]-c.a) > 1e-7 || math.Abs(u.Data[1]-c.b) > 1e-7 || u.Data[2] != 0 || u.Data[3] != 0 {
				t.Errorf("%+v: %v", c.r, u.Data)
			}
		}
	})
}

// A single entry is the case of the largest r: r² = 1 + (cosh²γ-1)/N. It
// tells the root mean square of cosh from its mean and from cosh of U.
func TestAuONBrakesASpike(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, c := range []struct {
			n    int
			want float64
			tol  float64
		}{{64, 0.99983145, 3e-8}, {2, 0.86217326, 1e-7}} {
			q := device.NewDense[float64](c.n, c.n)
			q.Set(c.n/2, c.n-1, -17)
			if got := norm(update(t, dev, AuON{}, q)); math.Abs(got-c.want) > c.tol {
				t.Errorf("%d×%d: ‖U‖ = %.9f, want %.9f", c.n, c.n, got, c.want)
			}
		}
	})
}

// U is a positive multiple of Q of norm below 1, r lies between 1 + γ²/N and
// 1 + (cosh²γ-1)/N, and U does not depend on the size of Q.
func TestAuONIsNormalizedMomentum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, n := range []int{4, 64, devices512(dev)} {
			for _, γ := range []float64{0.5, 1, 1.5} {
				q := randomMatrix(uint64(n), n, n)
				u := update(t, dev, AuON{Gamma: γ}, q)
				dot, size := 0.0, norm(u)
				for i, v := range u.Data {
					dot += v * q.Data[i]
				}
				// The sums of this test round by √N·eps or so.
				if cos := dot / size / norm(q); 1-cos > 1e-15*float64(n) {
					t.Errorf("n=%d: the angle has 1 - cos = %.2g", n, 1-cos)
				}
				r := norm(q)/(norm(q)+auonNormGuard)/size - auonGuard
				cosh, count := math.Cosh(γ), float64(n*n)
				if square := r * r; square < 1+γ*γ/count-1e-14 || square > 1+(cosh*cosh-1)/count+1e-14 {
					t.Errorf("n=%d: r² = %v", n, square)
				}
				if n == 512 && γ == 1 && math.Abs((r-1)*2*count-1) > 1e-4 {
					t.Errorf("r - 1 = %v, want 1/(2N) = %v", r-1, 1/(2*count))
				}
				if n <= 64 && singularValues(u)[0] > size*(1+1e-14) || size >= 1 {
					t.Errorf("n=%d: ‖U‖ = %v", n, size)
				}
				large, negative := q.Clone(), q.Clone()
				for i := range q.Data {
					large.Data[i] *= 1e6
					negative.Data[i] = -q.Data[i]
				}
				// What is left is the guard of 10⁻⁷.
				if d := worst(update(t, dev, AuON{Gamma: γ}, large), u); d > auonNormGuard/norm(q)+1e-15 {
					t.Errorf("n=%d: U changes by %.2g with the size of Q", n, d)
				}
				opposite := update(t, dev, AuON{Gamma: γ}, negative)
				for i, v := range opposite.Data {
					if v != -u.Data[i] {
						t.Fatalf("n=%d: U(-Q) ≠ -U(Q)", n)
					}
				}
			}
		}
	})
}

func devices512(dev device.Device) int {
	if dev.Info().Name == "go" || dev.Info().Name == "cpu" {
		return 512
	}
	return 96
}

// r by the first terms of the series and by the sum of sinh² agree with cosh
// itself, wherever the change from one to the other lies.
func TestCoshMean(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, n := range []int{1, 2, 5, 40, 90} {
			for _, power := range []float64{1, 5, 15} { // of the entries: from even to spiky
				q := randomMatrix(3, n, n)
				for i, v := range q.Data {
					q.Data[i] = v * math.Pow(math.Abs(v), power-1)
				}
				want := 0.0
				for _, v := range q.Data {
					c := math.Cosh(1.5 * v / (norm(q) + auonNormGuard))
					want += c * c
				}
				want = math.Sqrt(want / float64(n*n))
				r64 := norm(q) / (norm(q) + auonNormGuard) / norm(update(t, dev, AuON{Gamma: 1.5}, q))
				if math.Abs(r64-auonGuard-want) > 1e-14*want {
					t.Errorf("f64, n=%d, power %v: r = %.16g, want %.16g", n, power, r64, want)
				}
				u := device.Convert[float64](update(t, dev, AuON{Gamma: 1.5}, device.Convert[float32](q)))
				if r := norm(q) / (norm(q) + auonNormGuard) / norm(u); math.Abs(r-auonGuard-want) > 3e-7*want {
					t.Errorf("f32, n=%d, power %v: r = %.9g, want %.9g", n, power, r, want)
				}
			}
		}
	})
}

// The singular values of Hybrid-AuON's update, times r, are p(σ/‖Q‖).
func TestHybridAppliesThePolynomial(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := randomMatrix(5, 24, 48)
		s := singularValues(q)
		for k := range s {
			s[k] = polar.MuonStep.At(s[k] / norm(q))
		}
		for _, form := range []AuONForm{AuONPaper, AuONCode} {
			u := update(t, dev, AuON{Form: form, Steps: 1}, q)
			got := singularValues(u)
			sum := 0.0
			for _, v := range s {
				sum += v * v
			}
			r := math.Sqrt(sum)/norm(u) - auonGuard
			// X = r·U has the norm that the polynomial says; its r is that of its entries.
			mean, z := 0.0, 1.0
			if form == AuONCode {
				z = 1.5 / (math.Sqrt(sum) + auonNormGuard)
			}
			for _, v := range u.Data {
				c := math.Cosh(z * v * (r + auonGuard))
				mean += c * c / float64(len(u.Data))
			}
			if math.Abs(r-math.Sqrt(mean)) > 1e-12 {
				t.Errorf("%s: r = %v, want %v", form, r, math.Sqrt(mean))
			}
			for k := range s {
				// The polynomial is not monotone: compare as sets.
				closest := math.Inf(1)
				for _, v := range got {
					closest = min(closest, math.Abs(v*(r+auonGuard)-s[k]))
				}
				if closest > 1e-9 {
					t.Errorf("%s: singular value %d is off by %.2g", form, k, closest)
				}
			}
		}
	})
}

// U(Qᵀ) = U(Q)ᵀ, for vectors too.
func TestAuONTransposes(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, s := range [][2]int{{7, 5}, {5, 7}, {1, 9}, {9, 1}, {1, 1}} {
			q := randomMatrix(6, s[0], s[1])
			for _, r := range []AuON{{}, {Form: AuONCode}, {Steps: 1}, {Form: AuONCode, Steps: 5}} {
				if d := worst(update(t, dev, r, q.T()), update(t, dev, r, q).T()); d > 1e-13 {
					t.Errorf("%v, %+v: off by %.2g", s, r, d)
				}
			}
		}
	})
}

// Where ‖Q‖ is not far above its guard, U is shorter: a 3×3 of 10⁻⁹ gives
// ‖U‖ of about 0.02.
func TestAuONGuardShortensTinyMomentum(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := device.NewDense[float64](3, 3)
		for i := range q.Data {
			q.Data[i] = 1e-9
		}
		if got, want := norm(update(t, dev, AuON{}, q)), 3e-9/(3e-9+1e-7); math.Abs(got-want) > 1e-5 {
			t.Errorf("‖U‖ = %v, want %v", got, want)
		}
	})
}

// Dion leaves in the momentum what a step does not use, so that with a rank
// below that of the gradient the sum of updates still follows all of it; with
// full rank one step is an orthogonal update.
func TestDionOfFullRankIsOrthogonal(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		for _, s := range [][2]int{{9, 5}, {5, 9}} {
			g := randomMatrix(8, s[0], s[1])
			k := start(t, dev, Dion{LearningRate: 1, Rank: 5, Momentum: noMomentum, Scale: Unscaled}, device.NewDense[float64](s[0], s[1]), nil)
			last := k.weights()
			for range 200 { // of power iteration on the same gradient
				last = k.weights()
				k.step(g)
			}
			u := k.weights()
			for i := range u.Data {
				u.Data[i] = last.Data[i] - u.Data[i]
			}
			for _, v := range singularValues(u) {
				if math.Abs(v-1) > 1e-6 {
					t.Errorf("%v: singular value %v", s, v)
				}
			}
		}
	})
}
