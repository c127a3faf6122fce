package spectrum

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// KPMOptions are the options of KPM.
type KPMOptions struct {
	Moments int    // 0 means 100
	Probes  int    // 0 means 10
	Seed    uint64 // of the probes

	// Lo and Hi bound the spectrum. If both are 0, bounds come from 20 steps
	// of Lanczos, with a margin; they are widened if the moments show that
	// an eigenvalue lies outside.
	Lo, Hi float64

	// Progress, if not nil, is called after each application with the number
	// of products made and of all.
	Progress func(done, total int)

	// State is where to go on from after an interruption.
	State State
}

// Chebyshev approximates the spectral measure of an operator by moments of
// Chebyshev polynomials.
type Chebyshev struct {
	Dim      int
	Lo, Hi   float64     // the interval that is mapped to [-1,1]
	Moments  [][]float64 // zᵀT_n(H̃)z/zᵀz for each probe z and n = 0, 1, …
	Products int
}

// KPM runs the kernel polynomial method (Weiße, Wellein, Alvermann and
// Fehske, Rev. Mod. Phys. 2006) with Rademacher probes: it needs no inner
// products of basis vectors and keeps four vectors for each probe, whatever
// the number of moments. Each product gives two moments. All probes take part
// in each application. Cost: Probes·Moments/2 products and those of the
// bounds. Errors as for SLQ.
func KPM[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o KPMOptions) (*Chebyshev, error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	if o.Moments == 0 {
		o.Moments = 100
	}
	if o.Probes == 0 {
		o.Probes = 10
	}
	switch {
	case o.Moments < 2:
		return nil, device.Argument("moments", "is %d, must be at least 2", o.Moments)
	case o.Probes < 1:
		return nil, device.Argument("probes", "is %d, must be at least 1", o.Probes)
	case (o.Lo != 0 || o.Hi != 0) && !(o.Lo < o.Hi) || o.Hi-o.Lo-(o.Hi-o.Lo) != 0:
		return nil, device.Argument("bounds", "are [%v,%v], must be finite and ascending", o.Lo, o.Hi)
	}
	op, exponent := sized(op)
	bounds := []float64{o.Lo, o.Hi}
	unscale(-exponent, bounds)
	o.Lo, o.Hi = bounds[0], bounds[1]
	q := device.NewQueue[T](dev)
	defer q.Close()
	e := &expansion[T]{q: q, op: op, o: o, c: &Chebyshev{Dim: op.Dim(), Lo: o.Lo, Hi: o.Hi}}
	e.bounded = o.Lo != 0 || o.Hi != 0
	e.last, e.now, e.next = q.Alloc(o.Probes, op.Dim()), q.Alloc(o.Probes, op.Dim()), q.Alloc(o.Probes, op.Dim())
	e.kept = newKeeper[T](o.State, "kernel polynomials", op.Dim(), map[string]any{
		"moments": o.Moments, "probes": o.Probes, "seed": o.Seed, "lo": o.Lo, "hi": o.Hi})
	if _, err := e.kept.resume(ctx, q, op, e.walk); err != nil {
		return nil, err
	}
	if err := e.run(ctx); err != nil {
		return nil, e.kept.interrupted(ctx, err, q, e.walk)
	}
	err := e.kept.save(q, e.walk)
	e.c.Lo, e.c.Hi = math.Ldexp(e.c.Lo, exponent), math.Ldexp(e.c.Hi, exponent)
	return e.c, err
}

// expansion is a run of KPM.
type expansion[T device.Float] struct {
	q               device.Queue[T]
	op              Operator[T]
	o               KPMOptions
	c               *Chebyshev
	bounded         bool             // the interval is known
	k               int              // last and now are T_{k-1}z and T_k z; 0 before the first product
	last, now, next device.Matrix[T] // one row for each probe
	products        int              // on the present interval
	kept            *keeper[T]
}

func (e *expansion[T]) run(ctx context.Context) error {
	c := e.c
	if !e.bounded {
		if err := bound(ctx, e.q, e.op, e.o, c); err != nil {
			return err
		}
		e.bounded = true
	}
	for {
		inside, err := e.moments(ctx)
		if err != nil || inside {
			return err
		}
		if e.o.Lo != 0 || e.o.Hi != 0 {
			return device.Argument("bounds", "do not hold the spectrum")
		}
		margin := 0.1 * (c.Hi - c.Lo)
		c.Lo, c.Hi = c.Lo-margin, c.Hi+margin
		e.k, e.products = 0, 0
	}
}

// walk visits the state between two products.
func (e *expansion[T]) walk(s stored[T]) {
	ends := []float64{e.c.Lo, e.c.Hi}
	s.numbers(&ends)
	e.c.Lo, e.c.Hi = ends[0], ends[1]
	flag(s, &e.bounded)
	for _, p := range []*int{&e.k, &e.c.Products, &e.products} {
		s.integer(p)
	}
	if e.k == 0 {
		return
	}
	if e.c.Moments == nil {
		e.c.Moments = make([][]float64, e.o.Probes)
	}
	for i := range e.c.Moments {
		s.numbers(&e.c.Moments[i])
	}
	s.matrix(e.last)
	s.matrix(e.now)
}

