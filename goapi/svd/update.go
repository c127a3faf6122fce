package svd

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Incremental is a decomposition that follows the changes of its matrix
// without looking at all of it again (Brand, Linear Algebra Appl. 2006). It is
// not safe for concurrent use.
type Incremental[T device.Float] struct {
	dev  device.Device
	most int
	u    device.Dense[T]
	s    []T
	vt   device.Dense[T]
	lost float64 // bound of ‖A - U·S·Vᵀ‖_F
}

// NewIncremental starts from a decomposition with vectors, which it does not
// change, and which must not change until the first update. It keeps at most
// maxRank singular values; 0 means as many as the matrix has.
func NewIncremental[T device.Float](dev device.Device, r *Result[T], maxRank int) (*Incremental[T], error) {
	switch {
	case r == nil || len(r.S) == 0 || r.U.Cols != len(r.S) || r.Vt.Rows != len(r.S):
		return nil, device.Argument("decomposition", "has no vectors")
	case maxRank < 0:
		return nil, device.Argument("rank", "is %d, must not be negative", maxRank)
	}
	if err := errors.Join(device.CheckInput("U", r.U), device.CheckInput("Vt", r.Vt), device.CheckInput("S", device.Vector(r.S))); err != nil {
		return nil, err
	}
	i := &Incremental[T]{dev: dev, most: maxRank, u: r.U, s: r.S, vt: r.Vt}
	if e := min(r.Certificate.Residual, 1); e == e { // relative to A; S has what is left of it
		if e*e < 1e3*device.Epsilon[T]() {
			// An estimate from ten vectors, which is that far below the truth
			// with a chance of 1 in 3000 at most.
			e *= 3
		}
		i.lost = e * i.size() / math.Sqrt(max(1-e*e, 1e-20))
	}
	return i, nil
}

