package polar

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// RootMethod names a way to an inverse root.
type RootMethod string

const (
	RootAuto   RootMethod = "auto"
	RootNewton RootMethod = "newton"
	RootEigen  RootMethod = "eigen"
)

// RootOptions of an inverse root. The zero value computes A^(-1/2) to working
// accuracy.
type RootOptions struct {
	// P is the root: A^(-1/P). 0 means 2; at most 64.
	P int

	// Ridge is added to the diagonal, times the norm bound that Info.Scale
	// tells, at most 1.5 times ‖A‖₂: (A + Ridge·Scale·I)^(-1/P), as Shampoo
	// does with 1e-6 or so.
	Ridge float64

	// Method, "" meaning RootAuto: the coupled Newton iteration, which needs
	// products alone, and the eigenvalues if that does not converge.
	Method RootMethod

	// Tol is the ‖XᴾA - I‖_F that the iteration works for, 0 meaning
	// 4·n·eps. A condition κ lets it reach about eps·κ at best, where it
	// ends without an error: the certificate tells.
	Tol float64
}

// RootInfo tells how an inverse root was found.
type RootInfo struct {
	Method     RootMethod
	Iterations int
	Scale      float64   // an upper bound of ‖A‖₂, at most about 1.5 times that
	Losses     []float64 // ‖M - I‖_F before each step, M = XᴾA as the iteration sees it
	// Residual bounds ‖XᴾA - I‖_F for the X returned: it is computed in float64,
	// and what its rounding errors, taken as independent, may hide is added.
	Residual float64
	// ErrorBound bounds ‖X - A^(-1/P)‖_F/‖X‖₂ to first order in Residual.
	ErrorBound float64
}

// RootResult is an inverse root in Go memory.
type RootResult[T device.Float] struct {
	X device.Dense[T] // n×n, symmetric
	RootInfo
}

func (o RootOptions) complete(n int, eps float64) (RootOptions, error) {
	switch o.Method {
	case "":
		o.Method = RootAuto
	case RootAuto, RootNewton, RootEigen:
	default:
		return o, device.Argument("method", "is %q, must be auto, newton or eigen", string(o.Method))
	}
	switch {
	case o.P < 0 || o.P > 64:
		return o, device.Argument("root", "is %d, must be between 1 and 64 (0 for 2)", o.P)
	case !(o.Ridge >= 0) || math.IsInf(o.Ridge, 0):
		return o, device.Argument("ridge", "is %v, must be finite and not negative", o.Ridge)
	case !(o.Tol >= 0) || math.IsInf(o.Tol, 0):
		return o, device.Argument("tolerance", "is %v, must be positive (0 for the default)", o.Tol)
	}
	if o.P == 0 {
		o.P = 2
	}
	if o.Tol == 0 {
		o.Tol = 4 * float64(n) * eps
	}
	return o, nil
}

