package hessianalign

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
	"github.com/ritz-go/ritz/tests/refusal"
)

// variants are all penalties in all their forms.
func variants() []Penalty {
	var all []Penalty
	for _, kind := range Kinds {
		all = append(all, Penalty{Kind: kind, Alpha: 0.7, Beta: 0.3})
	}
	return append(all,
		Penalty{Kind: HGP, Alpha: 0.7, Beta: 0.3, MeanOfProducts: true},
		Penalty{Kind: HGP, Alpha: 0.7},
		Penalty{Kind: Diagonal, Alpha: 0.7, Beta: 0.3, Probes: 19, Seed: 5})
}

// Every penalty comes with its derivatives with respect to the head and to the
// features of every domain: central differences.
func TestPenaltiesComeWithTheirDerivatives(t *testing.T) {
	for _, c := range []int{1, 3} {
		for _, p := range variants() {
			t.Run(fmt.Sprintf("%d/%s", c, p.Kind), func(t *testing.T) {
				b := newBench(t, device.Go(), c, 3)
				domains := []*Domain[float64]{b.domain(1, 9), b.domain(2, 6), b.domain(3, 7)}
				const risk, weight = 0.4, 1.7
				value := func() float64 {
					v, err := Evaluate(t.Context(), b.q, p, domains, b.w, risk, weight, device.Matrix[float64]{}, nil)
					if err != nil {
						t.Fatal(err)
					}
					return risk*v.Risk + weight*v.Penalty
				}
				dw := b.q.Alloc(b.w.Rows, b.w.Cols)
				var dz []device.Matrix[float64]
				for _, m := range domains {
					dz = append(dz, b.q.Alloc(m.Features().Rows, m.Features().Cols))
				}
				v, err := Evaluate(t.Context(), b.q, p, domains, b.w, risk, weight, dw, dz)
				if err != nil {
					t.Fatal(err)
				}
				if got := risk*v.Risk + weight*v.Penalty; math.Abs(got-value()) > 1e-14 {
					t.Errorf("with derivatives %v, without %v", got, value())
				}
				if p.Kind != None && p.Kind != Fish && !(v.Penalty > 0) {
					t.Errorf("penalty %v", v.Penalty)
				}
				differences := func(a device.Matrix[float64]) device.Dense[float64] {
					const h = 1e-5
					return matrices.Filled[float64](a.Rows, a.Cols, func(i, j int) float64 {
						b.nudge(a, i, j, h)
						up := value()
						b.nudge(a, i, j, -2*h)
						down := value()
						b.nudge(a, i, j, h)
						return (up - down) / (2 * h)
					})
				}
				b.near("derivative of the head", b.get(dw), differences(b.w), 1e-8)
				for e, m := range domains {
					b.near(fmt.Sprintf("derivative of domain %d", e), b.get(dz[e]), differences(m.Features()), 1e-8)
				}
			})
		}
	}
}