// bound sets the interval from a few Lanczos steps: the outermost Ritz values,
// their residuals, and a margin.
func bound[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], o KPMOptions, c *Chebyshev) error {
	defer q.Scope()()
	start := q.Alloc(1, c.Dim)
	q.Random(device.Normal, o.Seed^0xb0d5, 0, start)
	t, err := Lanczos(ctx, q, op, start, 20, FullReorth)
	if err != nil {
		return err
	}
	values, last := tridiagonalRow(t.Alpha, t.Beta, len(t.Alpha)-1)
	m := len(values) - 1
	c.Lo, c.Hi = values[0]-math.Abs(last[0])*t.Last, values[m]+math.Abs(last[m])*t.Last
	// Rounding must stay small beside the interval, also of a multiple of the
	// identity.
	margin := max(0.02*(c.Hi-c.Lo), math.Sqrt(device.Epsilon[T]())*max(math.Abs(c.Lo), math.Abs(c.Hi)))
	if margin == 0 {
		margin = 1e-3
	}
	c.Lo, c.Hi = c.Lo-margin, c.Hi+margin
	c.Products += t.Products
	return nil
}

// product computes next = H·now.
func (e *expansion[T]) product(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return e.op.Apply(ctx, e.q, e.next, e.now)
}

// mapped makes of next = H·now the next polynomial, f/half·(H - centre)·now -
// before, with the middle of the interval and half of its length.
func (e *expansion[T]) mapped(f float64, before device.Matrix[T]) {
	q, p := e.q, e.o.Probes
	centre, half := (e.c.Hi+e.c.Lo)/2, (e.c.Hi-e.c.Lo)/2
	q.Add(T(f/half), device.NoTrans, e.next, T(-f*centre/half), device.NoTrans, e.now, e.next)
	if !before.IsZero() {
		q.Add(1, device.NoTrans, e.next, -1, device.NoTrans, before, e.next)
	}
	e.products += p
	e.c.Products += p
	if e.o.Progress != nil {
		e.o.Progress(e.products, p*((e.o.Moments+1)/2))
	}
}

// begin makes the first product.
func (e *expansion[T]) begin(ctx context.Context) error {
	law := fewDimensions(e.c.Dim)
	for i := range e.o.Probes {
		e.q.Random(law, e.o.Seed, uint64(i), e.last.Row(i))
	}
	if law == device.Normal {
		if err := sphere(e.q, e.last); err != nil {
			return err
		}
	}
	e.c.Moments = make([][]float64, e.o.Probes)
	for i := range e.c.Moments {
		e.c.Moments[i] = make([]float64, e.o.Moments)
		e.c.Moments[i][0] = 1
	}
	e.q.Copy(e.now, e.last)
	if err := e.product(ctx); err != nil {
		return err
	}
	// Before the shift, which may leave nothing but rounding errors.
	if err := checkSymmetry(e.q, e.next, e.now); err != nil {
		return err
	}
	e.mapped(1, device.Matrix[T]{})
	e.now, e.next = e.next, e.now
	e.k = 1
	return nil
}

// moments computes the moments of all probes, and reports whether they are
// those of a measure on [-1,1].
func (e *expansion[T]) moments(ctx context.Context) (inside bool, err error) {
	q, p, n := e.q, e.o.Probes, float64(e.c.Dim)
	defer q.Scope()()
	if e.k == 0 {
		if err := e.begin(ctx); err != nil {
			return false, err
		}
	}
	d, host := q.Alloc(2, p), device.NewDense[T](2, p)
	for ; ; e.k++ {
		k := e.k
		if err := e.kept.due(q, e.walk); err != nil {
			return false, err
		}
		q.Dot(device.PerRow, e.now, e.now, d.Row(0))
		q.Dot(device.PerRow, e.now, e.last, d.Row(1))
		q.Download(host, d)
		if err := q.Sync(); err != nil {
			return false, err
		}
		for i, μ := range e.c.Moments {
			even, odd := 2*float64(host.At(0, i))/n-1, 2*float64(host.At(1, i))/n
			if k > 1 {
				odd -= μ[1]
			} else {
				odd /= 2
			}
			for at, x := range map[int]float64{2*k - 1: odd, 2 * k: even} {
				if at < len(μ) {
					μ[at] = x
				}
			}
			// Moments of a measure on [-1,1] are at most 1.
			if !(math.Abs(even) <= 1+1e-3) || !(math.Abs(odd) <= 1+1e-3) {
				return false, checkProduct(q, e.now, e.products-p)
			}
		}
		if 2*k >= e.o.Moments-1 {
			return true, nil
		}
		if err := e.product(ctx); err != nil {
			return false, err
		}
		e.mapped(2, e.last)
		e.last, e.now, e.next = e.now, e.next, e.last
	}
}

