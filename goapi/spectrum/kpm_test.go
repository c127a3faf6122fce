package spectrum

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
)

// A hundred moments of a known spectrum: mass 1, a density that is nowhere
// negative, and moments by doubling within five standard errors of the exact
// ones, of which the first two are exact for a diagonal operator.
func TestChebyshevMomentsAndDensity(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n, probes = 800, 10
		d := outliers(n)
		c, err := KPM(ctx, dev, hartley(d), KPMOptions{Moments: 100, Probes: probes, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		if c.Lo > 0 || c.Hi < 10 || c.Hi-c.Lo > 11 {
			t.Errorf("bounds [%v,%v]", c.Lo, c.Hi)
		}
		// The substitution t = cos φ makes the integral that of a smooth
		// periodic function.
		const points = 4096
		grid, weights := make([]float64, points), make([]float64, points)
		for i := range grid {
			φ := math.Pi * (float64(i) + 0.5) / points
			grid[i] = (c.Hi+c.Lo)/2 + (c.Hi-c.Lo)/2*math.Cos(φ)
			weights[i] = math.Pi / points * (c.Hi - c.Lo) / 2 * math.Sin(φ)
		}
		density, stdErr := c.Density(grid)
		mass := 0.0
		for i, y := range density {
			if y < 0 || !(stdErr[i] >= 0) {
				t.Fatalf("density %v ± %v at %v", y, stdErr[i], grid[i])
			}
			mass += y * weights[i]
		}
		if math.Abs(mass-1) > 1e-10 {
			t.Errorf("mass %v", mass)
		}
		for k := range 100 {
			want, got := 0.0, 0.0
			for _, λ := range d {
				want += math.Cos(float64(k)*math.Acos((2*λ-c.Hi-c.Lo)/(c.Hi-c.Lo))) / n
			}
			for _, μ := range c.Moments {
				got += μ[k] / probes
			}
			if math.Abs(got-want) > 5/math.Sqrt(n*probes) {
				t.Errorf("moment %d is %v, want %v", k, got, want)
			}
		}
	})
}

// Doubled moments against those by the recurrence, one product each.
func TestDoubledMoments(t *testing.T) {
	const n = 60
	d := outliers(n)
	c, err := KPM(ctx, device.Go(), diagonal[float64](d), KPMOptions{Moments: 41, Probes: 2, Lo: -1, Hi: 11})
	if err != nil {
		t.Fatal(err)
	}
	for k := range 41 { // a sign vector weighs all eigenvalues alike
		want := 0.0
		for _, λ := range d {
			want += math.Cos(float64(k)*math.Acos((λ-5)/6)) / n
		}
		for p, μ := range c.Moments {
			if math.Abs(μ[k]-want) > 1e-12 {
				t.Errorf("probe %d, moment %d: %v, want %v", p, k, μ[k], want)
			}
		}
	}
	if c.Products != 2*20 {
		t.Errorf("%d products", c.Products)
	}
	e := c.Sum(math.Exp)
	want := 0.0
	for _, λ := range d {
		want += math.Exp(λ)
	}
	if math.Abs(e.Value-want) > e.Bias+1e-9*want || e.Bias > 1e-6*want {
		t.Errorf("tr exp H = %+v, want %v", e, want)
	}
}

