package conform

import (
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

func testRandom[T device.Float](t *testing.T, b *bench[T]) {
	for d, f := range map[device.Distribution]func(seed, stream, start uint64, dst []T){
		device.Normal: rng.Normal[T], device.Uniform: rng.Uniform[T], device.Rademacher: rng.Rademacher[T],
	} {
		for _, s := range [][2]int{{1, 1}, {3, 7}, {200, 333}} {
			want := device.NewDense[T](s[0], s[1])
			f(9, 4, 0, want.Data)
			m := b.blank(s[0], s[1])
			b.q.Random(d, 9, 4, m)
			b.near("Random", b.get(m), at(want), constant(0))
		}
	}
}

func testSoftMin[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {1, 33}, {33, 1}, {9, 17}, {40, 300}, {300, 40}, tall} {
		r, c := s[0], s[1]
		for _, ε := range []float64{2, 0.1, 0} {
			C := b.random(r, c)
			for _, x := range []device.Axis{device.PerRow, device.PerCol} {
				outer, inner := r, c
				cost := at(C)
				if x == device.PerCol {
					outer, inner = c, r
					cost = op(device.Transp, C)
				}
				g := b.random(1, inner)
				if inner > 2 {
					g.Set(0, 1, T(math.Inf(-1)))
				}
				want := func(i int) float64 {
					top, sum := math.Inf(-1), 0.0
					for j := range inner {
						top = max(top, float64(g.At(0, j))-cost(i, j))
					}
					if ε == 0 {
						return -top
					}
					for j := range inner {
						sum += math.Exp((float64(g.At(0, j)) - cost(i, j) - top) / ε)
					}
					return -ε*math.Log(sum) - top
				}
				for _, gm := range b.vectors(g) {
					for _, out := range []device.Matrix[T]{b.blank(1, outer), b.blank(outer, 1), b.q.Alloc(outer, 1)} {
						device.SoftMin(b.q, x, T(ε), b.put(C), gm, out)
						b.near("SoftMin", b.get(out), func(i, j int) float64 { return want(max(i, j)) },
							constant(b.eps*(40+2*math.Sqrt(float64(inner)))))
					}
				}
			}
		}
	}
	none := device.NewDense[T](1, 5)
	for j := range none.Data {
		none.Data[j] = T(math.Inf(-1))
	}
	out := b.q.Alloc(1, 3)
	device.SoftMin(b.q, device.PerRow, 1, b.put(b.random(3, 5)), b.put(none), out)
	b.near("SoftMin without terms", b.get(out), constant(math.Inf(1)), constant(0))
}

// tall is a shape of which GPUs cut the columns into pieces.
var tall = [2]int{2200, 30}

func testGibbs[T device.Float](t *testing.T, b *bench[T]) {
	const r, c, ε = 19, 37, 0.25
	C, f, g := b.random(r, c), b.random(1, r), b.random(1, c)
	for _, fm := range b.vectors(f) {
		for _, gm := range b.vectors(g) {
			m := b.put(C)
			device.Gibbs(b.q, ε, fm, gm, m, m)
			want := func(i, j int) float64 {
				return math.Exp((float64(f.At(0, i)) + float64(g.At(0, j)) - float64(C.At(i, j))) / ε)
			}
			// The exponent, of size up to 12/ε, has an error of a few eps of its own size.
			b.near("Gibbs", b.get(m), want, func(i, j int) float64 { return b.eps * (4 + 40/ε) * want(i, j) })
		}
	}
}

func testScalingStep[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][2]int{{1, 1}, {7, 33}, {33, 7}, {150, 200}} {
		r, c := s[0], s[1]
		K, a, v := device.NewDense[T](r, c), device.NewDense[T](1, r), device.NewDense[T](1, c)
		rng.Uniform(1, 1, 0, K.Data)
		rng.Uniform(1, 2, 0, a.Data)
		rng.Uniform(1, 3, 0, v.Data)
		for j := range c {
			K.Set(0, j, 0)
		}
		a.Set(0, 0, 0)
		u := make([]float64, r)
		for i := range r {
			sum := 0.0
			for j := range c {
				sum += float64(K.At(i, j)) * float64(v.At(0, j))
			}
			if i > 0 {
				u[i] = float64(a.At(0, i)) / sum
			}
		}
		for _, am := range b.vectors(a) {
			um, sm := b.blank(1, r), b.blank(c, 1)
			device.ScalingStep(b.q, b.put(K), am, b.put(v), um, sm)
			b.near("ScalingStep: u", b.get(um), func(_, i int) float64 { return u[i] },
				func(_, i int) float64 { return float64(c+4) * b.eps * u[i] })
			b.near("ScalingStep: s", b.get(sm), func(j, _ int) float64 {
				sum := 0.0
				for i := range r {
					sum += float64(K.At(i, j)) * u[i]
				}
				return sum
			}, func(j, _ int) float64 {
				sum := 0.0
				for i := range r {
					sum += float64(K.At(i, j)) * u[i]
				}
				return float64(r+c+8) * b.eps * sum
			})
		}
	}
}

