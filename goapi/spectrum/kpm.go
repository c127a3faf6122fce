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
	q := device.NewQueue[T](dev)
	defer q.Close()
	c := &Chebyshev{Dim: op.Dim(), Lo: o.Lo, Hi: o.Hi}
	given := o.Lo != 0 || o.Hi != 0
	if !given {
		if err := bound(ctx, q, op, o, c); err != nil {
			return nil, err
		}
	}
	for {
		inside, err := moments(ctx, q, op, o, c)
		if err != nil || inside {
			return c, err
		}
		if given {
			return nil, device.Argument("bounds", "[%v,%v] do not hold the spectrum", o.Lo, o.Hi)
		}
		margin := 0.1 * (c.Hi - c.Lo)
		c.Lo, c.Hi = c.Lo-margin, c.Hi+margin
	}
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
	margin := 0.02 * (c.Hi - c.Lo)
	if !(margin > 0) { // a multiple of the identity
		margin = max(math.Abs(c.Hi), 1) * 1e-3
	}
	c.Lo, c.Hi = c.Lo-margin, c.Hi+margin
	c.Products += t.Products
	return nil
}

// moments computes the moments of all probes, and reports whether they are
// those of a measure on [-1,1].
func moments[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], o KPMOptions, c *Chebyshev) (inside bool, err error) {
	defer q.Scope()()
	n, p := c.Dim, o.Probes
	last, now, next := q.Alloc(p, n), q.Alloc(p, n), q.Alloc(p, n)
	for i := range p {
		q.Random(device.Rademacher, o.Seed, uint64(i), last.Row(i))
	}
	centre, half := (c.Hi+c.Lo)/2, (c.Hi-c.Lo)/2
	products := 0
	// step computes next = f/half·(H - centre)·now - before.
	step := func(f float64, before device.Matrix[T]) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := op.Apply(ctx, q, next, now); err != nil {
			return err
		}
		products += p
		q.Add(T(f/half), device.NoTrans, next, T(-f*centre/half), device.NoTrans, now, next)
		if !before.IsZero() {
			q.Add(1, device.NoTrans, next, -1, device.NoTrans, before, next)
		}
		c.Products += p
		if o.Progress != nil {
			o.Progress(products, p*((o.Moments+1)/2))
		}
		return nil
	}
	d, host := q.Alloc(2, p), device.NewDense[T](2, p)
	c.Moments = make([][]float64, p)
	for i := range c.Moments {
		c.Moments[i] = make([]float64, o.Moments)
		c.Moments[i][0] = 1
	}
	q.Copy(now, last)
	if err := step(1, device.Matrix[T]{}); err != nil {
		return false, err
	}
	if err := checkSymmetry(q, next, now); err != nil { // a shift changes nothing
		return false, err
	}
	now, next = next, now
	for k := 1; ; k++ { // last = T_{k-1}z, now = T_k z
		q.Dot(device.PerRow, now, now, d.Row(0))
		q.Dot(device.PerRow, now, last, d.Row(1))
		q.Download(host, d)
		if err := q.Sync(); err != nil {
			return false, err
		}
		for i, μ := range c.Moments {
			even, odd := 2*float64(host.At(0, i))/float64(n)-1, 2*float64(host.At(1, i))/float64(n)
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
				return false, checkProduct(q, now, products-p)
			}
		}
		if 2*k >= o.Moments-1 {
			return true, nil
		}
		if err := step(2, last); err != nil {
			return false, err
		}
		last, now, next = now, next, last
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
