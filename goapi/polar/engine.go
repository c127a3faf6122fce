package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// engine holds the matrix of an iteration, its Gram matrix on the smaller
// side, and the workspace of the steps. Nothing is allocated in a step.
type engine[T device.Float] struct {
	q    device.Queue[T]
	left bool // the Gram matrix multiplies from the left
	s, l int  // smaller and larger side
	eps  float64

	unit     float64 // rounding error of an element in the products of the steps
	coarsest float64 // the largest of them in any step
	exact    func()  // makes products exact from here on

	x, y    device.Matrix[T] // of the shape of the input: iterate and buffer
	gram, p device.Matrix[T] // s×s: Gram matrix and polynomial
	squared bool             // p holds the square of gram

	// Of the Gram form: the product of the polynomials since the last
	// restart, which have not been applied to x yet, and a buffer.
	acc, tmp device.Matrix[T] // s×s
	pending  bool
	even     device.Matrix[T] // s×s, of longer steps: the square of their argument

	losses   device.Matrix[T] // of fixed steps: squares of the losses after each
	kept     device.Matrix[T] // s×1, the diagonal of the Gram matrix meanwhile
	recorded *recorded[T]     // of fixed steps, if they are; the matrices are kept, then

	one   device.Matrix[T] // 1×1
	host  []T              // one element
	flops float64
}

func newEngine[T device.Float](q device.Queue[T], rows, cols int) *engine[T] {
	s, l := min(rows, cols), max(rows, cols)
	return &engine[T]{
		q: q, left: rows <= cols, s: s, l: l, eps: device.Epsilon[T](), unit: device.Epsilon[T](), coarsest: device.Epsilon[T](),
		gram: q.Alloc(s, s), p: q.Alloc(s, s), one: q.Alloc(1, 1), host: make([]T, 1),
	}
}

// iterates allocates the matrices of the input's shape.
func (e *engine[T]) iterates() {
	rows, cols := e.s, e.l
	if !e.left {
		rows, cols = cols, rows
	}
	e.x, e.y = e.q.Alloc(rows, cols), e.q.Alloc(rows, cols)
}

// more allocates acc and tmp.
func (e *engine[T]) more() {
	if e.acc.IsZero() {
		e.acc, e.tmp = e.q.Alloc(e.s, e.s), e.q.Alloc(e.s, e.s)
	}
}

func (e *engine[T]) cube() float64  { return float64(e.s) * float64(e.s) * float64(e.s) }
func (e *engine[T]) large() float64 { return float64(e.s) * float64(e.s) * float64(e.l) }

// number downloads what an operation left in e.one.
func (e *engine[T]) number() (float64, error) {
	e.q.Download(device.Vector(e.host), e.one)
	return float64(e.host[0]), e.q.Sync()
}

// reduce reduces the whole of a.
func (e *engine[T]) reduce(r device.Reduction, a device.Matrix[T]) (float64, error) {
	e.q.Reduce(r, device.Whole, a, e.one)
	return e.number()
}

// frobenius returns ‖a‖_F.
func (e *engine[T]) frobenius(a device.Matrix[T]) (float64, error) {
	sum, err := e.reduce(device.SumSquares, a)
	return math.Sqrt(sum), err
}

// finite returns an error if an element of x is not finite.
func (e *engine[T]) finite(x device.Matrix[T]) error {
	largest, err := e.reduce(device.MaxAbs, x)
	if err == nil && largest-largest != 0 {
		err = &device.NotFiniteError{Name: "iterate", Value: largest}
	}
	return err
}

// form computes the Gram matrix of x.
func (e *engine[T]) form(x device.Matrix[T]) {
	t := device.NoTrans
	if !e.left {
		t = device.Transp
	}
	e.q.Syrk(t, 1, x, 0, e.gram)
	e.squared = false
	e.flops += e.large()
}

// square leaves the square of the Gram matrix in p, as a product with its own
// transpose, which takes half the work of a general one.
func (e *engine[T]) square() {
	e.q.Syrk(device.NoTrans, 1, e.gram, 0, e.p)
	e.squared = true
	e.flops += e.cube()
}

// distance returns ‖gram - I‖_F.
func (e *engine[T]) distance() (float64, error) {
	e.q.AddDiag(-1, e.gram)
	d, err := e.frobenius(e.gram)
	e.q.AddDiag(1, e.gram)
	return d, err
}

// take takes a step. With cut, x becomes what all steps since the last restart
// make of it, stored in y before the two change places; without, only the Gram
// matrix of that is computed.
func (e *engine[T]) take(p step, cut bool) {
	switch {
	case p.rational && cut && !e.pending:
		e.solve(p.halley)
		return
	case p.rational:
		e.inverse(p.halley)
	case p.series != nil:
		e.series(p)
	default:
		e.polynomial(p.Coefficients)
	}
	if e.pending {
		device.SymProduct(e.q, e.p, e.acc, e.tmp)
		e.flops += e.cube()
	}
	if !cut {
		e.postpone()
		return
	}
	if e.pending {
		e.multiply(e.tmp)
	} else {
		e.multiply(e.p)
	}
}

