package polar

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// Certificate says how good a polar factor is.
//
// Orthogonality is ‖QQᵀ - I‖_F, or ‖QᵀQ - I‖_F for tall matrices.
//
// ErrorBound bounds ‖Q - UVᵀ‖₂. In exact arithmetic an iteration gives
// Q = U·f(Σ)·Vᵀ with f ≥ 0, and max|1 - f(σ)| ≤ ‖QQᵀ - I‖₂; rounding adds
// eps times the factor by which the steps amplify small singular values,
// to which the polar factor itself is that sensitive. For svd the second
// term is the decomposition's own error bound divided by the smallest
// singular value. Bounds of 1 or more say that singular values are missing
// from Q: A is rank-deficient to working accuracy, or the steps were too few.
type Certificate struct {
	Orthogonality float64
	ErrorBound    float64
}

// Info tells how a polar factor was found.
type Info struct {
	Method      Method         // the scheme that ran; svd if auto had to fall back
	Steps       []Coefficients // of the iteration, for singular values divided by Scale
	Scale       float64        // what A was divided by; at least its largest singular value
	Losses      []float64      // ‖XXᵀ - I‖_F before each step
	Certificate Certificate
}

// Result is a polar factor in Go memory.
type Result[T device.Float] struct {
	Q device.Dense[T] // m×n; orthonormal columns if m ≥ n, rows if m ≤ n
	H device.Dense[T] // n×n symmetric with A = Q·H; empty unless asked for
	Info
}

// Compute returns the polar factor of the m×n matrix a. A zero matrix gives
// zeros for the iterations.
//
// Errors: those of bad input; *device.NotConvergedError with the last iterate
// if Tol was not reached in 100 steps; the error of ctx, which is looked at
// in every step. A step costs 3·s²·l + s³ operations, s being the smaller and
// l the larger side; two steps of muon in float64 cost 3·s²·l + 5·s³ if l ≥ 2·s.
func Compute[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options) (*Result[T], error) {
	results, err := ComputeBatch(ctx, dev, []device.Dense[T]{a}, o)
	if len(results) == 0 {
		return nil, err
	}
	return results[0], err
}