// InverseRoot returns A^(-1/P) for the symmetric positive definite n×n matrix
// a, of which the lower triangle is read.
//
// The coupled Newton iteration X ← X·T, M ← Tᴾ·M with T = ((P+1)·I - M)/P keeps
// M = Xᴾ·A and stops when M is the identity (Guo and Higham, 2006). A step
// costs 1 + ⌈log₂ P⌉ to 1 + 2·log₂ P products of commuting symmetric matrices,
// n³ operations each, and there are about 1.7·log₂ κ steps.
//
// Errors: those of bad input; device.ErrNotPositiveDefinite if an eigenvalue
// is not positive; *device.NotConvergedError with the last iterate if newton
// did not converge in 100 steps; that of ctx, which is looked at in every
// step.
func InverseRoot[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o RootOptions) (*RootResult[T], error) {
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	if a.Rows != a.Cols {
		return nil, device.Argument("matrix", "is %d×%d, must be square", a.Rows, a.Cols)
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	m, x := q.Alloc(a.Rows, a.Rows), q.Alloc(a.Rows, a.Rows)
	q.Upload(m, symmetric(a))
	info, err := InverseRootOf(ctx, q, m, x, o)
	if info == nil {
		return nil, err
	}
	r := &RootResult[T]{X: device.NewDense[T](a.Rows, a.Rows), RootInfo: *info}
	q.Download(r.X, x)
	if failed := q.Sync(); failed != nil {
		return nil, failed
	}
	if failed := device.CheckInput("the inverse root", r.X); failed != nil {
		return nil, failed // as that of a tiny matrix may be
	}
	return r, err
}

// InverseRootOf stores A^(-1/P) for the symmetric positive definite matrix a,
// both triangles of which must be there, in out, which may be a. Errors are
// those of InverseRoot.
func InverseRootOf[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T], o RootOptions) (*RootInfo, error) {
	err := device.CheckSquare("InverseRoot", a)
	if err == nil {
		err = device.CheckSame("InverseRoot", a, out)
	}
	if err != nil {
		if failed := q.Sync(); failed != nil {
			return nil, failed
		}
		return nil, err
	}
	if a.Len() == 0 {
		return nil, device.ErrEmpty
	}
	o, err = o.complete(a.Rows, device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	defer q.Scope()()
	r := newRoot(q, a.Rows, o.P)
	// A divided by a power of two, so that no power of it overflows.
	unit, err := r.normalize(a, r.a)
	if err != nil {
		return nil, err
	}
	if unit == 0 {
		return nil, device.ErrNotPositiveDefinite
	}
	// ‖A‖₂ ≤ ‖A⁴‖_F^¼ = (tr A⁸)^⅛.
	q.Syrk(device.NoTrans, 1, r.a, 0, r.t)
	q.Syrk(device.NoTrans, 1, r.t, 0, r.m)
	fourth, err := r.frobenius(r.m)
	if err != nil {
		return nil, err
	}
	scale := math.Pow(fourth, 0.25)
	if o.Ridge > 0 {
		q.AddDiag(T(o.Ridge*scale), r.a)
	}
	info := &RootInfo{Method: RootNewton, Scale: unit * scale}
	scale *= 1 + o.Ridge
	if o.Method != RootEigen {
		err = r.newton(ctx, scale, o, info)
	}
	if o.Method == RootEigen || o.Method == RootAuto && err != nil && ctx.Err() == nil {
		info.Method, err = RootEigen, r.eigen()
	}
	if info.Method == RootEigen && err != nil || ctx.Err() != nil {
		return nil, err
	}
	// X is the root of A/unit.
	back := math.Pow(unit, 1/float64(o.P))
	half := T(1 / back / 2)
	q.Add(half, device.NoTrans, r.x, half, device.Transp, r.x, out)
	if failed := check(r, out, back, info); failed != nil {
		return nil, failed
	}
	return info, err
}

// root is the workspace of an inverse root.
type root[T device.Float] struct {
	*engine[T]
	n, p       int
	a          device.Matrix[T] // the matrix, its largest entry near 1
	x, m, t, w device.Matrix[T]
}

func newRoot[T device.Float](q device.Queue[T], n, p int) *root[T] {
	e := &engine[T]{q: q, s: n, l: n, left: true, eps: device.Epsilon[T](), one: q.Alloc(1, 1), host: make([]T, 1)}
	square := func() device.Matrix[T] { return q.Alloc(n, n) }
	return &root[T]{engine: e, n: n, p: p, a: square(), x: square(), m: square(), t: square(), w: square()}
}

// newton computes r.x, the root of r.a, by the coupled iteration.
func (r *root[T]) newton(ctx context.Context, norm float64, o RootOptions, info *RootInfo) error {
	q, p := r.q, float64(r.p)
	z := (1 + p) / (2 * norm)
	none := device.Matrix[T]{}
	q.Add(T(z), device.NoTrans, r.a, 0, device.NoTrans, none, r.m)
	q.Fill(0, r.x)
	q.AddDiag(T(math.Pow(z, 1/p)), r.x)
	best := math.Inf(1)
	loss := 0.0
	for ; ; info.Iterations++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.AddDiag(-1, r.m)
		var err error
		if loss, err = r.frobenius(r.m); err != nil {
			return err
		}
		q.AddDiag(1, r.m)
		// A step makes (P+1)/2·loss² of a small loss, until rounding ends it.
		if loss <= o.Tol || loss < 0.5/(p+1) && loss >= best/2 {
			return nil
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) || loss > 1e3*float64(r.n) {
			return device.ErrNotPositiveDefinite
		}
		if info.Iterations == maxSteps {
			return &device.NotConvergedError{Method: "inverse root", Iterations: info.Iterations, Achieved: loss, Wanted: o.Tol}
		}
		info.Losses = append(info.Losses, loss)
		best = loss
		q.Add(T(-1/p), device.NoTrans, r.m, 0, device.NoTrans, none, r.t)
		q.AddDiag(T((p+1)/p), r.t)
		device.SymProduct(q, r.x, r.t, r.w)
		r.x, r.w = r.w, r.x
		r.power(r.t, r.m)
	}
}

// power replaces m by tᵖ·m for symmetric t and m that commute; t is destroyed.
func (r *root[T]) power(t, m device.Matrix[T]) {
	for n := r.p; ; n >>= 1 {
		if n&1 != 0 {
			device.SymProduct(r.q, t, m, r.w)
			r.q.Copy(m, r.w)
		}
		if n == 1 {
			return
		}
		r.q.Syrk(device.NoTrans, 1, t, 0, r.w)
		r.q.Copy(t, r.w)
	}
}