// polynomial stores c.A·I + c.B·G + c.C·G² in p.
func (e *engine[T]) polynomial(c Coefficients) {
	none := device.Matrix[T]{}
	switch {
	case c.C == 0:
		e.q.Add(T(c.B), device.NoTrans, e.gram, 0, device.NoTrans, none, e.p)
	case e.squared:
		e.q.Add(T(c.B), device.NoTrans, e.gram, T(c.C), device.NoTrans, e.p, e.p)
	default:
		e.q.Add(T(c.B), device.NoTrans, e.gram, 0, device.NoTrans, none, e.p)
		e.q.Syrk(device.NoTrans, T(c.C), e.gram, 1, e.p)
		e.flops += e.cube()
	}
	e.q.AddDiag(T(c.A), e.p)
	e.squared = false
}

// series stores the polynomial of a longer step in p.
func (e *engine[T]) series(p step) {
	e.more()
	if e.even.IsZero() {
		e.even = e.q.Alloc(e.s, e.s)
	}
	none := device.Matrix[T]{}
	α, β := 1/(p.unit*p.unit*p.half), p.mid/p.half
	if e.squared { // (α·G - β)² = α²·G² - 2αβ·G + β²
		e.q.Add(T(α*α), device.NoTrans, e.p, T(-2*α*β), device.NoTrans, e.gram, e.even)
		e.q.AddDiag(T(β*β), e.even)
	}
	t := e.gram
	e.q.Add(T(α), device.NoTrans, e.gram, 0, device.NoTrans, none, t)
	e.q.AddDiag(T(-β), t)
	if !e.squared {
		e.q.Syrk(device.NoTrans, 1, t, 0, e.even)
		e.flops += e.cube()
	}
	c := make([]T, len(p.series))
	for i, v := range p.series {
		c[i] = T(v / p.unit)
	}
	top := len(c) - 1
	e.q.Add(c[top-1], device.NoTrans, t, c[top], device.NoTrans, e.even, e.p)
	e.q.AddDiag(c[top-2], e.p)
	for i := top - 4; i >= 0; i -= 2 {
		device.SymProduct(e.q, e.even, e.p, e.tmp)
		e.p, e.tmp = e.tmp, e.p
		e.q.Add(1, device.NoTrans, e.p, c[i+1], device.NoTrans, t, e.p)
		e.q.AddDiag(c[i], e.p)
		e.flops += e.cube()
	}
	e.q.Add(T(1/α), device.NoTrans, t, 0, device.NoTrans, none, t)
	e.q.AddDiag(T(β/α), t)
	e.squared = false
}

// factor leaves the Cholesky factor of I + c·G in p.
func (e *engine[T]) factor(c float64) {
	e.q.Add(T(c), device.NoTrans, e.gram, 0, device.NoTrans, device.Matrix[T]{}, e.p)
	e.q.AddDiag(1, e.p)
	e.q.Cholesky(e.p)
	e.squared = false
	e.flops += e.cube() / 3
}

// inverse stores (b/c)·I + (a-b/c)·(I+c·G)⁻¹ in p.
func (e *engine[T]) inverse(w weights) {
	e.more()
	e.factor(w.c)
	e.q.Fill(0, e.tmp)
	e.q.AddDiag(1, e.tmp)
	e.q.Trsm(device.Left, device.Lower, device.NoTrans, 1, e.p, e.tmp)
	e.q.Syrk(device.Transp, T(w.a-w.b/w.c), e.tmp, 0, e.p)
	e.q.AddDiag(T(w.b/w.c), e.p)
	e.flops += 2 * e.cube()
}

// solve takes a rational step without forming the inverse.
func (e *engine[T]) solve(w weights) {
	e.factor(w.c)
	e.q.Copy(e.y, e.x)
	e.solves(e.p, e.y)
	e.q.Add(T(w.b/w.c), device.NoTrans, e.x, T(w.a-w.b/w.c), device.NoTrans, e.y, e.y)
	e.x, e.y = e.y, e.x
}

// solves multiplies z by (L·Lᵀ)⁻¹ from the side of the Gram matrix.
func (e *engine[T]) solves(l, z device.Matrix[T]) {
	if e.left {
		e.q.Trsm(device.Left, device.Lower, device.NoTrans, 1, l, z)
		e.q.Trsm(device.Left, device.Lower, device.Transp, 1, l, z)
	} else {
		e.q.Trsm(device.Right, device.Lower, device.Transp, 1, l, z)
		e.q.Trsm(device.Right, device.Lower, device.NoTrans, 1, l, z)
	}
	e.flops += 2 * e.large()
}

