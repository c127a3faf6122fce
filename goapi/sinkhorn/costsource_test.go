package sinkhorn

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Every source gives the result of its costs as a matrix, whole and in tiles,
// with points without mass, and of any size.
func TestSources(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n, m, d = 30, 40, 3
		u := lcg(77, (n+m)*d)
		x := device.Dense[float64]{Rows: n, Cols: d, Stride: d, Data: u[:n*d]}
		y := device.Dense[float64]{Rows: m, Cols: d, Stride: d, Data: u[n*d:]}
		a, b := rising(n), rising(m)
		a[3], b[0], b[7] = 0, 0, 0
		big := y.Clone()
		for k := range big.Data {
			big.Data[k] *= 0x1p500
		}
		inner := func(i, j int) (s float64) {
			for k := range d {
				s += x.At(i, k) * y.At(j, k)
			}
			return s
		}
		distance := func(i, j int) float64 {
			return math.Sqrt(distances(x.Slice(i, i+1, 0, d), y.Slice(j, j+1, 0, d), 2).Data[0])
		}
		for name, test := range map[string]struct {
			source Source[float64]
			cost   func(i, j int) float64
			unit   float64
		}{
			"low rank":      {LowRank(x, y), inner, 1},
			"inner product": {InnerProduct(x, y), func(i, j int) float64 { return -inner(i, j) }, 1},
			"large":         {InnerProduct(x, big), func(i, j int) float64 { return -inner(i, j) }, 0x1p500},
			"cosine": {Cosine(x, big), func(i, j int) float64 {
				return 1 - inner(i, j)/norm(x.Row(i))/norm(y.Row(j))
			}, 1},
			"power 1": {Power(x, y, 1), distance, 1},
			"power 3": {Power(x, y, 3), func(i, j int) float64 { return math.Pow(distance(i, j), 3) }, 1},
			"power 4": {Power(x, y, 4), func(i, j int) float64 { return math.Pow(distance(i, j), 4) }, 1},
			"root":    {Power(x, y, .5), func(i, j int) float64 { return math.Sqrt(distance(i, j)) }, 1},
			"function": {Func(n, m, func(lo, hi int, dst device.Dense[float64]) {
				for i := lo; i < hi; i++ {
					for j := range m {
						dst.Set(i-lo, j, 0x1p-450*math.Abs(float64(i)-float64(j)))
					}
				}
			}), func(i, j int) float64 { return math.Abs(float64(i) - float64(j)) }, 0x1p-450},
		} {
			c := device.NewDense[float64](n, m)
			for i := range n {
				for j := range m {
					c.Set(i, j, test.cost(i, j))
				}
			}
			ε := .05 * largest(c)
			want := must(t, dev, Problem[float64]{Cost: c, A: a, B: b}, Options{Epsilon: ε, Tol: 1e-12, Normalize: true})
			exact := mustExact(t, dev, Problem[float64]{Cost: c, A: a, B: b})
			for _, o := range []Options{{Epsilon: ε * test.unit, Tol: 1e-12, Normalize: true}, {Epsilon: ε * test.unit, Tol: 1e-12, Normalize: true, Memory: 8, Method: Log}} {
				r := must(t, dev, Problem[float64]{Source: test.source, A: a, B: b}, o)
				size := largest(c)
				near(t, name+": cost", r.Cost/test.unit, want.Cost, 1e-11*size)
				near(t, name+": objective", r.Objective/test.unit, want.Objective, 1e-11*size)
				for _, k := range []int{0, 3} { // point 3 of X and 0 of Y have no mass
					near(t, name+": potentials", (r.F[k]-r.F[1])/test.unit, want.F[k]-want.F[1], 1e-9*size)
					near(t, name+": potentials", (r.G[k]-r.G[1])/test.unit, want.G[k]-want.G[1], 1e-9*size)
				}
			}
			e := mustExact(t, dev, Problem[float64]{Source: test.source, A: a, B: b})
			near(t, name+": exact cost", e.Cost/test.unit, exact.Cost, 1e-12*largest(c))
		}
	})
}

func TestBadSources(t *testing.T) {
	x := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{0, 1, 0, 0}}
	good := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: []float64{1, 1, 2, 1}}
	bad := x.Clone()
	bad.Data[1] = math.NaN()
	nan := func(lo, hi int, dst device.Dense[float64]) { dst.Set(0, 0, math.NaN()) }
	for name, test := range map[string]struct {
		p    Problem[float64]
		want error
	}{
		"source and costs":    {Problem[float64]{Cost: good, Source: Power(x, x, 3)}, device.ErrArgument},
		"source and points":   {Problem[float64]{X: good, Y: good, Source: Power(x, x, 3)}, device.ErrArgument},
		"dimensions":          {Problem[float64]{Source: LowRank(x, x.Slice(0, 2, 0, 1))}, device.ErrShape},
		"dimensions of power": {Problem[float64]{Source: Power(x, x.Slice(0, 2, 0, 1), 2)}, device.ErrShape},
		"NaN":                 {Problem[float64]{Source: InnerProduct(bad, x)}, device.ErrNotFinite},
		"NaN point":           {Problem[float64]{Source: Power(x, bad, 3)}, device.ErrNotFinite},
		"empty":               {Problem[float64]{Source: LowRank(x, device.Dense[float64]{})}, device.ErrEmpty},
		"origin":              {Problem[float64]{Source: Cosine(good, x)}, device.ErrArgument},
		"power 0":             {Problem[float64]{Source: Power(x, x, 0)}, device.ErrArgument},
		"power NaN":           {Problem[float64]{Source: Power(x, x, math.NaN())}, device.ErrArgument},
		"no function":         {Problem[float64]{Source: Func[float64](2, 2, nil)}, device.ErrArgument},
		"no points":           {Problem[float64]{Source: Func(0, 2, nan)}, device.ErrShape},
		"NaN of a function":   {Problem[float64]{Source: Func(2, 2, nan)}, device.ErrNotFinite},
	} {
		refuses(t, name, test.want, func() error {
			_, err := Solve(t.Context(), device.Go(), test.p, Options{Epsilon: 1})
			return err
		})
		refuses(t, name+", exact", test.want, func() error {
			_, err := Exact(t.Context(), device.Go(), test.p, ExactOptions{})
			return err
		})
	}
}