// size returns ‖S‖.
func (i *Incremental[T]) size() float64 {
	sum := 0.0
	for _, x := range i.s {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

// Append adds the p rows of c below A. For rank k it costs about
// 2·(m+n)·(k+p)² operations. After an error nothing has changed. Errors:
// *device.ShapeError, *device.NotFiniteError, *device.ArgumentError for numbers
// whose squares overflow, and that of ctx.
func (i *Incremental[T]) Append(ctx context.Context, c device.Dense[T]) error {
	if c.Cols != i.vt.Cols {
		return &device.ShapeError{Op: "rows", Detail: fmt.Sprintf("have %d columns, the matrix has %d", c.Cols, i.vt.Cols)}
	}
	if err := checkSquares("rows", c); err != nil {
		return err
	}
	q := device.NewQueue[T](i.dev)
	defer q.Close()
	none := device.Matrix[T]{}
	k, p := len(i.s), c.Rows
	v, columns := q.Alloc(i.vt.Cols, k), q.Alloc(c.Cols, p)
	q.Add(1, device.Transp, device.Lend(q, i.vt), 0, device.NoTrans, none, v)
	q.Add(1, device.Transp, device.Lend(q, c), 0, device.NoTrans, none, columns)
	v, h, err := widen(q, v, columns)
	if err != nil {
		return err
	}
	// [A; C] = diag(U, I) · [S 0; Hᵀ] · [V Q]ᵀ.
	core := q.Alloc(k+p, v.Cols)
	i.diagonal(q, core)
	q.Add(1, device.Transp, h, 0, device.NoTrans, none, core.RowRange(k, k+p))
	u := q.Alloc(i.u.Rows+p, k+p)
	q.Upload(u.Slice(0, i.u.Rows, 0, k), i.u)
	q.AddDiag(1, u.Slice(i.u.Rows, i.u.Rows+p, k, k+p))
	return i.replace(ctx, q, u, core, v)
}

// Update replaces A by A + X·Yᵀ, X m×p and Y n×p, at about the cost of Append.
func (i *Incremental[T]) Update(ctx context.Context, x, y device.Dense[T]) error {
	if x.Rows != i.u.Rows || y.Rows != i.vt.Cols || x.Cols != y.Cols {
		return &device.ShapeError{Op: "update", Detail: fmt.Sprintf("%d×%d times the transpose of %d×%d does not fit a matrix of %d×%d",
			x.Rows, x.Cols, y.Rows, y.Cols, i.u.Rows, i.vt.Cols)}
	}
	if err := errors.Join(checkSquares("X", x), checkSquares("Y", y)); err != nil {
		return err
	}
	q := device.NewQueue[T](i.dev)
	defer q.Close()
	v := q.Alloc(i.vt.Cols, len(i.s))
	q.Add(1, device.Transp, device.Lend(q, i.vt), 0, device.NoTrans, device.Matrix[T]{}, v)
	u, hu, err := widen(q, device.Lend(q, i.u), device.Lend(q, x))
	if err != nil {
		return err
	}
	v, hv, err := widen(q, v, device.Lend(q, y))
	if err != nil {
		return err
	}
	core := q.Alloc(u.Cols, v.Cols)
	i.diagonal(q, core)
	q.Gemm(device.NoTrans, device.Transp, 1, hu, hv, 1, core)
	return i.replace(ctx, q, u, core, v)
}

// checkSquares refuses bad input and numbers whose squares overflow.
func checkSquares[T device.Float](name string, a device.Dense[T]) error {
	if err := device.CheckInput(name, a); err != nil {
		return err
	}
	limit := 0x1p300
	if device.Epsilon[T]() > 1e-10 {
		limit = 0x1p30
	}
	for i := range a.Rows {
		for j, x := range a.Row(i) {
			if math.Abs(float64(x)) > limit {
				return device.Argument(name, "holds %.3g at row %d, column %d; squares of that are out of range, scale it", x, i, j)
			}
		}
	}
	return nil
}

// diagonal stores S in the leading part of core.
func (i *Incremental[T]) diagonal(q device.Queue[T], core device.Matrix[T]) {
	k := len(i.s)
	lead := core.Slice(0, k, 0, k)
	s := q.Alloc(1, k)
	q.Upload(s, device.Vector(i.s))
	q.AddDiag(1, lead)
	q.ScaleBy(device.PerRow, s, lead, lead)
}

// widen returns an orthonormal basis of known and the columns of c together,
// known first, and the coordinates of c in it.
func widen[T device.Float](q device.Queue[T], known, c device.Matrix[T]) (basis, coordinates device.Matrix[T], err error) {
	n, k := known.Rows, known.Cols
	more := min(c.Cols, n-k)
	basis, coordinates = q.Alloc(n, k+more), q.Alloc(k+more, c.Cols)
	q.Copy(basis.Slice(0, n, 0, k), known)
	if more > 0 {
		end := q.Scope()
		block := q.Alloc(n, more)
		q.Copy(block, c.Slice(0, n, 0, more))
		err = orthogonalize(q, known, block, basis.Slice(0, n, k, k+more), q.Alloc(k, more))
		end()
	}
	q.Gemm(device.Transp, device.NoTrans, 1, basis, c, 0, coordinates)
	return basis, coordinates, err
}

// replace takes the decomposition of U·core·Vᵀ in the place of the current one.
func (i *Incremental[T]) replace(ctx context.Context, q device.Queue[T], u, core, v device.Matrix[T]) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t := min(core.Rows, core.Cols)
	x, s, yt := q.Alloc(core.Rows, t), q.Alloc(1, t), q.Alloc(t, core.Cols)
	if err := decompose(ctx, q, core, x, s, yt); err != nil {
		return err
	}
	values := make([]T, t)
	q.Download(device.Vector(values), s)
	rank := min(t, u.Rows, v.Rows)
	if i.most > 0 {
		rank = min(rank, i.most)
	}
	left, takeU := device.Output(q, u.Rows, rank)
	right, takeV := device.Output(q, rank, v.Rows)
	q.Gemm(device.NoTrans, device.NoTrans, 1, u, x.Slice(0, x.Rows, 0, rank), 0, left)
	q.Gemm(device.NoTrans, device.Transp, 1, yt.RowRange(0, rank), v, 0, right)
	fixSigns(q, left, right)
	newU, newV := takeU(), takeV()
	if err := q.Sync(); err != nil {
		return err
	}
	if values[0]-values[0] != 0 {
		return &device.NotFiniteError{Name: "the largest singular value", Value: float64(values[0])}
	}
	dropped := 0.0
	for _, x := range values[rank:] {
		dropped += float64(x) * float64(x)
	}
	i.u, i.s, i.vt = newU, values[:rank], newV
	// The products and the small decomposition round like random walks of
	// t steps; 4 is twice what was seen.
	i.lost += math.Sqrt(dropped) + 4*device.Epsilon[T]()*math.Sqrt(float64(t))*i.size()
	return nil
}

// Result returns the decomposition as it is now. The certificate's Residual is
// a bound of ‖A - U·S·Vᵀ‖_F relative to ‖S‖: the sum of all that was cut off,
// beside what the first decomposition left out and rounding errors.
// ErrorBound bounds |S[i] - σᵢ| for the i-th largest value.
func (i *Incremental[T]) Result() (*Result[T], error) {
	q := device.NewQueue[T](i.dev)
	defer q.Close()
	r := &Result[T]{U: i.u.Clone(), S: append([]T(nil), i.s...), Vt: i.vt.Clone(), Method: Updated}
	f := &Factors[T]{U: device.Lend(q, i.u), Vt: device.Lend(q, i.vt)}
	c, t := &r.Certificate, newTally(q, 2*probed)
	u, v := f.orthogonality(t, 0)
	if err := t.fetch(); err != nil {
		return nil, err
	}
	c.OrthogonalityU, c.OrthogonalityV = u(), v()
	c.Residual = relative(i.lost, i.size())
	c.ErrorBound = i.lost + float64(i.s[0])*c.stretch()
	return r, nil
}
