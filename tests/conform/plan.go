package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

func testLogStep[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {1, 33}, {33, 1}, {9, 17}, {40, 300}, {300, 40}} {
		for _, ε := range []float64{2, 0.1} {
			b.logStep(s[0], s[1], ε)
		}
	}
	// No columns: nothing can be summed.
	none := b.blank(1, 3)
	device.LogStep(b.q, 1, b.q.Alloc(0, 3), b.q.Alloc(1, 3), b.q.Alloc(1, 0), b.q.Alloc(1, 0), none)
	b.near("LogStep of no rows", b.get(none), constant(0), constant(0))
}

// logStep compares kernel and composition with a float64 loop.
func (b *bench[T]) logStep(r, c int, ε float64) {
	b.t.Helper()
	C, g, a := b.random(r, c), b.random(1, c), device.NewDense[T](1, r)
	rng.Uniform(1, 2, 0, a.Data)
	if c > 2 {
		g.Set(0, 1, T(math.Inf(-1)))
	}
	f, sums := make([]float64, r), make([]float64, c)
	plan := device.NewDense[float64](r, c)
	for i := range r {
		a.Set(0, i, a.At(0, i)+0.1)
		top, sum := math.Inf(-1), 0.0
		for j := range c {
			top = max(top, float64(g.At(0, j))-float64(C.At(i, j)))
		}
		for j := range c {
			plan.Set(i, j, math.Exp((float64(g.At(0, j))-float64(C.At(i, j))-top)/ε))
			sum += plan.At(i, j)
		}
		f[i] = ε*math.Log(float64(a.At(0, i))/sum) - top
		for j := range c {
			plan.Set(i, j, plan.At(i, j)*float64(a.At(0, i))/sum)
			sums[j] += plan.At(i, j)
		}
	}
	// Exponents up to 8/ε are rounded a few times.
	relative := b.eps * (8 + 40/ε + 2*math.Sqrt(float64(r+c)))
	for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
		for _, gm := range b.vectors(g) {
			fm, sm := b.blank(1, r), b.blank(c, 1)
			check := func() {
				b.t.Helper()
				b.near("LogStep: f", b.get(fm), func(_, i int) float64 { return f[i] }, constant(b.eps*(40+2*math.Sqrt(float64(c)))))
				b.near("LogStep: s", b.get(sm), func(j, _ int) float64 { return sums[j] },
					func(j, _ int) float64 { return relative * sums[j] })
			}
			device.LogStep(q, T(ε), b.put(C), gm, b.put(a), fm, sm)
			check()
			var e device.Entries[T]
			const least = 1e-3
			e.Reset()
			device.LogStepEntries(q, T(ε), b.put(C), gm, b.put(a), fm, sm, least, &e)
			check()
			b.entries(e, plan, least, relative)
		}
	}
}

// entries checks that e holds the elements of the plan from least on.
func (b *bench[T]) entries(e device.Entries[T], plan device.Dense[float64], least, relative float64) {
	b.t.Helper()
	if len(e.Start) != plan.Rows+1 || e.Start[plan.Rows] != len(e.Col) || len(e.Val) != len(e.Col) {
		b.t.Fatalf("LogStepEntries: %d starts, %d columns, %d values for %d rows", len(e.Start), len(e.Col), len(e.Val), plan.Rows)
	}
	for i := range plan.Rows {
		got := make([]float64, plan.Cols)
		for k := e.Start[i]; k < e.Start[i+1]; k++ {
			got[e.Col[k]] = float64(e.Val[k])
		}
		for j, want := range plan.Row(i) {
			if math.Abs(want-least) <= relative*least {
				continue // on either side of the threshold
			}
			if want < least {
				want = 0
			}
			if !(math.Abs(got[j]-want) <= relative*want) {
				b.t.Fatalf("LogStepEntries: element %d, %d is %v, want %v", i, j, got[j], want)
			}
		}
	}
}