func testPairwiseCost[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range [][3]int{{1, 1, 1}, {9, 33, 2}, {33, 9, 5}, {70, 150, 17}} {
		x, y := b.random(s[0], s[2]), b.random(s[1], s[2])
		copy(y.Row(0), x.Row(0)) // a distance of exactly zero
		for p := 1; p <= 2; p++ {
			out := b.blank(s[0], s[1])
			device.PairwiseCost(b.q, p, b.put(x), b.put(y), out)
			want := func(i, j int) float64 {
				d := 0.0
				for k := range s[2] {
					e := float64(x.At(i, k)) - float64(y.At(j, k))
					d += e * e
				}
				if p == 1 {
					return math.Sqrt(d)
				}
				return d
			}
			b.near("PairwiseCost", b.get(out), want, func(i, j int) float64 { return float64(s[2]+4) * b.eps * want(i, j) })
		}
	}
}

func testSymMul[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range sizes {
		a := b.random(n, n)
		for i := range n {
			for j := range i {
				a.Set(i, j, a.At(j, i))
			}
		}
		for _, k := range []int{1, 3} {
			x, y := b.random(k, n), b.blank(k, n)
			device.SymMul(b.q, b.put(a), b.put(x), y)
			want, size := product(at(x), at(a), n)
			b.near("SymMul", b.get(y), want, func(i, j int) float64 { return b.eps * float64(n) * size(i, j) })
		}
	}
}

// Polynomials of one symmetric matrix commute: A²+I and A/2.
func testSymProduct[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range append([]int{257, 600}, sizes...) {
		x, first, second := b.random(n, n), b.blank(n, n), b.random(n, n)
		for i := range n {
			for j := range i {
				x.Set(i, j, x.At(j, i))
			}
		}
		b.q.Syrk(device.NoTrans, 1, b.put(x), 0, first)
		b.q.AddDiag(1, first)
		square := b.get(first)
		for i := range n {
			for j := range n {
				second.Set(i, j, x.At(i, j)/2)
			}
		}
		c := b.blank(n, n)
		device.SymProduct(b.q, first, b.put(second), c)
		if n > 100 {
			b.nearProduct("SymProduct", b.get(c), square, second)
			continue
		}
		want, size := product(at(square), at(second), n)
		// The square is rounded, which the other triangle of the product
		// feels too.
		b.near("SymProduct", b.get(c), want, func(i, j int) float64 {
			return b.eps * float64(n) * 2 * (size(i, j) + size(j, i))
		})
	}
}

// nearProduct holds C against A·B for symmetric A and B by what they do to a
// vector, in n² operations.
func (b *bench[T]) nearProduct(what string, c, x, y device.Dense[T]) {
	n := c.Rows
	t := b.random(n, 1)
	yt, yAbs, xAbs := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		for j := range n {
			yt[i] += float64(y.At(i, j)) * float64(t.Data[j])
			yAbs[i] += math.Abs(float64(y.At(i, j)) * float64(t.Data[j]))
			xAbs[i] += math.Abs(float64(x.At(i, j)) * float64(t.Data[j]))
		}
	}
	for i := range n {
		var got, want, size float64
		for j := range n {
			got += float64(c.At(i, j)) * float64(t.Data[j])
			want += float64(x.At(i, j)) * yt[j]
			size += math.Abs(float64(x.At(i, j)))*yAbs[j] + math.Abs(float64(y.At(i, j)))*xAbs[j]
		}
		if limit := 2 * b.eps * float64(n) * size; !(math.Abs(got-want) <= limit) {
			b.t.Errorf("%s: row %d times a vector is %v, not %v, off by more than %.2g", what, i, got, want, limit)
			return
		}
	}
}

// A lent matrix has the elements it was lent with, is not handed out as
// memory afterwards, and is refused when its scope has ended.
func testLend[T device.Float](t *testing.T, b *bench[T]) {
	a := b.random(70, 80).Slice(3, 70, 5, 80)
	before := a.Clone()
	end := b.q.Scope()
	m := device.Lend(b.q, a)
	sum := b.q.Alloc(67, 75)
	b.q.Add(2, device.NoTrans, m, 0, device.NoTrans, device.Matrix[T]{}, sum)
	b.near("twice a lent matrix", b.get(sum), func(i, j int) float64 { return 2 * float64(before.At(i, j)) }, constant(0))
	end()
	for range 3 {
		b.q.Fill(T(math.NaN()), b.q.Alloc(70, 80))
	}
	if err := b.q.Sync(); err != nil {
		t.Fatal(err)
	}
	b.near("a lent matrix afterwards", a, at(before), constant(0))
	b.q.Fill(1, m)
	if err := b.q.Sync(); !errors.Is(err, device.ErrShape) {
		t.Errorf("a lent matrix after its scope: %v", err)
	}
}

