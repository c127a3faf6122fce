package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

func testPlanCosts[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 2}, {9, 17}, {40, 300}, {300, 40}} {
		r, c := s[0], s[1]
		const ε = 0.3
		C, g, a := b.random(r, c), b.random(1, c), device.NewDense[T](1, r)
		rng.Uniform(1, 2, 0, a.Data)
		C.Set(r/2, 0, T(math.Inf(1)))
		f, sums, spent := make([]float64, r), make([]float64, c), make([]float64, c)
		for i := range r {
			p, top, sum := make([]float64, c), math.Inf(-1), 0.0
			for j := range c {
				top = max(top, float64(g.At(0, j))-float64(C.At(i, j)))
			}
			for j := range c {
				p[j] = math.Exp((float64(g.At(0, j)) - float64(C.At(i, j)) - top) / ε)
				sum += p[j]
			}
			f[i] = ε*math.Log(float64(a.At(0, i))/sum) - top
			for j, x := range p {
				x *= float64(a.At(0, i)) / sum
				sums[j] += x
				if x > 0 {
					spent[j] += x * float64(C.At(i, j))
				}
			}
		}
		relative := b.eps * (8 + 40/ε + 2*math.Sqrt(float64(r+c)))
		for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
			for _, gm := range b.vectors(g) {
				fm, sm, tm := b.blank(1, r), b.blank(1, c), b.blank(c, 1)
				device.PlanCosts(q, T(ε), b.put(C), gm, b.put(a), fm, sm, tm)
				b.near("PlanCosts: f", b.get(fm), func(_, i int) float64 { return f[i] }, constant(b.eps*(40+2*math.Sqrt(float64(c)))))
				b.near("PlanCosts: s", b.get(sm), func(_, j int) float64 { return sums[j] }, func(_, j int) float64 { return relative * sums[j] })
				b.near("PlanCosts: t", b.get(tm), func(j, _ int) float64 { return spent[j] }, func(j, _ int) float64 { return 5 * relative * sums[j] })
				// The rows sum to a, so that the columns do.
				total, want := 0.0, 0.0
				for _, x := range b.get(sm).Data {
					total += float64(x)
				}
				for _, x := range a.Data {
					want += float64(x)
				}
				if !(math.Abs(total-want) <= b.eps*2*math.Sqrt(float64(r*c))*want) {
					b.t.Fatalf("PlanCosts: the plan has the mass %v, want %v", total, want)
				}
			}
		}
	}
}

// Rows of a plan, which sum to a; a row of the weight 0 is 0.
func testPlanRows[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {1, 33}, {33, 1}, {40, 300}, {3, 1100}} {
		r, c := s[0], s[1]
		const ε = 0.2
		C, g, a := b.random(r, c), b.random(1, c), b.positive(1, r)
		if c > 2 {
			C.Set(r/2, 1, T(math.Inf(1)))
			g.Set(0, 2, T(math.Inf(-1)))
		}
		if r > 1 {
			a.Set(0, 1, 0)
		}
		for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
			for _, gm := range b.vectors(g) {
				p := b.blank(r, c)
				device.PlanRows(q, T(ε), b.put(C), gm, b.put(a), p)
				got := b.get(p)
				for i := range r {
					term := func(j int) float64 { return (float64(g.At(0, j)) - float64(C.At(i, j))) / ε }
					top, sum, total := math.Inf(-1), 0.0, 0.0
					for j := range c {
						top = max(top, term(j))
					}
					for j := range c {
						sum += math.Exp(term(j) - top)
						total += float64(got.At(i, j))
					}
					share := float64(a.At(0, i))
					if !(math.Abs(total-share) <= b.eps*(8+math.Sqrt(float64(c)))*share) {
						t.Fatalf("PlanRows %d×%d: row %d sums to %v, want %v", r, c, i, total, share)
					}
					for j := range c {
						want := share * math.Exp(term(j)-top) / sum
						if d := math.Abs(float64(got.At(i, j)) - want); !(d <= b.eps*(8+40/ε+math.Sqrt(float64(c)))*want) {
							t.Fatalf("PlanRows %d×%d: (%d,%d) is %v, want %v", r, c, i, j, got.At(i, j), want)
						}
					}
				}
			}
		}
	}
	device.PlanRows(b.q, 1, b.q.Alloc(0, 3), b.q.Alloc(1, 3), b.q.Alloc(1, 0), b.q.Alloc(0, 3))
	if err := b.q.Sync(); err != nil {
		t.Error(err)
	}
}

func testMinTransform[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {1, 33}, {33, 1}, {9, 17}, {40, 300}, {300, 40}, tall} {
		r, c := s[0], s[1]
		C, g, w := b.random(r, c), b.random(1, c), b.random(1, c)
		if c > 2 {
			C.Set(r/2, 1, T(math.Inf(1)))
		}
		f, h, d, size := make([]float64, r), make([]float64, c), make([]float64, r), make([]float64, r)
		for j := range h {
			h[j] = math.Inf(1)
		}
		for i := range r {
			f[i] = math.Inf(1)
			for j := range c {
				x := C.At(i, j)
				f[i] = min(f[i], float64(x-g.At(0, j)))
				if !math.IsInf(float64(x), 1) {
					d[i] += float64(x) * float64(w.At(0, j))
					size[i] += math.Abs(float64(x) * float64(w.At(0, j)))
				}
			}
			for j := range c {
				h[j] = min(h[j], float64(C.At(i, j)-T(f[i])))
			}
		}
		for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
			fm, hm, dm := b.blank(1, r), b.blank(c, 1), b.blank(1, r)
			check := func() {
				b.t.Helper()
				// One rounding of differences of numbers below 8.
				b.near("MinTransform: f", b.get(fm), func(_, i int) float64 { return f[i] }, constant(4*b.eps))
				b.near("MinTransform: h", b.get(hm), func(j, _ int) float64 { return h[j] }, constant(8*b.eps))
			}
			device.MinTransform(q, b.put(C), b.put(g), b.put(w), fm, hm, dm)
			check()
			b.near("MinTransform: d", b.get(dm), func(_, i int) float64 { return d[i] }, func(_, i int) float64 { return b.eps * float64(c+4) * size[i] })
			device.MinTransform(q, b.put(C), b.put(g), device.Matrix[T]{}, fm, hm, device.Matrix[T]{})
			check()
		}
	}
}