// postpone keeps the polynomial P for later and makes P·G·P of the Gram matrix
// G, which is the Gram matrix of P·x.
func (e *engine[T]) postpone() {
	e.more()
	if e.pending { // tmp holds the product so far
		e.acc, e.tmp = e.tmp, e.acc
	}
	device.SymProduct(e.q, e.p, e.gram, e.tmp)
	device.SymProduct(e.q, e.tmp, e.p, e.gram)
	if !e.pending {
		e.acc, e.p = e.p, e.acc
	}
	e.pending = true
	e.squared = false
	e.flops += 2 * e.cube()
}

// multiply replaces x by its product with the small matrix p.
func (e *engine[T]) multiply(p device.Matrix[T]) {
	side := device.Left
	if !e.left {
		side = device.Right
	}
	device.SymApply(e.q, side, p, e.x, e.y)
	e.x, e.y = e.y, e.x
	e.pending = false
	e.flops += 2 * e.large()
}

// restart multiplies out what is pending and computes the Gram matrix afresh.
func (e *engine[T]) restart() {
	e.multiply(e.acc)
	e.form(e.x)
}

// normalize stores in dst the matrix a divided by a power of two that brings
// its largest entry near 1, and returns that power, or 0 for a zero matrix.
func (e *engine[T]) normalize(a, dst device.Matrix[T]) (float64, error) {
	largest, err := e.reduce(device.MaxAbs, a)
	if err != nil || largest == 0 {
		return 0, err
	}
	if largest-largest != 0 {
		return 0, &device.NotFiniteError{Name: "matrix", Value: largest}
	}
	_, exponent := math.Frexp(largest)
	none := device.Matrix[T]{}
	if exponent > -100 && exponent < 100 {
		e.q.Add(T(math.Ldexp(1, -exponent)), device.NoTrans, a, 0, device.NoTrans, none, dst)
		return math.Ldexp(1, exponent), nil
	}
	half := -exponent / 2 // 2^-exponent itself may be out of range
	e.q.Add(T(math.Ldexp(1, half)), device.NoTrans, a, 0, device.NoTrans, none, dst)
	e.q.Add(T(math.Ldexp(1, -exponent-half)), device.NoTrans, dst, 0, device.NoTrans, none, dst)
	return math.Ldexp(1, exponent), nil
}

// spectralBound returns an upper bound of ‖x‖₂ from the Gram matrix: the
// Frobenius norm √(tr G), or with sharp ‖G²‖_F^¼ (Gelfand's formula), with the
// square that it leaves for the first step. What rounding may hide is added to
// the sharp one, so that no singular value is lifted above 1.
func (e *engine[T]) spectralBound(sharp bool) (float64, error) {
	if !sharp {
		t, err := e.reduce(device.Sum, diagonal(e.gram))
		return math.Sqrt(t), err
	}
	e.square()
	t, err := e.reduce(device.SumSquares, e.p) // tr G⁴
	return math.Pow(t, 1./8) * (1 + 16*e.eps + e.gramRounding(e.l)), err
}

// sharper returns the lower of a bound of ‖x‖₂ and one from random vectors and
// powers of the square of the Gram matrix that it has left.
func (e *engine[T]) sharper(bound float64) (float64, error) {
	defer e.q.Scope()()
	const powers = 4
	v, w, norms := e.q.Alloc(e.s, outside), e.q.Alloc(e.s, outside), e.q.Alloc(1, outside)
	e.q.Random(device.Normal, 3, 4, v)
	unit := T(math.Pow(bound, -4))
	for range powers {
		e.q.Gemm(device.NoTrans, device.NoTrans, unit, e.p, v, 0, w)
		v, w = w, v
	}
	largest, _, err := e.columns(v, norms)
	return bound * min(1, math.Pow(unlikely*largest, 1./(4*powers))*(1+16*e.eps)), err
}

// balance divides the rows of x, on the smaller side, by the square roots of
// the absolute row sums of the Gram matrix, which leaves ‖x‖₂ ≤ 1 by
// Gershgorin's theorem (almost orthogonal layers). Zero rows stay zero.
func (e *engine[T]) balance() {
	d := e.p.Slice(0, 1, 0, e.s)
	axis := device.PerRow
	if !e.left {
		axis = device.PerCol
	}
	e.q.Reduce(device.SumAbs, device.PerRow, e.gram, d)
	e.q.Map(device.Sqrt, d, d)
	e.q.Map(device.Inv, d, d)
	e.q.Map(device.InfToZero, d, d)
	e.q.ScaleBy(axis, d, e.x, e.x)
	e.q.ScaleBy(device.PerRow, d, e.gram, e.gram)
	e.q.ScaleBy(device.PerCol, d, e.gram, e.gram)
	e.squared = false
}

// diagonal returns the diagonal of square g as a column.
func diagonal[T device.Float](g device.Matrix[T]) device.Matrix[T] {
	return device.Matrix[T]{Rows: g.Rows, Cols: 1, LD: g.LD + 1, Off: g.Off, Buf: g.Buf}
}