// jackson returns the factors that keep a sum of m Chebyshev terms from
// oscillating, and its density from being negative.
func jackson(m int) []float64 {
	g := make([]float64, m)
	a := math.Pi / float64(m+1)
	for n := range g {
		x := a * float64(n)
		g[n] = (float64(m-n+1)*math.Cos(x) + math.Sin(x)/math.Tan(a)) / float64(m+1)
	}
	return g
}

// expand returns the samples, one for each probe, of the integral of the
// function with the given Chebyshev coefficients.
func (c *Chebyshev) expand(coefficients []float64) Estimate {
	samples := make([]float64, len(c.Moments))
	for p, μ := range c.Moments {
		for n := range min(len(μ), len(coefficients)) {
			samples[p] += float64(c.Dim) * coefficients[n] * μ[n]
		}
	}
	return meanOf(samples, c.Products)
}

// Sum estimates tr f(H) with the moments as they are. Bias bounds what the
// moments that were not computed could add, as far as f is smooth. It is NaN
// without f or moments.
func (c *Chebyshev) Sum(f func(float64) float64) Estimate {
	if f == nil || len(c.Moments) == 0 {
		return Estimate{Value: math.NaN(), StdErr: math.NaN(), Products: c.Products}
	}
	m := len(c.Moments[0])
	a := c.coefficients(f, 2*m)
	e := c.expand(a[:m])
	for _, x := range a[m:] {
		e.Bias += float64(c.Dim) * math.Abs(x)
	}
	return e
}

// coefficients returns the first m Chebyshev coefficients of f on the
// interval, by the Chebyshev nodes.
func (c *Chebyshev) coefficients(f func(float64) float64, m int) []float64 {
	nodes := 2 * m
	a := make([]float64, m)
	for k := range nodes {
		φ := math.Pi * (float64(k) + 0.5) / float64(nodes)
		y := f((c.Hi+c.Lo)/2+(c.Hi-c.Lo)/2*math.Cos(φ)) * 2 / float64(nodes)
		for n := range a {
			a[n] += y * math.Cos(float64(n)*φ)
		}
	}
	a[0] /= 2
	return a
}

// Count estimates the number of eigenvalues in [lo,hi], with Jackson's
// damping, which smooths its ends over δ = π·(Hi-Lo)/(2·moments). Bias is what
// moving both ends by δ changes, inwards or outwards.
func (c *Chebyshev) Count(lo, hi float64) Estimate {
	if len(c.Moments) == 0 || !(lo <= hi) {
		return Estimate{Value: math.NaN(), StdErr: math.NaN(), Products: c.Products}
	}
	δ := math.Pi * (c.Hi - c.Lo) / float64(2*len(c.Moments[0]))
	e := c.expand(c.indicator(lo, hi))
	inner := c.expand(c.indicator(lo+δ, max(lo+δ, hi-δ))).Value
	outer := c.expand(c.indicator(lo-δ, hi+δ)).Value
	e.Bias = max(math.Abs(outer-e.Value), math.Abs(e.Value-inner))
	return e
}

// indicator returns the damped Chebyshev coefficients of 1 on [lo,hi], 0
// elsewhere.
func (c *Chebyshev) indicator(lo, hi float64) []float64 {
	angle := func(x float64) float64 {
		return math.Acos(min(max((2*x-c.Hi-c.Lo)/(c.Hi-c.Lo), -1), 1))
	}
	from, to := angle(hi), angle(lo) // the cosine falls
	g := jackson(len(c.Moments[0]))
	a := make([]float64, len(g))
	a[0] = (to - from) / math.Pi
	for n := 1; n < len(a); n++ {
		x := float64(n)
		a[n] = g[n] * 2 / (math.Pi * x) * (math.Sin(x*to) - math.Sin(x*from))
	}
	return a
}

// Density evaluates at the points of grid the density of eigenvalues, of
// integral 1, with Jackson's damping: it is not negative and smoothed over
// about π·(Hi-Lo)/(2·moments), less at the ends. stdErr is its standard error
// over the probes, NaN if there is one only.
func (c *Chebyshev) Density(grid []float64) (density, stdErr []float64) {
	density, stdErr = make([]float64, len(grid)), make([]float64, len(grid))
	if len(c.Moments) == 0 {
		return density, stdErr
	}
	a := jackson(len(c.Moments[0]))
	half := (c.Hi - c.Lo) / 2
	for k, t := range grid {
		x := (t - (c.Hi+c.Lo)/2) / half
		if !(x > -1 && x < 1) {
			continue
		}
		φ := math.Acos(x)
		terms := make([]float64, len(a))
		for n := range terms {
			terms[n] = 2 * a[n] * math.Cos(float64(n)*φ)
		}
		terms[0] = a[0]
		e := c.expand(terms)
		scale := 1 / (float64(c.Dim) * math.Pi * math.Sqrt(1-x*x) * half)
		density[k], stdErr[k] = e.Value*scale, e.StdErr*scale
	}
	return density, stdErr
}