// ComputeBatch returns the polar factors of several matrices, which may have
// different shapes. Each result is bit for bit that of Compute. With an error
// the results up to and including the one that did not converge are returned.
func ComputeBatch[T device.Float](ctx context.Context, dev device.Device, as []device.Dense[T], o Options) ([]*Result[T], error) {
	if _, err := o.complete(1, 1); err != nil {
		return nil, err
	}
	for _, a := range as {
		if err := device.CheckInput("matrix", a); err != nil {
			return nil, err
		}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	var results []*Result[T]
	for _, a := range as {
		r, err := compute(ctx, q, a, o)
		if r != nil {
			results = append(results, r)
		}
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

func compute[T device.Float](ctx context.Context, q device.Queue[T], a device.Dense[T], o Options) (*Result[T], error) {
	defer q.Scope()()
	in := device.Lend(q, a)
	out, factor := device.Output(q, a.Rows, a.Cols)
	info, err := Orthogonalize(ctx, q, in, out, o)
	if info == nil {
		return nil, err
	}
	r := &Result[T]{Q: factor(), Info: *info}
	if o.H {
		h := q.Alloc(a.Cols, a.Cols)
		symmetricFactor(q, in, out, h)
		r.H = device.NewDense[T](a.Cols, a.Cols)
		q.Download(r.H, h)
	}
	if failed := q.Sync(); failed != nil {
		return nil, failed
	}
	if o.H { // its elements can be too large for T even if those of a are not
		if failed := device.CheckInput("the symmetric factor", r.H); failed != nil {
			return nil, failed
		}
	}
	return r, err
}

// symmetricFactor computes H = (QᵀA + AᵀQ)/2.
func symmetricFactor[T device.Float](q device.Queue[T], a, factor, h device.Matrix[T]) {
	defer q.Scope()()
	w := q.Alloc(h.Rows, h.Cols)
	q.Gemm(device.Transp, device.NoTrans, 1, factor, a, 0, w)
	q.Add(0.5, device.NoTrans, w, 0.5, device.Transp, w, h)
}

// Orthogonalize stores the polar factor of a in out; both are on the device
// of q, of one shape, and may be the same matrix. The error is like that of
// Compute; with device.ErrNotConverged, out holds the last iterate and the
// Info is valid. After another error the content of out is undefined.
func Orthogonalize[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T], o Options) (*Info, error) {
	if err := device.CheckSame("Orthogonalize", a, out); err != nil {
		// A queue that has failed gives out matrices without elements.
		if failed := q.Sync(); failed != nil {
			return nil, failed
		}
		return nil, err
	}
	if a.Len() == 0 {
		return nil, device.ErrEmpty
	}
	o, err := o.complete(min(a.Rows, a.Cols), device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	if o.Method == SVD {
		return bySVD(ctx, q, a, out)
	}
	return iterate(ctx, q, a, out, o)
}

// bySVD computes U·Vᵀ from a singular value decomposition.
func bySVD[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T]) (*Info, error) {
	defer q.Scope()()
	f, err := svd.Factor(ctx, q, a, svd.Options{})
	if err != nil {
		return nil, err
	}
	smallest, err := scalar(q, func(x device.Matrix[T]) { q.Copy(x, f.S.Slice(0, 1, f.S.Cols-1, f.S.Cols)) })
	if err != nil {
		return nil, err
	}
	largest, err := scalar(q, func(x device.Matrix[T]) { q.Copy(x, f.S.Slice(0, 1, 0, 1)) })
	if err != nil {
		return nil, err
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, f.U, f.Vt, 0, out)
	loss, err := newProducts(q, out).loss(out)
	if err != nil {
		return nil, err
	}
	// The polar factor of a perturbed matrix moves by at most
	// 2/(σ_s + σ_s') times the perturbation (Higham, Functions of Matrices,
	// theorem 8.10), and never by more than 2.
	bound := loss
	if smallest > f.Certificate.ErrorBound {
		bound += f.Certificate.ErrorBound / (smallest - f.Certificate.ErrorBound) * 2
	} else {
		bound = 2
	}
	return &Info{Method: SVD, Scale: largest, Certificate: Certificate{loss, min(bound, 2)}}, nil
}

// scalar runs f, which writes one number, and returns the number.
func scalar[T device.Float](q device.Queue[T], f func(out device.Matrix[T])) (float64, error) {
	defer q.Scope()()
	out, host := q.Alloc(1, 1), make([]T, 1)
	f(out)
	q.Download(device.Vector(host), out)
	return float64(host[0]), q.Sync()
}

// products holds the workspace of the steps for one shape.
type products[T device.Float] struct {
	q         device.Queue[T]
	left      bool             // the small Gram matrix multiplies from the left
	gram, sqr device.Matrix[T] // s×s

	// Of the first step of a pair: its polynomial, and workspace.
	first, work device.Matrix[T] // s×s
}

func newProducts[T device.Float](q device.Queue[T], x device.Matrix[T]) *products[T] {
	s := min(x.Rows, x.Cols)
	return &products[T]{q: q, left: x.Rows <= x.Cols, gram: q.Alloc(s, s), sqr: q.Alloc(s, s)}
}

// form computes the Gram matrix of x on its smaller side.
func (p *products[T]) form(x device.Matrix[T]) {
	t := device.NoTrans
	if !p.left {
		t = device.Transp
	}
	p.q.Syrk(t, 1, x, 0, p.gram)
}

// square computes the square of the Gram matrix, as a product with its own
// transpose, which takes half the work of a general one.
func (p *products[T]) square() { p.q.Syrk(device.NoTrans, 1, p.gram, 0, p.sqr) }

// distance returns ‖gram - I‖_F.
func (p *products[T]) distance() (float64, error) {
	p.q.AddDiag(-1, p.gram)
	d, err := scalar(p.q, func(x device.Matrix[T]) { p.q.Reduce(device.SumSquares, device.Whole, p.gram, x) })
	p.q.AddDiag(1, p.gram)
	return math.Sqrt(d), err
}

func (p *products[T]) loss(x device.Matrix[T]) (float64, error) {
	p.form(x)
	return p.distance()
}

// polynomial stores c.A·I + c.B·G + c.C·G² for the Gram matrix G that form
// left where its square goes. squared says that the square is there already.
func (p *products[T]) polynomial(c Coefficients, squared bool) {
	none := device.Matrix[T]{}
	if squared && c.C != 0 {
		p.q.Add(T(c.B), device.NoTrans, p.gram, T(c.C), device.NoTrans, p.sqr, p.sqr)
	} else {
		p.q.Add(T(c.B), device.NoTrans, p.gram, 0, device.NoTrans, none, p.sqr)
	}
	p.q.AddDiag(T(c.A), p.sqr)
	if !squared && c.C != 0 {
		p.q.Syrk(device.NoTrans, T(c.C), p.gram, 1, p.sqr)
	}
}

// postpone keeps the polynomial P for the step after it and makes P·G·P of the
// Gram matrix G, which is the Gram matrix of P·x.
func (p *products[T]) postpone() {
	if p.first.IsZero() {
		s := p.gram.Rows
		p.first, p.work = p.q.Alloc(s, s), p.q.Alloc(s, s)
	}
	device.SymProduct(p.q, p.sqr, p.gram, p.work)
	device.SymProduct(p.q, p.sqr, p.work, p.gram)
	p.first, p.sqr = p.sqr, p.first
}

// join multiplies the polynomial by the one that postpone kept.
func (p *products[T]) join() {
	device.SymProduct(p.q, p.sqr, p.first, p.work)
	p.sqr, p.work = p.work, p.sqr
}

// apply computes y = P·x for the polynomial P.
func (p *products[T]) apply(x, y device.Matrix[T]) {
	if p.left {
		p.q.Gemm(device.NoTrans, device.NoTrans, 1, p.sqr, x, 0, y)
	} else {
		p.q.Gemm(device.NoTrans, device.NoTrans, 1, x, p.sqr, 0, y)
	}
}
