package picture

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// roundTicks are about six labels at multiples of 1, 2 or 5 times a power of
// ten; whole numbers only, if so asked.
type roundTicks struct{ whole bool }

func (r roundTicks) Ticks(lo, hi float64) []plot.Tick {
	step := roundStep((hi - lo) / 6)
	if r.whole {
		step = max(step, 1)
	}
	var ticks []plot.Tick
	// Counted, since adding up steps would not end where they are below the
	// resolution of the numbers.
	first := math.Ceil(lo / step)
	for k := range 20 {
		v := (first + float64(k)) * step
		if !(v <= hi) {
			break
		}
		ticks = append(ticks, plot.Tick{Value: v, Label: label(v, step)})
	}
	return ticks
}

// roundStep returns the next number from x on that is 1, 2 or 5 times a power
// of ten.
func roundStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 5} {
		if x <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// label writes v, a multiple of step, with the digits that tell it from its
// neighbours.
func label(v, step float64) string {
	digits := 1
	if v != 0 {
		digits = int(math.Floor(math.Log10(math.Abs(v)))-math.Floor(math.Log10(step))) + 1
	}
	digits = min(max(digits, 1), 12)
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64)
	if a := math.Abs(rounded); a == 0 || a >= 1e-3 && a < 1e5 {
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(rounded, 'e', -1, 64), "e")
	n, _ := strconv.Atoi(exponent)
	return mantissa + "e" + strconv.Itoa(n)
}

// logTicks label an axis of decimal logarithms: powers of ten, at most about
// eight of them, or round numbers between them on a short axis.
type logTicks struct{}

func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	if hi-lo < 1 {
		ticks := roundTicks{}.Ticks(math.Pow(10, lo), math.Pow(10, hi))
		for i := range ticks {
			ticks[i].Value = math.Log10(ticks[i].Value)
		}
		return ticks
	}
	every := int(hi-lo)/8 + 1
	var ticks []plot.Tick
	for e := int(math.Floor(lo)); e <= int(math.Ceil(hi)); e++ {
		power := math.Pow(10, float64(e))
		for m := 1.0; m < 10; m++ {
			t := plot.Tick{Value: float64(e) + math.Log10(m)}
			if m == 1 && e%every == 0 || hi-lo < 2 && (m == 1 || m == 2 || m == 5) {
				t.Label = label(m*power, m*power)
			}
			if t.Value < lo || t.Value > hi || m > 1 && every > 1 {
				continue
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}
