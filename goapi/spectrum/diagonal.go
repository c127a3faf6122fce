package spectrum

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// DiagOptions are the options of Diag.
type DiagOptions struct {
	// Method is XTrace for the leave-one-out estimator XDiag, Hutchinson for
	// that of Bekas, Kokiopoulou and Saad (Appl. Numer. Math. 2007), or
	// ExactTrace; "" means XTrace.
	Method TraceMethod
	Budget int // products; 0 means 100. From the dimension on, and below 8 dimensions, the diagonal is computed exactly
	Seed   uint64

	// Progress, if not nil, is called after each application, of at most 16
	// vectors, with the number of products made and of the most that there
	// will be.
	Progress func(done, total int)

	// State is where to go on from after an interruption.
	State State
}

// Diagonal is an estimate of a diagonal.
type Diagonal struct {
	Values   []float64
	StdErr   []float64 // of each value; 0 if they are exact
	Samples  int       // from which StdErr comes; 0 if the values are exact
	Products int
	Method   TraceMethod
}

// Interval returns the ends of the 95 % confidence interval of value i.
func (d *Diagonal) Interval(i int) (lo, hi float64) {
	return Estimate{Value: d.Values[i], StdErr: d.StdErr[i], Samples: d.Samples}.Interval()
}

// Diag estimates the diagonal of op from products with vectors of random
// signs. XDiag (Epperly, Tropp and Webber, SIAM J. Matrix Anal. 2024) takes
// away what lies in the range of the products, which pays where the
// eigenvalues decay; the plain estimator's error falls with the root of the
// budget whatever they do. Standard errors of XDiag are combined as those of
// XTrace are. Memory: ten vectors for each two products of XDiag. Errors as for Trace.
func Diag[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o DiagOptions) (*Diagonal, error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	if o.Method == "" {
		o.Method = XTrace
	}
	if o.Budget == 0 {
		o.Budget = 100
	}
	least := map[TraceMethod]int{Hutchinson: 2, XTrace: 6, ExactTrace: 1} // two samples of XDiag may be the same by symmetry
	switch minimum, known := least[o.Method]; {
	case !known:
		return nil, device.Argument("method", "is %q, must be xtrace, hutchinson or exact", string(o.Method))
	case o.Budget < minimum:
		return nil, device.Argument("budget", "is %d, at least %d products are needed", o.Budget, minimum)
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	op, exponent := sized(op)
	t := &tracer[T]{ctx: ctx, q: q, op: op, n: op.Dim(), seed: o.Seed, progress: o.Progress, most: o.Budget}
	var d *Diagonal
	err := t.resumable(o.State, "diagonal", map[string]any{
		"method": string(o.Method), "budget": o.Budget, "seed": o.Seed}, func() (err error) {
		switch {
		case o.Method == ExactTrace || o.Budget >= t.n || t.n < fewest:
			d, err = t.exactDiagonal()
		case o.Method == Hutchinson:
			d, err = t.plainDiagonal(o.Budget)
		default:
			d, err = t.xdiag(o.Budget / 2)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	d.Products = t.products
	unscale(exponent, d.Values, d.StdErr)
	return d, device.CheckInput("the diagonal", device.Vector(d.Values))
}

func (t *tracer[T]) exactDiagonal() (*Diagonal, error) {
	values, err := t.entries()
	return &Diagonal{Values: values, StdErr: make([]float64, t.n), Method: ExactTrace}, err
}

// deviation adds up samples of a diagonal, in float64.
type deviation struct {
	sum, squares []float64
	count        int
}

// add takes the rows of a, one sample each.
func (s *deviation) add(a device.Dense[float64]) {
	if s.count == 0 {
		s.sum, s.squares = make([]float64, a.Cols), make([]float64, a.Cols)
	}
	for i := range a.Rows {
		s.count++
		c := float64(s.count)
		for j, x := range a.Row(i) { // running mean (Welford)
			d := x - s.sum[j]
			s.sum[j] += d / c
			s.squares[j] += d * (x - s.sum[j])
		}
	}
}

func (s *deviation) stdErr() []float64 {
	e := make([]float64, len(s.squares))
	for j, x := range s.squares {
		e[j] = math.Sqrt(x / float64(s.count-1) / float64(s.count))
	}
	return e
}

func (t *tracer[T]) rows(a device.Matrix[T]) (device.Dense[float64], error) {
	d := device.NewDense[T](a.Rows, a.Cols)
	t.q.Download(d, a)
	return device.Convert[float64](d), t.q.Sync()
}

func (t *tracer[T]) plainDiagonal(budget int) (*Diagonal, error) {
	s := &t.record.samples
	err := t.each(budget, t.signs, func(z, y device.Matrix[T], _ int) error {
		t.q.Mul(z, y, y)
		samples, err := t.rows(y)
		if err == nil {
			s.add(samples)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &Diagonal{Values: s.sum, StdErr: s.stdErr(), Samples: budget, Method: Hutchinson}, nil
}

// xdiag averages k leave-one-out estimates. With sᵢ as in leaveOneOut, sample
// i is the diagonal of QQᵀH, common to all, and
// (Q·sᵢ)∘((sᵢᵀrᵢ)·ωᵢ - Z·sᵢ), Z = HQ.
func (t *tracer[T]) xdiag(k int) (*Diagonal, error) {
	sk := &sketch[T]{tracer: t, law: device.Rademacher}
	if err := sk.grow(k); err != nil {
		return nil, err
	}
	if err := sk.image(); err != nil {
		return nil, err
	}
	q := t.q
	common, product := q.Alloc(1, t.n), q.Alloc(k, t.n)
	q.Mul(sk.basis, sk.z, product)
	q.Reduce(device.Sum, device.PerCol, product, common)
	base, err := t.rows(common)
	if err != nil {
		return nil, err
	}
	d := &Diagonal{Values: base.Row(0), StdErr: make([]float64, t.n), Method: XTrace}
	s, ok := leaveOneOut(sk.r)
	if !ok { // the products do not span k directions: nothing is left out
		if spanned, err := sk.spans(); err != nil || spanned {
			return d, err
		}
		return t.plainSamples(sk)
	}
	host, factors := device.NewDense[T](k, k), make([]T, k)
	for i := range k {
		for j := range k {
			host.Set(i, j, T(s.At(j, i)))
		}
		factors[i] = T(mat.Dot(s.ColView(i), sk.r.ColView(i)))
	}
	st, f := q.Alloc(k, k), q.Alloc(1, k)
	q.Upload(st, host)
	q.Upload(f, device.Vector(factors))
	p := parts[T]{a: q.Alloc(k, t.n), b: q.Alloc(k, t.n), ω: q.Alloc(k, t.n)}
	q.ScaleBy(device.PerRow, f, sk.ω, p.ω)
	q.Gemm(device.NoTrans, device.NoTrans, 1, st, sk.basis, 0, p.a)
	q.Gemm(device.NoTrans, device.NoTrans, 1, st, sk.z, 0, p.b)
	q.Add(1, device.NoTrans, p.ω, -1, device.NoTrans, p.b, product)
	q.Mul(p.a, product, product)
	samples, err := t.rows(product)
	if err != nil {
		return nil, err
	}
	jackknife, err := t.withoutOne(p, s)
	if err != nil {
		return nil, err
	}
	var dev deviation
	dev.add(samples)
	for i, x := range dev.sum {
		d.Values[i] += x
	}
	d.StdErr, d.Samples = dev.stdErr(), k
	for i, x := range d.StdErr {
		if jackknife[i] > x {
			d.StdErr[i] = math.Pow(x, 1-diagWeight) * math.Pow(jackknife[i], diagWeight)
		}
	}
	return d, nil
}

// spans reports whether the random vectors are independent. Few signs may not
// be, and then their products say nothing about the rank of the operator.
func (s *sketch[T]) spans() (bool, error) {
	gram, err := s.inner(s.ω, s.ω)
	if err != nil {
		return false, err
	}
	sym := mat.NewSymDense(s.k, nil)
	for i := range s.k {
		for j := i; j < s.k; j++ {
			sym.SetSym(i, j, gram.At(i, j))
		}
	}
	values, _ := eigh(sym)
	return values[0] > 1e-3, nil // the determinant is a whole number
}

// plainSamples is the plain estimate from the products of a sketch.
func (t *tracer[T]) plainSamples(sk *sketch[T]) (*Diagonal, error) {
	product := t.q.Alloc(sk.k, t.n)
	t.q.Mul(sk.ω, sk.y, product)
	samples, err := t.rows(product)
	if err != nil {
		return nil, err
	}
	var dev deviation
	dev.add(samples)
	return &Diagonal{Values: dev.sum, StdErr: dev.stdErr(), Samples: sk.k, Method: Hutchinson}, nil
}

// diagWeight is that of the jackknife in the standard errors of XDiag, see
// combined.
const diagWeight = 1.0 / 3

// parts are the rows (Q·sᵢ)ᵀ, (Z·sᵢ)ᵀ and (sᵢᵀrᵢ)·ωᵢᵀ.
type parts[T device.Float] struct{ a, b, ω device.Matrix[T] }

// withoutOne returns the jackknife standard errors of xdiag: of the estimates
// that leave out one vector more. With g = sᵢᵀsⱼ and w = 1/(1-g²), the sample
// of ωᵢ without ωⱼ is, but for what is common to all,
//
//	-w·(aᵢ∘bᵢ + aⱼ∘bⱼ - g·(aᵢ∘bⱼ + aⱼ∘bᵢ)) + w·ωᵢ∘(aᵢ - g·aⱼ)
//
// so that the sums over i are products with the matrices of w and g·w.
func (t *tracer[T]) withoutOne(p parts[T], s *mat.Dense) ([]float64, error) {
	q := t.q
	defer q.Scope()()
	k := p.a.Rows
	var gram mat.Dense
	gram.Mul(s.T(), s)
	w, gw, total := device.NewDense[T](k, k), device.NewDense[T](k, k), make([]T, k)
	for i := range k {
		sum := 0.0
		for j := range k {
			if i != j {
				g := gram.At(i, j)
				x := 1 / ((1 - g*g) * float64(k-1))
				w.Set(i, j, T(x))
				gw.Set(i, j, T(g*x))
				sum += x
			}
		}
		total[i] = T(sum)
	}
	W, GW, all := q.Alloc(k, k), q.Alloc(k, k), q.Alloc(1, k)
	q.Upload(W, w)
	q.Upload(GW, gw)
	q.Upload(all, device.Vector(total))
	x, sum, difference := q.Alloc(k, t.n), q.Alloc(k, t.n), q.Alloc(k, t.n)
	add := func(f T, y device.Matrix[T]) { q.Add(1, device.NoTrans, sum, f, device.NoTrans, y, sum) }
	// w·aᵢ∘(ωᵢ - bᵢ)
	q.Add(1, device.NoTrans, p.ω, -1, device.NoTrans, p.b, difference)
	q.Mul(p.a, difference, x)
	q.Gemm(device.NoTrans, device.NoTrans, 1, W, x, 0, sum)
	// -w·aⱼ∘bⱼ
	q.Mul(p.a, p.b, x)
	q.ScaleBy(device.PerRow, all, x, x)
	add(-1, x)
	// g·w·aᵢ∘bⱼ
	q.Gemm(device.NoTrans, device.NoTrans, 1, GW, p.a, 0, x)
	q.Mul(x, p.b, x)
	add(1, x)
	// g·w·aⱼ∘(bᵢ - ωᵢ)
	q.Gemm(device.NoTrans, device.NoTrans, -1, GW, difference, 0, x)
	q.Mul(x, p.a, x)
	add(1, x)
	estimates, err := t.rows(sum)
	if err != nil {
		return nil, err
	}
	var dev deviation
	dev.add(estimates)
	e := make([]float64, t.n)
	for i, y := range dev.squares {
		e[i] = math.Sqrt(float64(k-1) / float64(k) * y)
	}
	return e, nil
}