func TestChebyshevEdges(t *testing.T) {
	d := outliers(400)
	op := diagonal[float64](d)
	c, err := KPM(ctx, device.Go(), op, KPMOptions{Moments: 400, Probes: 3})
	if err != nil {
		t.Fatal(err)
	}
	if e := c.Count(4, 11); math.Abs(e.Value-3) > 0.1 {
		t.Errorf("%v eigenvalues in [4,11], there are 3", e.Value)
	}
	for _, at := range []float64{0.01, 0.03, 1.1} {
		above := 0.0
		for _, λ := range d {
			if λ >= at {
				above++
			}
		}
		if e := c.Count(at, 11); math.Abs(e.Value-above) > e.Bias+4*e.StdErr {
			t.Errorf("%v ± %v eigenvalues above %v, bias %v, there are %v", e.Value, e.StdErr, at, e.Bias, above)
		}
	}
	if e := c.Count(c.Lo, c.Hi); math.Abs(e.Value-400) > 1e-9 {
		t.Errorf("%v eigenvalues in all", e.Value)
	}
	// Multiples of the identity, one dimension.
	for _, d := range [][]float64{{3}, {0, 0}, {2, 2, 2}} {
		c, err := KPM(ctx, device.Go(), diagonal[float64](d), KPMOptions{Moments: 10, Probes: 2})
		if err != nil {
			t.Fatal(err)
		}
		if e := c.Sum(func(x float64) float64 { return x }); math.Abs(e.Value-d[0]*float64(len(d))) > 1e-12 {
			t.Errorf("trace of %v is %v", d, e.Value)
		}
	}
	for name, o := range map[string]KPMOptions{
		"moments": {Moments: 1}, "negative moments": {Moments: -3}, "probes": {Probes: -1}, "empty interval": {Lo: 1, Hi: 1},
		"descending": {Lo: 1}, "infinite": {Lo: -1, Hi: math.Inf(1)}, "NaN": {Lo: math.NaN(), Hi: 1}, "too narrow": {Lo: -1, Hi: 9},
	} {
		refuses(t, name, device.ErrArgument, func() error { _, err := KPM(ctx, device.Go(), op, o); return err })
	}
	var empty Chebyshev
	if e := empty.Sum(math.Exp); !math.IsNaN(e.Value) {
		t.Errorf("sum of nothing: %v", e)
	}
	empty.Density([]float64{1})
	empty.Count(0, 1)
}

// A spectrum of one value, or of values that differ by rounding errors, is no
// reason to take the operator for one that is not symmetric, nor to look at the
// errors through a microscope.
func TestChebyshevOfOneValue(t *testing.T) {
	for _, v := range []float64{1, -3, 1e-9, 0} {
		for n := 1; n < 12; n++ {
			q := device.Go().F64()
			for _, op := range both(rotated(q, constants(n, v), 0, uint64(n))) {
				c, err := KPM(ctx, device.Go(), op, KPMOptions{Moments: 21, Probes: 3})
				if err != nil {
					t.Fatalf("%v·I, n = %d: %v", v, n, err)
				}
				if !(c.Lo < v && v < c.Hi) || c.Hi-c.Lo > 2.1e-3*max(math.Abs(v), 1e-9) && v != 0 {
					t.Errorf("%v·I, n = %d: the interval is [%v,%v]", v, n, c.Lo, c.Hi)
				}
				if e := c.Sum(identity); math.Abs(e.Value-float64(n)*v) > 1e-13*float64(n)*math.Max(math.Abs(v), 1e-3) {
					t.Errorf("%v·I, n = %d: trace %v", v, n, e.Value)
				}
				if c.Products > 20+3*11 {
					t.Errorf("%v·I, n = %d: %d products", v, n, c.Products)
				}
			}
			q.Close()
		}
	}
}

// An eigenvalue that the bounds have missed widens the interval until it is
// inside.
func TestChebyshevWidensItsInterval(t *testing.T) {
	const n = 50
	calls := 0
	op := Func(n, func(_ context.Context, dst, src []float64) error {
		for i, v := range src {
			dst[i] = v * float64(i) / n
		}
		if calls++; calls > 20 { // not yet there for the bounds
			dst[n-1] = 3 * src[n-1]
		}
		return nil
	})
	limited, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	c, err := KPM(limited, device.Go(), op, KPMOptions{Moments: 30, Probes: 2})
	if err != nil {
		t.Fatal(err)
	}
	if c.Hi < 3 || c.Hi > 4 {
		t.Errorf("the interval is [%v,%v]", c.Lo, c.Hi)
	}
	if want := 3 + float64((n-1)*(n-2))/2/n; math.Abs(c.Sum(identity).Value-want) > 1e-12 { // signs make it exact
		t.Errorf("trace %v, want %v", c.Sum(identity).Value, want)
	}
}
