package picture

import (
	"errors"
	"math"
	"path/filepath"
	"strconv"
	"testing"

	"gonum.org/v1/plot"
)

// Whatever an axis shows, it has a few labels, each of which is its value to
// the digits of a step, and no two are the same.
func TestTicks(t *testing.T) {
	ranges := [][2]float64{
		{0, 1}, {1, 50}, {0, 169}, {-3.2, 7.9}, {2.0001, 2.0003}, {1e6 - 3, 1e6 + 3}, {-1e-9, 1e-9}, {0, 1e300},
		{-1e300, 1e300}, {3.9912e6, 3.99976e6}, {1e-12, 3e-12}, {0.5, 0.5000001}, {-40, -2}, {99, 101},
	}
	check := func(name string, ticks []plot.Tick, lo, hi, slack float64, least int, value func(float64) float64) {
		t.Helper()
		seen := map[string]bool{}
		for _, k := range ticks {
			if k.Value < lo || k.Value > hi {
				t.Errorf("%s %v to %v: a tick at %v", name, lo, hi, k.Value)
			}
			if k.Label == "" {
				continue
			}
			v, err := strconv.ParseFloat(k.Label, 64)
			if err != nil || math.Abs(v-value(k.Value)) > 1e-9*math.Abs(v)+slack || seen[k.Label] || len(k.Label) > 12 {
				t.Errorf("%s %v to %v: the label %q at %v", name, lo, hi, k.Label, k.Value)
			}
			seen[k.Label] = true
		}
		if len(seen) < least || len(seen) > 12 {
			t.Errorf("%s %v to %v: %d labels", name, lo, hi, len(seen))
		}
	}
	for _, r := range ranges {
		check("round", roundTicks{}.Ticks(r[0], r[1]), r[0], r[1], 1e-3*(r[1]-r[0]), 3, func(v float64) float64 { return v })
	}
	for _, r := range [][2]float64{{0, 2}, {1, 4}, {0, 50}, {0, 10000}} {
		for _, k := range (roundTicks{whole: true}).Ticks(r[0], r[1]) {
			if k.Value != math.Round(k.Value) {
				t.Errorf("%v to %v: a whole tick at %v", r[0], r[1], k.Value)
			}
		}
	}
	for _, r := range [][2]float64{{-17, 0}, {4, 5.2}, {0.1, 0.9}, {-7, 1}, {-300, 300}, {2.3, 2.5}, {-1, 1}, {0.01, 1.02}} {
		check("log", logTicks{}.Ticks(r[0], r[1]), r[0], r[1], 0, 2, func(x float64) float64 { return math.Pow(10, x) })
	}
}

// Numbers at the ends of their range are drawn, and what has none is refused.
func TestExtremes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.svg")
	for _, values := range [][]float64{{1e308, 1e-308}, {1e308, -1e308}, {0, 0}, {5e-324}, {1, 1, 1}, {math.MaxFloat64}} {
		if err := Spectrum(path, "title", "value", values); err != nil {
			t.Errorf("%v: %v", values, err)
		}
		if err := Curve(path, "title", "x", "y", append(values, 1)); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
	if err := Curve(path, "title", "x", "y", []float64{0, -1}); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing positive: %v", err)
	}
	if err := Spectrum(path, "title", "value", nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("no values: %v", err)
	}
	if err := Density(path, "title", []float64{0, 1}, []float64{0, 0}, nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("no density: %v", err)
	}
}
