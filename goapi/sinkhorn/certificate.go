package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Certificate bounds the errors of a result. All of it is computed in float64.
type Certificate struct {
	// MarginalL1 is ‖P·1-a‖₁ + ‖Pᵀ·1-b‖₁ over the total mass, for the plan
	// P of the potentials before rounding.
	MarginalL1 float64 `json:"marginal_l1"`
	// Gap is Upper - Lower.
	Gap float64 `json:"gap"`
	// Lower and Upper enclose the optimal cost without regularisation,
	// min ⟨C,P⟩: Lower is the value of a feasible dual solution, Upper the
	// cost of a feasible plan, each moved outwards by a bound of its
	// rounding errors.
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// certifier rebuilds plans from potentials in float64, tile by tile, and
// rounds them onto the marginals. It reads the costs twice.
type certifier[T device.Float] struct {
	q   device.Queue[float64]
	c   *costs[float64]
	r   *reduced[T]
	ε   float64
	own bool // q belongs to the certifier

	φ, ψ, a device.Matrix[float64]

	rounding
	marginal float64
	sums     []float64             // of the columns of the plan
	spent    []float64             // costs of the columns of the plan
	allowed  device.Dense[float32] // what checkFeasible returned
	// lost, if set, computes P·w in the precision of float32.
	lost func(w []float64) (sums []float64, ok bool)
}

// littleMass is what float32 is precise enough for, in sums of float64.
const littleMass = 1e-8

// rounding turns the plan P of the potentials, whose rows sum to a, into one
// that meets both marginals: keep·P·diag(cols) + lackA·lackBᵀ/Σ lackB.
type rounding struct {
	φ, ψ         []float64 // entropy form
	cols         []float64
	keep         float64 // 1, or less where detour replaces a part of the plan
	lackA, lackB []float64
	lack         float64 // Σ lackB, 0 for none
	// detour replaces the last term where pairs are forbidden, by row.
	detour []Entry[float64]
}

func newCertifier[T device.Float](dev device.Device, c *costs[T], r *reduced[T], ε float64) *certifier[T] {
	v := &certifier[T]{r: r, ε: ε}
	if same, ok := any(c).(*costs[float64]); ok {
		v.q, v.c = same.q, same
	} else {
		v.q, v.own = dev.F64(), true
		v.c = widenCosts(v.q, r)
	}
	v.φ, v.a, v.ψ = v.q.Alloc(1, r.n), v.q.Alloc(1, r.n), v.q.Alloc(1, r.m)
	upload(v.q, v.a, r.a, func(x float64) float64 { return x })
	return v
}

func (v *certifier[T]) close() {
	if v.own {
		v.q.Close()
	}
}

// rebuildFrom is rebuild with the ψ of an iteration.
func (v *certifier[T]) rebuildFrom(ψ device.Matrix[T], q device.Queue[T]) error {
	if same, ok := any(ψ).(device.Matrix[float64]); ok {
		return v.rebuild(same)
	}
	host := make([]T, v.r.m)
	q.Download(device.Vector(host), ψ)
	if err := q.Sync(); err != nil {
		return err
	}
	defer v.q.Scope()()
	wide := v.q.Alloc(1, v.r.m)
	upload(v.q, wide, device.Convert[float64](device.Vector(host)).Data, func(x float64) float64 { return x })
	return v.rebuild(wide)
}

// rebuildAt is rebuild with a ψ of the host.
func (v *certifier[T]) rebuildAt(ψ []float64) error {
	defer v.q.Scope()()
	wide := v.q.Alloc(1, v.r.m)
	v.q.Upload(wide, device.Vector(ψ))
	return v.rebuild(wide)
}

// rebuild takes ψ, solves the row constraints for it, rebuilds the plan and
// sets marginal, spent and the factors of the rounding.
func (v *certifier[T]) rebuild(ψ device.Matrix[float64]) error {
	n, m, q := v.r.n, v.r.m, v.q
	v.rounding = rounding{
		φ: make([]float64, n), ψ: make([]float64, m), cols: make([]float64, m), keep: 1,
		lackA: make([]float64, n), lackB: make([]float64, m),
	}
	v.sums, v.spent = make([]float64, m), make([]float64, m)
	defer q.Scope()()
	dsums, spent := q.Alloc(1, m), q.Alloc(1, m)
	q.Copy(v.ψ, ψ)
	v.c.planCosts(v.ε, v.ψ, v.a, v.φ, dsums, spent)
	q.Download(device.Vector(v.rounding.ψ), v.ψ)
	q.Download(device.Vector(v.rounding.φ), v.φ)
	q.Download(device.Vector(v.sums), dsums)
	q.Download(device.Vector(v.spent), spent)
	if err := q.Sync(); err != nil {
		return err
	}
	v.marginal = 0
	for j, s := range v.sums {
		b := v.r.b[j]
		v.marginal += math.Abs(s - b)
		v.cols[j] = 1
		if s > b {
			v.cols[j] = b / s
		} else {
			v.lackB[j] = b - s
			v.lack += b - s
		}
	}
	return nil
}

// bounds returns the cost of the rounded plan, which it completes, the value
// of a feasible dual solution (c-transforms of ψ), and the largest absolute
// potential in that.
func (v *certifier[T]) bounds(ctx context.Context) (upper, lower, size float64, err error) {
	n, m, q := v.r.n, v.r.m, v.q
	defer q.Scope()()
	f, h, g := q.Alloc(1, n), q.Alloc(1, m), q.Alloc(1, m)
	lackB, fill := q.Alloc(1, m), q.Alloc(1, n)
	// ψ/ε and φ/ε hold the logarithms of the weights: without them the
	// potentials come nearer to those of the unregularised problem.
	start := make([]float64, m)
	for j, x := range v.rounding.ψ {
		start[j] = x - v.ε*math.Log(v.r.b[j])
	}
	q.Upload(g, device.Vector(start))
	q.Upload(lackB, device.Vector(v.lackB))
	// f[i] = min over j of C[i,j]-g[j] is the best that goes with g, and then
	// h[j] = min over i of C[i,j]-f[i] the best that goes with this f.
	v.c.minTransform(g, lackB, f, h, fill)
	hf, hh, hfill := make([]float64, n), make([]float64, m), make([]float64, n)
	q.Download(device.Vector(hf), f)
	q.Download(device.Vector(hh), h)
	q.Download(device.Vector(hfill), fill)
	if err := v.missingRows(); err != nil {
		return 0, 0, 0, err
	}
	for i, x := range hf {
		lower += v.r.a[i] * x
		size = max(size, math.Abs(x))
	}
	for j, x := range hh {
		lower += v.r.b[j] * x
		size = max(size, math.Abs(x))
	}
	if v.r.barred {
		upper, err = v.upperBarred(ctx)
		return upper, lower, size, err
	}
	for j, x := range v.spent {
		upper += x * v.cols[j]
	}
	if v.lack > 0 {
		for i, x := range v.lackA {
			upper += x * hfill[i] / v.lack
		}
	}
	return upper, lower, size, nil
}

// missingRows sets lackA, what the rows lose by the factors of the columns:
// sums of small positive terms, without a cancellation.
func (v *certifier[T]) missingRows() error {
	n, m, q := v.r.n, v.r.m, v.q
	if v.lack == 0 {
		return q.Sync()
	}
	if v.lost != nil && v.lack < littleMass {
		w := make([]float64, m)
		for j, x := range v.cols {
			w[j] = 1 - x
		}
		if sums, ok := v.lost(w); ok {
			v.lackA = sums
			return q.Sync()
		}
	}
	if size := max(math.Abs(v.r.lo), math.Abs(v.r.hi)); v.lack*size < v.ε {
		return v.missingRowsBySoftMin()
	}
	defer q.Scope()()
	w, sums := q.Alloc(m, 1), q.Alloc(n, 1)
	upload(q, w.Reshape(1, m), v.cols, func(x float64) float64 { return 1 - x })
	tile := q.Alloc(v.c.high, m)
	v.c.each(func(lo, hi int, c device.Matrix[float64]) {
		k := tile.RowRange(0, hi-lo)
		device.PlanRows(q, v.ε, c, v.ψ, v.a.Slice(0, 1, lo, hi), k)
		q.Gemm(device.NoTrans, device.NoTrans, 1, k, w, 0, sums.RowRange(lo, hi))
	})
	q.Download(device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: v.lackA}, sums)
	return q.Sync()
}

