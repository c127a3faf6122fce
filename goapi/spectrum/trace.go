package spectrum

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// TraceMethod names an estimator.
type TraceMethod string

const (
	Hutchinson TraceMethod = "hutchinson"
	HutchPP    TraceMethod = "hutch++"
	XTrace     TraceMethod = "xtrace"
	XNysTrace  TraceMethod = "xnystrace" // for positive semidefinite operators
)

// TraceOptions are the options of Trace.
type TraceOptions struct {
	Method TraceMethod // "" means XTrace
	Budget int         // products; 0 means 100. From half the dimension on, the trace is computed exactly
	Seed   uint64
}

// Trace estimates the trace of op. Hutchinson's error falls with the root of
// the budget; the others also exploit decaying eigenvalues. The samples of
// XTrace are then not quite independent, and its StdErr can be 1.6 times too
// small. Memory: two or
// three vectors for each product but Hutchinson's.
//
// An operator that is seen not to be symmetric, or for XNysTrace not positive
// semidefinite, is a *device.ArgumentError.
func Trace[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o TraceOptions) (Estimate, error) {
	if err := checkOperator(op); err != nil {
		return Estimate{}, err
	}
	if o.Method == "" {
		o.Method = XTrace
	}
	if o.Budget == 0 {
		o.Budget = 100
	}
	least := map[TraceMethod]int{Hutchinson: 1, HutchPP: 6, XTrace: 4, XNysTrace: 2}
	switch minimum, known := least[o.Method]; {
	case !known:
		return Estimate{}, device.Argument("method", "is %q, must be hutchinson, hutch++, xtrace or xnystrace", string(o.Method))
	case o.Budget < minimum:
		return Estimate{}, device.Argument("budget", "is %d, %s needs at least %d products", o.Budget, o.Method, minimum)
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	t := &tracer[T]{ctx: ctx, q: q, op: op, n: op.Dim(), seed: o.Seed}
	e, err := t.estimate(o)
	if x := e.Value; err == nil && x-x != 0 {
		return Estimate{}, &device.NotFiniteError{Name: "the trace", Value: x}
	}
	return e, err
}

func (t *tracer[T]) estimate(o TraceOptions) (Estimate, error) {
	switch {
	case o.Budget >= t.n:
		return t.exact()
	case o.Method == Hutchinson:
		return t.hutchinson(o.Budget)
	case o.Method == HutchPP:
		return t.hutchPP(o.Budget / 3)
	case o.Method == XTrace:
		return t.xtrace(o.Budget / 2)
	}
	return t.xnys(o.Budget)
}

// tracer holds what the estimators share.
type tracer[T device.Float] struct {
	ctx      context.Context
	q        device.Queue[T]
	op       Operator[T]
	n        int
	seed     uint64
	products int
}

// block is how many vectors an application takes where it is free to choose.
const block = 16

// random returns k random rows.
func (t *tracer[T]) random(d device.Distribution, stream uint64, k int) device.Matrix[T] {
	x := t.q.Alloc(k, t.n)
	t.q.Random(d, t.seed, stream, x)
	return x
}

func (t *tracer[T]) apply(x device.Matrix[T]) (device.Matrix[T], error) {
	y := t.q.Alloc(x.Rows, t.n)
	first := t.products == 0
	err := apply(t.ctx, t.q, t.op, y, x, &t.products)
	if err == nil && first {
		err = checkSymmetry(t.q, y, x)
	}
	return y, err
}

// host downloads a small matrix in float64.
func (t *tracer[T]) host(a device.Matrix[T]) (*mat.Dense, error) {
	d := device.NewDense[T](a.Rows, a.Cols)
	t.q.Download(d, a)
	if err := t.q.Sync(); err != nil {
		return nil, err
	}
	// The products were finite, their inner products can overflow.
	if err := device.CheckInput("inner products", d); err != nil {
		return nil, err
	}
	return device.ToMat(device.Convert[float64](d)), nil
}

// inner returns x·yᵀ for blocks of rows.
func (t *tracer[T]) inner(x, y device.Matrix[T]) (*mat.Dense, error) {
	defer t.q.Scope()()
	c := t.q.Alloc(x.Rows, y.Rows)
	t.q.Gemm(device.NoTrans, device.Transp, 1, x, y, 0, c)
	return t.host(c)
}

// rowDots returns the inner products of corresponding rows.
func (t *tracer[T]) rowDots(x, y device.Matrix[T]) ([]float64, error) {
	defer t.q.Scope()()
	d := t.q.Alloc(1, x.Rows)
	t.q.Dot(device.PerRow, x, y, d)
	h, err := t.host(d)
	if err != nil {
		return nil, err
	}
	return h.RawRowView(0), nil
}

// qr returns orthonormal rows that span those of y, and R with yᵀ = qᵀ·R.
func (t *tracer[T]) qr(y device.Matrix[T]) (device.Matrix[T], *mat.Dense, error) {
	basis := t.q.Alloc(y.Rows, t.n)
	defer t.q.Scope()()
	tall, r := t.q.Alloc(t.n, y.Rows), t.q.Alloc(y.Rows, y.Rows)
	t.q.Add(1, device.Transp, y, 0, device.NoTrans, device.Matrix[T]{}, tall)
	t.q.QR(tall, r)
	t.q.Add(1, device.Transp, tall, 0, device.NoTrans, device.Matrix[T]{}, basis)
	h, err := t.host(r)
	return basis, h, err
}

// exact applies the operator to the unit vectors.
func (t *tracer[T]) exact() (Estimate, error) {
	sum := 0.0
	for lo := 0; lo < t.n; lo += block {
		end := t.q.Scope()
		k := min(block, t.n-lo)
		x := t.q.Alloc(k, t.n)
		t.q.AddDiag(1, x.Slice(0, k, lo, lo+k))
		y, err := t.apply(x)
		if err != nil {
			return Estimate{}, err
		}
		d, err := t.rowDots(x, y)
		if err != nil {
			return Estimate{}, err
		}
		for _, v := range d {
			sum += v
		}
		end()
	}
	return Estimate{Value: sum, Products: t.products}, nil
}

func (t *tracer[T]) hutchinson(budget int) (Estimate, error) {
	var samples []float64
	for lo := 0; lo < budget; lo += block {
		end := t.q.Scope()
		z := t.random(device.Rademacher, uint64(lo), min(block, budget-lo))
		y, err := t.apply(z)
		if err != nil {
			return Estimate{}, err
		}
		d, err := t.rowDots(z, y)
		if err != nil {
			return Estimate{}, err
		}
		samples = append(samples, d...)
		end()
	}
	return meanOf(samples, t.products), nil
}

// hutchPP computes the trace on the range of H·S exactly and estimates that of
// the rest, with k products for each of the three parts.
func (t *tracer[T]) hutchPP(k int) (Estimate, error) {
	y, err := t.apply(t.random(device.Rademacher, 0, k))
	if err != nil {
		return Estimate{}, err
	}
	basis, _, err := t.qr(y)
	if err != nil {
		return Estimate{}, err
	}
	image, err := t.apply(basis)
	if err != nil {
		return Estimate{}, err
	}
	part, err := t.rowDots(basis, image)
	if err != nil {
		return Estimate{}, err
	}
	known := 0.0
	for _, v := range part {
		known += v
	}
	g := t.random(device.Rademacher, 1, k)
	c := t.q.Alloc(k, k)
	for range 2 {
		t.q.Gemm(device.NoTrans, device.Transp, 1, g, basis, 0, c)
		t.q.Gemm(device.NoTrans, device.NoTrans, -1, c, basis, 1, g)
	}
	hg, err := t.apply(g)
	if err != nil {
		return Estimate{}, err
	}
	rest, err := t.rowDots(g, hg)
	if err != nil {
		return Estimate{}, err
	}
	e := meanOf(rest, t.products)
	e.Value += known
	return e, nil
}

// sphere returns k random rows of norm √n, uniform on the sphere.
func (t *tracer[T]) sphere(k int) (device.Matrix[T], error) {
	x := t.random(device.Normal, 0, k)
	size, err := t.rowDots(x, x)
	if err != nil {
		return x, err
	}
	f := make([]T, k)
	for i, s := range size {
		f[i] = T(math.Sqrt(float64(t.n) / s))
	}
	d := t.q.Alloc(1, k)
	t.q.Upload(d, device.Vector(f))
	t.q.ScaleBy(device.PerRow, d, x, x)
	return x, nil
}

// xtrace averages k leave-one-out estimates: each takes the range of all
// products but one exactly and the one left out as Hutchinson's probe. All of
// them come from one QR factorization.
func (t *tracer[T]) xtrace(k int) (Estimate, error) {
	ω, err := t.sphere(k)
	if err != nil {
		return Estimate{}, err
	}
	y, err := t.apply(ω)
	if err != nil {
		return Estimate{}, err
	}
	basis, r, err := t.qr(y)
	if err != nil {
		return Estimate{}, err
	}
	z, err := t.apply(basis)
	if err != nil {
		return Estimate{}, err
	}
	m, err := t.inner(basis, z) // QᵀHQ
	if err != nil {
		return Estimate{}, err
	}
	w, err := t.inner(basis, ω) // QᵀΩ
	if err != nil {
		return Estimate{}, err
	}
	v, err := t.inner(z, ω) // (HQ)ᵀΩ
	if err != nil {
		return Estimate{}, err
	}
	square, err := t.rowDots(ω, ω)
	if err != nil {
		return Estimate{}, err
	}
	s, ok := leaveOneOut(r)
	if !ok { // the products do not span k directions: their trace is exact
		return Estimate{Value: mat.Trace(m), Products: t.products}, nil
	}
	samples := make([]float64, k)
	x := mat.NewVecDense(k, nil)
	mx := mat.NewVecDense(k, nil)
	for i := range k {
		si, wi, ri, vi := s.ColView(i), w.ColView(i), r.ColView(i), v.ColView(i)
		sw := mat.Dot(si, wi)
		x.AddScaledVec(wi, -sw, si)
		mx.MulVec(m, si)
		sms := mat.Dot(si, mx)
		mx.MulVec(m, x)
		scale := float64(t.n-k+1) / (square[i] - mat.Dot(wi, wi) + sw*sw)
		samples[i] = mat.Trace(m) - sms + scale*(sw*mat.Dot(si, ri)-mat.Dot(vi, x)+mat.Dot(x, mx))
	}
	return meanOf(samples, t.products), nil
}

// leaveOneOut returns R^-T with columns of unit length; column i is the
// direction of the range that only vector i contributes. ok is false if R is
// singular to working accuracy.
func leaveOneOut(r *mat.Dense) (s *mat.Dense, ok bool) {
	k, _ := r.Dims()
	largest := 0.0
	for i := range k {
		largest = max(largest, math.Abs(r.At(i, i)))
	}
	for i := range k {
		if !(math.Abs(r.At(i, i)) > 1e-14*largest) {
			return nil, false
		}
	}
	identity := mat.NewDense(k, k, nil)
	for i := range k {
		identity.Set(i, i, 1)
	}
	s = mat.NewDense(k, k, nil)
	if err := s.Solve(r.T(), identity); err != nil {
		var condition mat.Condition
		if !asCondition(err, &condition) {
			return nil, false
		}
	}
	for i := range k {
		col := mat.Col(nil, i, s)
		size := mat.Norm(mat.NewVecDense(k, col), 2)
		for j := range col {
			s.Set(j, i, col[j]/size)
		}
	}
	return s, true
}

func asCondition(err error, c *mat.Condition) bool {
	e, ok := err.(mat.Condition)
	*c = e
	return ok
}

// xnys is the leave-one-out form of the Nyström approximation HΩ(ΩᵀHΩ)⁻¹ΩᵀH,
// for positive semidefinite operators; each product serves twice.
func (t *tracer[T]) xnys(k int) (Estimate, error) {
	ω, err := t.sphere(k)
	if err != nil {
		return Estimate{}, err
	}
	y, err := t.apply(ω)
	if err != nil {
		return Estimate{}, err
	}
	size, err := norm(t.q, y)
	if err != nil {
		return Estimate{}, err
	}
	if size == 0 {
		return Estimate{Products: t.products}, nil
	}
	// A small shift makes the core positive definite; it is taken back.
	ν := device.Epsilon[T]() * size / math.Sqrt(float64(t.n))
	t.q.Add(1, device.NoTrans, y, T(ν), device.NoTrans, ω, y)
	basis, r, err := t.qr(y)
	if err != nil {
		return Estimate{}, err
	}
	core, err := t.inner(ω, y)
	if err != nil {
		return Estimate{}, err
	}
	gram, err := t.inner(ω, ω)
	if err != nil {
		return Estimate{}, err
	}
	w, err := t.inner(basis, ω)
	if err != nil {
		return Estimate{}, err
	}
	sym := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			sym.SetSym(i, j, (core.At(i, j)+core.At(j, i))/2)
		}
	}
	values, vectors := eigh(sym)
	if slices.Min(values) < -1e3*device.Epsilon[T]()*slices.Max(values) {
		return Estimate{}, device.Argument("operator", "is not positive semidefinite; use xtrace")
	}
	// N^-½ and N⁻¹ from the eigenvectors; eigenvalues at rounding level count
	// as that level.
	floor := device.Epsilon[T]() * slices.Max(values)
	root, inverse := mat.NewDense(k, k, nil), mat.NewDense(k, k, nil)
	for i := range k {
		for j := range k {
			a, b := 0.0, 0.0
			for l, λ := range values {
				p := vectors.At(i, l) * vectors.At(j, l)
				a += p / math.Sqrt(max(λ, floor))
				b += p / max(λ, floor)
			}
			root.Set(i, j, a)
			inverse.Set(i, j, b)
		}
	}
	var b, rn, gramInverse mat.Dense
	b.Mul(r, root)
	rn.Mul(r, inverse)
	if err := gramInverse.Inverse(gram); err != nil {
		var c mat.Condition
		if !asCondition(err, &c) {
			return Estimate{}, err
		}
	}
	whole := mat.Norm(&b, 2)
	samples := make([]float64, k)
	for i := range k {
		d := math.Sqrt(inverse.At(i, i))
		square, along := 0.0, 0.0
		for j := range k {
			s := rn.At(j, i) / d
			square += s * s
			along += s * w.At(j, i)
		}
		c := float64(t.n-k+1) * gramInverse.At(i, i)
		samples[i] = whole*whole - square + c*along*along - ν*float64(t.n)
	}
	return meanOf(samples, t.products), nil
}
