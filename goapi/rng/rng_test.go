package rng

import (
	"math"
	"slices"
	"testing"
)

// The known answers of the reference implementation (Random123, kat_vectors).
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.counter, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

func TestNumbersDependOnPositionAlone(t *testing.T) {
	check := func(name string, f func(seed, stream, start uint64, dst []float64)) {
		whole := make([]float64, 101)
		f(7, 3, 0, whole)
		for _, start := range []int{0, 1, 2, 33, 100} {
			part := make([]float64, min(7, len(whole)-start))
			f(7, 3, uint64(start), part)
			if !slices.Equal(part, whole[start:start+len(part)]) {
				t.Errorf("%s: numbers from %d differ from those of the whole", name, start)
			}
		}
		other := make([]float64, 101)
		f(8, 3, 0, other)
		if slices.Equal(other, whole) {
			t.Errorf("%s: the seed has no effect", name)
		}
		f(7, 4, 0, other)
		if slices.Equal(other, whole) {
			t.Errorf("%s: the stream has no effect", name)
		}
	}
	check("Normal", Normal[float64])
	check("Uniform", Uniform[float64])
	check("Rademacher", Rademacher[float64])
}

func TestFloat32IsRoundedFloat64(t *testing.T) {
	a, b := make([]float64, 1000), make([]float32, 1000)
	Normal(1, 2, 3, a)
	Normal(1, 2, 3, b)
	for i := range a {
		if float32(a[i]) != b[i] {
			t.Fatalf("number %d: %v and %v", i, a[i], b[i])
		}
	}
}

// The own elementary functions against the standard library.
func TestElementaryFunctions(t *testing.T) {
	u := make([]float64, 20000)
	Uniform(5, 0, 0, u)
	u = append(u, 0x1p-53, 1, 0.5, 0.25, 0.75, math.Nextafter(1, 0), math.Sqrt2/2)
	for _, x := range u {
		if x > 0 {
			if d := math.Abs(log(x) - math.Log(x)); d > 4e-16*max(1, -math.Log(x)) {
				t.Errorf("log(%v) is off by %g", x, d)
			}
		}
		sin, cos := sincosTurns(x)
		ws, wc := math.Sincos(2 * math.Pi * x)
		// The reference itself rounds 2πx, an error up to 2π·2⁻⁵³.
		if math.Abs(sin-ws) > 1.5e-15 || math.Abs(cos-wc) > 1.5e-15 {
			t.Errorf("sincos of %v turns = %v, %v; want %v, %v", x, sin, cos, ws, wc)
		}
	}
}

// Frozen numbers: a change here changes every seeded result of every user.
func TestNormalIsFrozen(t *testing.T) {
	x := make([]float64, 4)
	Normal(42, 0, 0, x)
	want := []float64{0x1.c5e30047aa1d8p-01, 0x1.c1e68eb623d7p-02, -0x1.40bc8bc52b056p-03, -0x1.c1889e75c5396p-07}
	for i := range x {
		if x[i] != want[i] {
			t.Errorf("number %d is %x, want %x", i, x[i], want[i])
		}
	}
}

// With a fixed seed these tests are deterministic; for a random one each
// would fail with probability below 1e-6 (five standard errors, or the
// corresponding Kolmogorov distance).
func TestDistributions(t *testing.T) {
	const n = 200000
	x := make([]float64, n)

	Normal(1, 0, 0, x)
	var m [5]float64
	for _, v := range x {
		p := 1.0
		for k := range m {
			m[k] += p / n
			p *= v
		}
	}
	for k, c := range map[int]struct{ want, variance float64 }{1: {0, 1}, 2: {1, 2}, 3: {0, 15}, 4: {3, 96}} {
		if d := math.Abs(m[k] - c.want); d > 5*math.Sqrt(c.variance/n) {
			t.Errorf("moment %d of Normal is %v, want %v", k, m[k], c.want)
		}
	}
	if d := kolmogorov(x, func(v float64) float64 { return 0.5 * math.Erfc(-v/math.Sqrt2) }); d > 2.7/math.Sqrt(n) {
		t.Errorf("Normal: Kolmogorov distance %v", d)
	}

	Uniform(1, 1, 0, x)
	if slices.Min(x) < 0 || slices.Max(x) >= 1 {
		t.Errorf("Uniform leaves [0,1): %v to %v", slices.Min(x), slices.Max(x))
	}
	if d := kolmogorov(x, func(v float64) float64 { return v }); d > 2.7/math.Sqrt(n) {
		t.Errorf("Uniform: Kolmogorov distance %v", d)
	}

	Rademacher(1, 2, 0, x)
	sum, lagged := 0.0, 0.0
	for i, v := range x {
		if v != 1 && v != -1 {
			t.Fatalf("Rademacher gave %v", v)
		}
		sum += v
		if i > 0 {
			lagged += v * x[i-1]
		}
	}
	if math.Abs(sum) > 5*math.Sqrt(n) || math.Abs(lagged) > 5*math.Sqrt(n) {
		t.Errorf("Rademacher: sum %v, lag-1 sum %v over %d", sum, lagged, n)
	}
}

// kolmogorov returns the largest distance between the empirical distribution
// of x, which it sorts, and cdf.
func kolmogorov(x []float64, cdf func(float64) float64) float64 {
	slices.Sort(x)
	d := 0.0
	for i, v := range x {
		f := cdf(v)
		d = max(d, math.Abs(f-float64(i)/float64(len(x))), math.Abs(f-float64(i+1)/float64(len(x))))
	}
	return d
}

func BenchmarkNormal(b *testing.B) {
	x := make([]float64, 4096)
	for b.Loop() {
		Normal(1, 0, 0, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096, "ns/number")
}

// Uniform numbers of float32 have 24 bits: with one more the largest would be
// rounded to 1.
func TestUniformFloat32HasItsBits(t *testing.T) {
	x := make([]float32, 1000)
	Uniform(3, 1, 0, x)
	odd := 0
	for _, v := range x {
		whole := float64(v) * 0x1p24
		if whole != math.Trunc(whole) || whole >= 0x1p24 {
			t.Fatalf("%v is no multiple of 2⁻²⁴ below 1", v)
		}
		odd += int(whole) & 1
	}
	if odd < 400 || odd > 600 { // six standard deviations
		t.Errorf("%d of 1000 have the last bit", odd)
	}
}