// missingRowsBySoftMin is missingRows in one pass. Its potentials bring rounding
// errors of the size of the costs over ε in, relative to the little mass that is
// missing.
func (v *certifier[T]) missingRowsBySoftMin() error {
	q := v.q
	defer q.Scope()()
	ψ, s := q.Alloc(1, v.r.m), q.Alloc(1, v.r.n)
	part := make([]float64, v.r.m)
	for j, x := range v.cols {
		part[j] = v.rounding.ψ[j] + v.ε*math.Log(1-x) // -Inf where nothing is missing
	}
	q.Upload(ψ, device.Vector(part))
	v.c.rows(v.ε, ψ, s)
	q.Download(device.Vector(v.lackA), s)
	if err := q.Sync(); err != nil {
		return err
	}
	for i, x := range v.lackA {
		v.lackA[i] = math.Exp((v.rounding.φ[i] - x) / v.ε)
	}
	return nil
}

// upperBarred is the upper bound where pairs are forbidden.
func (v *certifier[T]) upperBarred(ctx context.Context) (float64, error) {
	got := make([]float64, v.r.n)
	for i, x := range v.lackA {
		got[i] = v.r.a[i] - x
	}
	if err := v.detour(ctx, got); err != nil {
		return 0, err
	}
	total := 0.0
	for j, x := range v.spent {
		total += v.keep * x * v.cols[j]
	}
	left := v.rounding.detour
	err := v.r.eachRow(func(i int, row []T) error {
		for ; len(left) > 0 && left[0].I == i; left = left[1:] {
			total += left[0].Mass * float64(row[left[0].J])
		}
		return nil
	})
	return total, err
}

// finish computes the bounds and assembles the result in the caller's units.
func (v *certifier[T]) finish(ctx context.Context, dev device.Device, p Problem[T], epsilon float64) (*Result[T], error) {
	upper, lower, size, err := v.bounds(ctx)
	if err != nil {
		return nil, err
	}
	r := v.r
	// Sums of k terms are wrong by at most k·eps/(1-k·eps) times the sum of
	// the absolute terms; the masses sum to one. Feasibility, too, holds up
	// to such errors. The factor 4 covers the few roundings of each term.
	k := float64(r.n + r.m + r.dim() + 16)
	costs := max(math.Abs(r.lo), math.Abs(r.hi))
	slack := 4 * k * device.Epsilon[float64]()
	unit := r.unit * r.mass
	res := &Result[T]{
		Cost:    upper * unit,
		Epsilon: epsilon,
		Certificate: Certificate{
			MarginalL1: v.marginal,
			Upper:      (upper + slack*costs) * unit,
			Lower:      (lower - slack*(costs+size)) * unit,
		},
		dev: dev, problem: p, reduced: r, rounding: v.rounding, ε: v.ε,
	}
	res.Certificate.Gap = res.Certificate.Upper - res.Certificate.Lower
	res.potentials(points(p))
	return res, nil
}
