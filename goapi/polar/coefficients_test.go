package polar

import (
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// The coefficients that the authors of the Polar Express publish for lower
// bound 1e-3, made with this cushion.
func TestExpressReproducesPublishedTable(t *testing.T) {
	want := []Coefficients{
		{8.28721201814563, -23.595886519098837, 17.300387312530933},
		{4.107059111542203, -2.9478499167379106, 0.5448431082926601},
		{3.9486908534822946, -2.908902115962949, 0.5518191394370137},
		{3.3184196573706015, -2.488488024314874, 0.51004894012372},
		{2.300652019954817, -1.6689039845747493, 0.4188073119525673},
		{1.891301407787398, -1.2679958271945868, 0.37680408948524835},
		{1.8750014808534479, -1.2500016453999487, 0.3750001645474248},
		{1.875, -1.25, 0.375},
	}
	got, deviation, err := ExpressCoefficients(1e-3, len(want), ExpressOptions{Cushion: 0.02407327424182761})
	if err != nil {
		t.Fatal(err)
	}
	for k, w := range want {
		g := got[k]
		// The last two intervals are so short that the equations lose
		// digits; the published last step is the limit, Taylor's.
		tol := []float64{1e-12, 1e-12, 1e-12, 1e-12, 1e-12, 1e-12, 1e-10, 1e-8}[k]
		for _, d := range []float64{g.A/w.A - 1, g.B/w.B - 1, g.C/w.C - 1} {
			if math.Abs(d) > tol {
				t.Errorf("step %d: %v, published %v", k+1, g, w)
				break
			}
		}
	}
	if deviation > 1e-14 {
		t.Errorf("eight steps leave %.3g", deviation)
	}
}

// The deviation that Express states is the true one, and its steps are better
// than Taylor's.
func TestExpressDeviation(t *testing.T) {
	for _, lower := range []float64{0.9, 0.3, 0.03, 1e-3, 1e-5} {
		for steps := 1; steps <= 6; steps++ {
			p, deviation, err := ExpressCoefficients(lower, steps, ExpressOptions{})
			if err != nil {
				t.Fatal(err)
			}
			worst, taylor := 0.0, 0.0
			for i := range 20001 {
				x := lower + (1-lower)*float64(i)/20000
				worst = max(worst, math.Abs(1-Apply(p, x)))
				y := x
				for range steps {
					y = Taylor5.At(y)
				}
				taylor = max(taylor, math.Abs(1-y))
			}
			if math.Abs(worst-deviation) > 1e-3*deviation+1e-14 {
				t.Errorf("lower %v, %d steps: deviation %.6g, stated %.6g", lower, steps, worst, deviation)
			}
			if worst > taylor+1e-13 {
				t.Errorf("lower %v, %d steps: %.3g, Taylor %.3g", lower, steps, worst, taylor)
			}
		}
	}
}

// max |1-p(σ)| on [lower,1] after k steps, to two digits.
func TestSchemesOnAnInterval(t *testing.T) {
	express, _, _ := ExpressCoefficients(1e-3, 8, ExpressOptions{Cushion: 0.02407327424182761})
	repeat := func(p Coefficients, n int) []Coefficients {
		s := make([]Coefficients, n)
		for i := range s {
			s[i] = p
		}
		return s
	}
	for _, c := range []struct {
		name  string
		steps []Coefficients
		lower float64
		want  float64
	}{
		{"cubic 5", repeat(Taylor3, 5), 0.1, .34},
		{"cubic 8", repeat(Taylor3, 8), 0.1, 1.7e-3},
		{"cubic 10", repeat(Taylor3, 10), 0.01, .47},
		{"quintic 5", repeat(Taylor5, 5), 0.1, 4.2e-3},
		{"quintic 8", repeat(Taylor5, 8), 0.01, .057},
		{"quintic 12", repeat(Taylor5, 12), 1e-3, .019},
		{"muon 5", repeat(MuonStep, 5), 0.1, .318},
		{"muon 5", repeat(MuonStep, 5), 1e-3, .529},
		{"muon 12", repeat(MuonStep, 12), 1e-3, .318},
		{"express 5", express[:5], 0.1, .124},
		{"express 8", express, 1e-4, .39},
	} {
		worst := 0.0
		for i := range 200001 { // dense near the lower end
			x := math.Pow(c.lower, 1-float64(i)/200000)
			worst = max(worst, math.Abs(1-Apply(c.steps, x)))
		}
		if math.Abs(worst/c.want-1) > 0.02 {
			t.Errorf("%s on [%v,1]: %.4g, want %.3g", c.name, c.lower, worst, c.want)
		}
	}
	lo, hi := math.Inf(1), 0.0
	for i := range 200001 {
		x := 0.02 + 0.98*float64(i)/200000
		y := Apply(repeat(MuonStep, 12), x)
		lo, hi = min(lo, y), max(hi, y)
	}
	if math.Abs(lo-.68183) > 2e-4 || math.Abs(hi-1.13436) > 2e-3 {
		t.Errorf("Muon's plateau is [%.5f,%.5f]", lo, hi)
	}
}

func TestExpressArguments(t *testing.T) {
	for _, c := range []struct {
		lower float64
		steps int
		o     ExpressOptions
	}{{0, 5, ExpressOptions{}}, {-1, 5, ExpressOptions{}}, {2, 5, ExpressOptions{}}, {math.NaN(), 5, ExpressOptions{}},
		{0.1, 0, ExpressOptions{}}, {0.1, 5, ExpressOptions{Cushion: 1}}, {0.1, 5, ExpressOptions{Safety: 0.5}}} {
		if _, _, err := ExpressCoefficients(c.lower, c.steps, c.o); !errors.Is(err, device.ErrArgument) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