// Products of tall matrices, on devices that have a kernel for them.
func testTall[T device.Float](t *testing.T, b *bench[T]) {
	f, ok := b.q.(device.TallMuler[T])
	if !ok {
		return
	}
	for _, s := range [][2]int{{1, 1}, {5, 2}, {97, 9}, {1000, 64}, {2000, 33}} {
		m, n := s[0], s[1]
		a, x, y := b.random(m, n), device.NewDense[float64](n, n), device.NewDense[float64](n, 3)
		for i := range n {
			for j := i; j < n; j++ {
				x.Set(i, j, float64(1+(i*j)%7)/float64(n))
			}
			y.Set(i, i%3, 1/float64(i+1))
		}
		am := b.put(a)
		for _, x := range []device.Dense[float64]{{}, x} {
			ax, size := at(a), func(i, j int) float64 { return math.Abs(float64(a.At(i, j))) }
			if x.Data != nil {
				ax, size = product(at(a), at(x), n)
			}
			g, ok := f.TryTallGram(am, x)
			u := b.blank(m, 3)
			check := &device.TallCheck{W: device.NewDense[float64](n, device.TallProbes), Z: device.NewDense[float64](3, device.TallProbes)}
			rng.Normal(3, 0, 0, check.W.Data)
			rng.Normal(3, 1, 0, check.Z.Data)
			if !ok || !f.TryTallMul(am, x, y, u, check) {
				if err := b.q.Sync(); err != nil {
					t.Fatal(err)
				}
				continue // a device without these kernels, or not for this width
			}
			cached, cachedSize := table(m, n, ax), table(m, n, size)
			want, _ := product(func(i, j int) float64 { return cached.At(j, i) }, at(cached), m)
			_, bound := product(func(i, j int) float64 { return cachedSize.At(j, i) }, at(cachedSize), m)
			for i := range n {
				for j := range n {
					if d := math.Abs(g.At(i, j) - want(i, j)); !(d <= 0x1p-52*float64(m+2*n)*bound(i, j)) {
						t.Fatalf("TallGram %d×%d: (%d,%d) is off by %g", m, n, i, j, d)
					}
				}
			}
			want, bound = product(at(cached), at(y), n)
			b.near("TallMul", b.get(u), want, func(i, j int) float64 {
				return (b.eps + 0x1p-52*float64(2*n)) * (bound(i, j) + 1)
			})
			testTallCheck(t, a, b.get(u), check)
			again := b.blank(m, 3)
			f.TryTallMul(am, x, y, again, nil)
			stored := b.get(u)
			b.near("TallMul without a check", b.get(again), func(i, j int) float64 { return float64(stored.At(i, j)) }, constant(0))
		}
	}
}

// testTallCheck compares what TryTallMul measured of u with u.
func testTallCheck[T device.Float](t *testing.T, a, u device.Dense[T], check *device.TallCheck) {
	t.Helper()
	m, n, k := a.Rows, a.Cols, u.Cols
	for i := range k {
		for j := range k {
			want, size := 0.0, 0.0
			for l := range m {
				want += float64(u.At(l, i)) * float64(u.At(l, j))
				size += math.Abs(float64(u.At(l, i)) * float64(u.At(l, j)))
			}
			if d := math.Abs(check.Gram.At(i, j) - want); !(d <= 0x1p-52*float64(m)*size) {
				t.Fatalf("TallMul %d×%d: (%d,%d) of UᵀU is off by %g", m, n, i, j, d)
			}
		}
	}
	aw, awSize := product(at(a), at(check.W), n)
	uz, uzSize := product(at(u), at(check.Z), k)
	for p, got := range check.Squares {
		want, size := 0.0, 0.0
		for i := range m {
			want += (aw(i, p) - uz(i, p)) * (aw(i, p) - uz(i, p))
			size += (awSize(i, p) + uzSize(i, p)) * (awSize(i, p) + uzSize(i, p))
		}
		if d := math.Abs(got - want); !(d <= 0x1p-52*float64(m+2*n+2*k)*size) {
			t.Fatalf("TallMul %d×%d: the square of probe %d is off by %g", m, n, p, d)
		}
	}
}

// table evaluates a function of the indices once.
func table(r, c int, f func(i, j int) float64) device.Dense[float64] {
	d := device.NewDense[float64](r, c)
	for i := range r {
		for j := range c {
			d.Set(i, j, f(i, j))
		}
	}
	return d
}