// eigen computes r.x from the eigenvalues of r.a.
func (r *root[T]) eigen() error {
	q := r.q
	w := q.Alloc(1, r.n)
	q.Copy(r.t, r.a)
	q.Eigh(r.t, w)
	host := make([]T, r.n)
	q.Download(device.Vector(host), w)
	if err := q.Sync(); err != nil {
		return err
	}
	for i, λ := range host {
		if !(λ > 0) {
			return device.ErrNotPositiveDefinite
		}
		host[i] = T(math.Pow(float64(λ), -1/(2*float64(r.p))))
	}
	q.Upload(w, device.Vector(host))
	q.ScaleBy(device.PerRow, w, r.t, r.t)
	q.Syrk(device.Transp, 1, r.t, 0, r.x) // Vᵀ·Λ^(-1/P)·V
	return q.Sync()
}

// check fills in residual and error bound for the X in out, which back makes
// the root of r.a.
func check[T device.Float](r *root[T], out device.Matrix[T], back float64, info *RootInfo) error {
	q := r.q
	if same, ok := any(r).(*root[float64]); ok {
		q.Add(T(back), device.NoTrans, out, 0, device.NoTrans, device.Matrix[T]{}, r.x)
		return same.certify(info)
	}
	w := q.Device().F64()
	defer w.Close()
	c := newRoot(w, r.n, r.p)
	if err := device.Recast(q, r.a, w, c.a); err != nil {
		return err
	}
	if err := device.Recast(q, out, w, c.x); err != nil {
		return err
	}
	w.Add(back, device.NoTrans, c.x, 0, device.NoTrans, device.Matrix[float64]{}, c.x)
	return c.certify(info)
}

// certify fills in residual and error bound of r.x. With E = Xᴾ·A - I and D the
// error of X, in the basis of eigenvectors Eᵢⱼ = Dᵢⱼ·λⱼ·Σₖ xᵢᵏ·xⱼᵖ⁻¹⁻ᵏ to first
// order, and the term k = 0 alone is λⱼ·xⱼᵖ⁻¹ = 1/xⱼ: thus |Dᵢⱼ| ≤ |Eᵢⱼ|·xⱼ.
func (r *root[T]) certify(info *RootInfo) error {
	q := r.q
	q.Syrk(device.NoTrans, 1, r.x, 0, r.t)
	square, err := r.frobenius(r.t) // ‖X²‖_F ≥ ‖X‖₂², at most √n times that
	if err != nil {
		return err
	}
	frobenius, err := r.frobenius(r.x)
	if err != nil {
		return err
	}
	norm, err := r.rootNorm(square)
	if err != nil {
		return err
	}
	// A product of X with W hides u·√n·‖X‖₂·‖W‖_F if its rounding errors are
	// independent, and n times that factor without its root if they are not;
	// a little more covers those of X itself. It grows by ‖X‖₂ in each of the
	// products that follow.
	n := float64(r.n)
	unit := r.eps / 2 * (min(n, 2*math.Sqrt(n)) + 2)
	hidden := 0.0
	q.Copy(r.m, r.a)
	for range r.p {
		size, err := r.frobenius(r.m)
		if err != nil {
			return err
		}
		hidden = norm * (hidden + unit*size)
		q.Gemm(device.NoTrans, device.NoTrans, 1, r.x, r.m, 0, r.w)
		r.m, r.w = r.w, r.m
	}
	q.AddDiag(-1, r.m)
	seen, err := r.frobenius(r.m)
	if err != nil {
		return err
	}
	info.Residual = seen + hidden
	q.Gemm(device.NoTrans, device.NoTrans, 1, r.m, r.x, 0, r.w)
	d, err := r.frobenius(r.w)
	if err != nil {
		return err
	}
	// ‖X‖₂ is at least ‖X²‖_F/‖X‖_F.
	info.ErrorBound = (d + hidden*norm) / (square / frobenius)
	if info.Residual >= 0.5 {
		info.ErrorBound = max(1, info.ErrorBound)
	}
	if math.IsNaN(info.ErrorBound) {
		return &device.NotFiniteError{Name: "the inverse root", Value: info.ErrorBound}
	}
	return nil
}

// rootNorm bounds ‖X‖₂ from powers of X², which is in r.t with the Frobenius
// norm square, times random vectors.
func (r *root[T]) rootNorm(square float64) (float64, error) {
	defer r.q.Scope()()
	const powers = 8
	v, w, norms := r.q.Alloc(r.n, outside), r.q.Alloc(r.n, outside), r.q.Alloc(1, outside)
	r.q.Random(device.Normal, 3, 5, v)
	for range powers {
		r.q.Gemm(device.NoTrans, device.NoTrans, T(1/square), r.t, v, 0, w)
		v, w = w, v
	}
	largest, _, err := r.columns(v, norms)
	return math.Sqrt(square * min(1, math.Pow(unlikely*largest, 1./powers))), err
}