// The values against their definitions, from gradients and dense Hessians.
func TestValuesOfPenalties(t *testing.T) {
	b := newBench(t, device.Go(), 3, 4)
	domains := []*Domain[float64]{b.domain(1, 20), b.domain(2, 30)}
	h := []device.Dense[float64]{b.dense(domains[0]), b.dense(domains[1])}
	g := []device.Dense[float64]{b.get(domains[0].Gradient()), b.get(domains[1].Gradient())}
	value := func(p Penalty) float64 {
		t.Helper()
		v, err := Evaluate(t.Context(), b.q, p, domains, b.w, 1, 1, device.Matrix[float64]{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v.Penalty
	}
	var iga, inner, hgp, diagonal float64
	n := len(g[0].Data)
	for i := range n {
		iga += (g[0].Data[i] - g[1].Data[i]) * (g[0].Data[i] - g[1].Data[i]) / 4
		inner += g[0].Data[i] * g[1].Data[i]
		diagonal += math.Pow(h[0].At(i, i)-h[1].At(i, i), 2) / 4
		var own [2]float64
		common := 0.0
		for j := range n {
			for e := range 2 {
				own[e] += h[e].At(i, j) * g[e].Data[j]
				for f := range 2 {
					common += h[e].At(i, j) * g[f].Data[j] / 4
				}
			}
		}
		hgp += (math.Pow(own[0]-common, 2) + math.Pow(own[1]-common, 2)) / 2
	}
	for name, pair := range map[string][2]float64{
		"IGA":      {value(Penalty{Kind: IGA, Beta: 2}), 2 * iga},
		"Fish":     {value(Penalty{Kind: Fish, Beta: 2}), -2 * inner},
		"HGP":      {value(Penalty{Kind: HGP, Alpha: 3, Beta: 2}), 3*hgp + 2*iga},
		"diagonal": {value(Penalty{Kind: Diagonal, Alpha: 3, Beta: 2}), 3*diagonal + 2*iga},
	} {
		if math.Abs(pair[0]-pair[1]) > 1e-13*math.Abs(pair[1]) {
			t.Errorf("%s: %v, want %v", name, pair[0], pair[1])
		}
	}
	// Two domains with the risks r and s have the variance (r-s)²/4.
	r, s := b.evaluate(domains[0]), b.evaluate(domains[1])
	if got := value(Penalty{Kind: VREx, Alpha: 1}); math.Abs(got-(r-s)*(r-s)/4) > 1e-15 {
		t.Errorf("V-REx: %v, want %v", got, (r-s)*(r-s)/4)
	}
}

// Equal domains have no penalty, and a head without gradient gives HGP zero,
// not NaN.
func TestEqualDomains(t *testing.T) {
	b := newBench(t, device.Go(), 3, 4)
	domains := []*Domain[float64]{b.domain(1, 20), b.domain(1, 20)}
	for _, p := range variants() {
		v, err := Evaluate(t.Context(), b.q, p, domains, b.w, 1, 1, device.Matrix[float64]{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind != Fish && p.Kind != IRM && !(math.Abs(v.Penalty) < 1e-15) {
			t.Errorf("%s: %v", p.Kind, v.Penalty)
		}
	}
}

func TestBadDomains(t *testing.T) {
	b := newBench(t, device.Go(), 3, 4)
	for name, c := range map[string]struct {
		d, outputs int
		labels     []int
		want       error
	}{
		"no samples":     {4, 3, nil, device.ErrEmpty},
		"no features":    {0, 3, []int{0}, device.ErrArgument},
		"no outputs":     {4, 0, []int{0}, device.ErrArgument},
		"negative label": {4, 3, []int{0, -1}, device.ErrArgument},
		"large label":    {4, 3, []int{0, 3}, device.ErrArgument},
		"binary label 2": {4, 1, []int{0, 2}, device.ErrArgument},
	} {
		refuses(t, name, c.want, func() error {
			_, err := NewDomain(b.q, c.d, c.labels, c.outputs)
			return err
		})
	}
	good, other := b.domain(1, 5), b.domain(2, 5)
	for name, bad := range refusal.Matrices(matrices.Normal[float64](1, 5, 4)) {
		refuses(t, "features, "+name, bad.Want, func() error { return good.SetFeatures(b.q, bad.A) })
	}
	refuses(t, "features of another shape", device.ErrShape, func() error {
		return good.SetFeatures(b.q, matrices.Normal[float64](1, 5, 3))
	})
	none := device.Matrix[float64]{}
	evaluate := func(p Penalty, domains []*Domain[float64], w, dw device.Matrix[float64], dz ...device.Matrix[float64]) error {
		_, err := Evaluate(t.Context(), b.q, p, domains, w, 1, 1, dw, dz)
		return err
	}
	both := []*Domain[float64]{good, other}
	wide := newBench(t, device.Go(), 3, 5).domain(1, 5)
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		want error
		f    func() error
	}{
		"kind":         {device.ErrArgument, func() error { return evaluate(Penalty{Kind: "x"}, both, b.w, none) }},
		"no kind":      {device.ErrArgument, func() error { return evaluate(Penalty{}, both, b.w, none) }},
		"NaN factor":   {device.ErrArgument, func() error { return evaluate(Penalty{Kind: HGP, Alpha: nan}, both, b.w, none) }},
		"Inf factor":   {device.ErrArgument, func() error { return evaluate(Penalty{Kind: HGP, Beta: inf}, both, b.w, none) }},
		"probes":       {device.ErrArgument, func() error { return evaluate(Penalty{Kind: Diagonal, Probes: -1}, both, b.w, none) }},
		"no domains":   {device.ErrEmpty, func() error { return evaluate(Recommended(HGP), nil, b.w, none) }},
		"one domain":   {device.ErrArgument, func() error { return evaluate(Recommended(HGP), both[:1], b.w, none) }},
		"nil domain":   {device.ErrArgument, func() error { return evaluate(Recommended(HGP), []*Domain[float64]{good, nil}, b.w, none) }},
		"other widths": {device.ErrShape, func() error { return evaluate(Recommended(HGP), []*Domain[float64]{good, wide}, b.w, none) }},
		"no dz":        {device.ErrShape, func() error { return evaluate(Recommended(HGP), both, b.w, b.w) }},
		"shape of dz":  {device.ErrShape, func() error { return evaluate(Recommended(HGP), both, b.w, b.w, b.w, b.w) }},
		"directions":   {device.ErrShape, func() error { return good.Product(b.q, b.w.RowRange(0, 2), b.w.RowRange(0, 2)) }},
		"radius": {device.ErrArgument, func() error {
			_, err := TransferBound(t.Context(), device.Go(), good, other, -1, 0)
			return err
		}},
		"probes of an estimate": {device.ErrArgument, func() error { return good.EstimateDiagonal(t.Context(), b.q, 0, 0, b.w) }},
	} {
		refuses(t, name, c.want, c.f)
	}
	b.q.Fill(inf, good.Features())
	refuses(t, "features that became infinite", device.ErrNotFinite, func() error { return evaluate(Recommended(HGP), both, b.w, none) })
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Evaluate(cancelled, b.q, Recommended(HGP), both, b.w, 1, 1, none, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
