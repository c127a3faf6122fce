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
// rounds them onto the marginals.
type certifier[T device.Float] struct {
	q   device.Queue[float64]
	c   *costs[float64]
	r   *reduced[T]
	ε   float64
	own bool // q belongs to the certifier

	φ, ψ, εa device.Matrix[float64]
	rows     device.Matrix[float64] // factor of each row that makes its sum exact
	a, ones  device.Matrix[float64]
	tile     device.Matrix[float64]
	whole    device.Matrix[float64] // the rebuilt plan, if there is room for it

	rounding
	marginal float64
	allowed  device.Dense[float32] // what checkFeasible returned
}

// rounding turns the plan K of the potentials into one that meets both
// marginals: diag(rows)·K·diag(cols) + lackA·lackBᵀ/Σ lackB.
type rounding struct {
	φ, ψ         []float64 // entropy form
	rows, cols   []float64
	lackA, lackB []float64
	lack         float64 // Σ lackB, 0 for none
	// detour replaces the last term where pairs are forbidden, by row.
	detour []Entry[float64]
}

// newCertifier returns the certifier of plans with the costs c. It writes over
// kernel, the memory of an iteration's kernel or the zero Matrix.
func newCertifier[T device.Float](dev device.Device, c *costs[T], kernel device.Matrix[T], r *reduced[T], ε float64) *certifier[T] {
	v := &certifier[T]{r: r, ε: ε}
	if same, ok := any(c).(*costs[float64]); ok {
		v.q, v.c = same.q, same
		v.whole = any(kernel).(device.Matrix[float64])
	} else {
		v.q, v.own = dev.F64(), true
		v.c = widenCosts(v.q, r)
	}
	row := func(n int) device.Matrix[float64] { return v.q.Alloc(1, n) }
	v.φ, v.εa, v.rows, v.a = row(r.n), row(r.n), row(r.n), row(r.n)
	v.ψ, v.ones = row(r.m), row(r.m)
	v.tile = v.q.Alloc(v.c.high, r.m)
	upload(v.q, v.εa, r.a, func(x float64) float64 { return ε * math.Log(x) })
	upload(v.q, v.a, r.a, func(x float64) float64 { return x })
	v.q.Fill(1, v.ones)
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

// rebuild takes ψ, solves the row constraints for it in the log domain,
// rebuilds the plan and sets marginal and the factors of the rounding.
func (v *certifier[T]) rebuild(ψ device.Matrix[float64]) error {
	n, m, q := v.r.n, v.r.m, v.q
	v.rounding = rounding{
		φ: make([]float64, n), ψ: make([]float64, m), rows: make([]float64, n), cols: make([]float64, m),
		lackA: make([]float64, n), lackB: make([]float64, m),
	}
	q.Download(device.Vector(v.rounding.ψ), ψ)
	defer q.Scope()()
	q.Copy(v.ψ, ψ)
	v.c.softMinRows(v.ε, v.ψ, v.εa, v.φ)
	sums, part := q.Alloc(1, m), q.Alloc(1, m)
	v.c.each(func(lo, hi int, c device.Matrix[float64]) {
		k := v.planRows(lo, hi)
		device.Gibbs(q, v.ε, v.φ.Slice(0, 1, lo, hi), v.ψ, c, k)
		device.ScalingStep(q, k, v.a.Slice(0, 1, lo, hi), v.ones, v.rows.Slice(0, 1, lo, hi), part)
		q.Add(1, device.NoTrans, sums, 1, device.NoTrans, part, sums)
	})
	colSums := make([]float64, m)
	q.Download(device.Vector(v.rounding.φ), v.φ)
	q.Download(device.Vector(v.rounding.rows), v.rows)
	q.Download(device.Vector(colSums), sums)
	if err := q.Sync(); err != nil {
		return err
	}
	// The factors of the rows are 1 but for rounding errors. What they
	// change counts twice: in the rows and, at most, in the columns.
	v.marginal, v.lack = 0, 0
	for i, f := range v.rounding.rows {
		v.marginal += 2 * math.Abs(v.r.a[i]/f-v.r.a[i])
	}
	for j, s := range colSums {
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

// planRows returns where the rows [lo,hi) of the plan are kept.
func (v *certifier[T]) planRows(lo, hi int) device.Matrix[float64] {
	if v.whole.IsZero() {
		return v.tile.RowRange(0, hi-lo)
	}
	return v.whole.RowRange(lo, hi)
}

// upper returns the cost of the rounded plan and sets lackA.
func (v *certifier[T]) upper(ctx context.Context) (float64, error) {
	n, m, q := v.r.n, v.r.m, v.q
	defer q.Scope()()
	cols, lack := q.Alloc(m, 1), q.Alloc(m, 1)
	got, cost, fill := q.Alloc(n, 1), q.Alloc(n, 1), q.Alloc(n, 1)
	q.Upload(cols, device.Dense[float64]{Rows: m, Cols: 1, Stride: 1, Data: v.cols})
	q.Upload(lack, device.Dense[float64]{Rows: m, Cols: 1, Stride: 1, Data: v.lackB})
	v.c.each(func(lo, hi int, c device.Matrix[float64]) {
		k, kc := v.planRows(lo, hi), v.tile.RowRange(0, hi-lo)
		if v.whole.IsZero() {
			device.Gibbs(q, v.ε, v.φ.Slice(0, 1, lo, hi), v.ψ, c, k)
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, k, cols, 0, got.RowRange(lo, hi))
		if v.r.barred { // 0·∞ is no cost
			q.Map(device.InfToZero, c, kc)
			c = kc
		}
		q.Gemm(device.NoTrans, device.NoTrans, 1, c, lack, 0, fill.RowRange(lo, hi))
		q.Mul(k, c, kc)
		q.Gemm(device.NoTrans, device.NoTrans, 1, kc, cols, 0, cost.RowRange(lo, hi))
	})
	column := func(a device.Matrix[float64]) []float64 {
		x := make([]float64, n)
		q.Download(device.Dense[float64]{Rows: n, Cols: 1, Stride: 1, Data: x}, a)
		return x
	}
	g, c, f := column(got), column(cost), column(fill)
	if err := q.Sync(); err != nil {
		return 0, err
	}
	total := 0.0
	if v.r.barred {
		for i, s := range v.rounding.rows {
			g[i] *= s
		}
		if err := v.detour(ctx, g); err != nil {
			return 0, err
		}
		at := -1
		if err := v.r.eachRow(func(i int, row []T) error {
			total += v.rounding.rows[i] * c[i]
			for at+1 < len(v.rounding.detour) && v.rounding.detour[at+1].I == i {
				at++
				e := v.rounding.detour[at]
				total += e.Mass * float64(row[e.J])
			}
			return nil
		}); err != nil {
			return 0, err
		}
		return total, nil
	}
	for i, s := range v.rounding.rows {
		v.lackA[i] = max(0, v.r.a[i]-s*g[i])
		total += s * c[i]
		if v.lack > 0 {
			total += v.lackA[i] * f[i] / v.lack
		}
	}
	return total, nil
}

// lower returns the value of a feasible dual solution (c-transforms of ψ) and
// the largest absolute potential in it.
func (v *certifier[T]) lower() (value, size float64, err error) {
	n, m, q := v.r.n, v.r.m, v.q
	defer q.Scope()()
	// f[i] = min over j of C[i,j]-g[j] is the best that goes with g, and then
	// g[j] = min over i of C[i,j]-f[i] the best that goes with this f.
	f, g, zero := q.Alloc(1, n), q.Alloc(1, m), device.Matrix[float64]{}
	// ψ/ε and φ/ε hold the logarithms of the weights: without them the
	// potentials come nearer to those of the unregularised problem.
	start := make([]float64, m)
	for j, x := range v.rounding.ψ {
		start[j] = x - v.ε*math.Log(v.r.b[j])
	}
	q.Upload(g, device.Vector(start))
	v.c.softMin(0, g, zero, zero, f, g)
	hf, hg := make([]float64, n), make([]float64, m)
	q.Download(device.Vector(hf), f)
	q.Download(device.Vector(hg), g)
	if err := q.Sync(); err != nil {
		return 0, 0, err
	}
	for i, x := range hf {
		value += v.r.a[i] * x
		size = max(size, math.Abs(x))
	}
	for j, x := range hg {
		value += v.r.b[j] * x
		size = max(size, math.Abs(x))
	}
	return value, size, nil
}

// finish computes the bounds and assembles the result in the caller's units.
func (v *certifier[T]) finish(ctx context.Context, dev device.Device, p Problem[T], epsilon float64) (*Result[T], error) {
	upper, err := v.upper(ctx)
	if err != nil {
		return nil, err
	}
	lower, size, err := v.lower()
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
