package spectrum

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Operator is a symmetric linear operator on vectors of length Dim.
type Operator[T device.Float] interface {
	Dim() int
	// Apply stores in each row of dst the operator applied to the same row
	// of src. Both are k×Dim on the device of q and do not overlap.
	Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error
}

// dense is the symmetric matrix 2^e·a on a device.
type dense[T device.Float] struct {
	a device.Matrix[T]
	e int
}

// Symmetric returns the symmetric n×n matrix a as an operator. It belongs to
// q's open scope, until the end of which a must not change: a device that
// shares Go's memory reads it there. Besides the errors of bad input, a matrix
// that is not symmetric to eps·n·max|a| is a *device.ArgumentError; for a large
// one products with a random vector may vouch, which an asymmetry of a hundred
// times as much escapes with a probability below 2 %.
func Symmetric[T device.Float](q device.Queue[T], a device.Dense[T]) (Operator[T], error) {
	if err := a.Validate("matrix"); err != nil {
		return nil, err
	}
	if a.Rows != a.Cols {
		return nil, &device.ShapeError{Op: "matrix", Detail: fmt.Sprintf("%d×%d is not square", a.Rows, a.Cols)}
	}
	m := device.Lend(q, a)
	if seen, err := seemsSymmetric(q, m); seen || err != nil {
		return dense[T]{m, 0}, err
	}
	largest, err := checkSymmetric(a)
	if err != nil {
		return nil, err
	}
	e := exponent[T](largest)
	if e == 0 {
		return dense[T]{m, 0}, q.Sync()
	}
	m = q.Alloc(a.Rows, a.Cols)
	q.Upload(m, a)
	multiply(q, m, -e)
	return dense[T]{m, e}, q.Sync()
}

func (d dense[T]) Dim() int { return d.a.Rows }

func (d dense[T]) Apply(_ context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	device.SymMul(q, d.a, src, dst)
	if d.e != 0 {
		multiply(q, dst, d.e)
	}
	return nil
}

// closure is an operator given by a function on Go memory.
type closure[T device.Float] struct {
	n int
	f func(ctx context.Context, dst, src []T) error
}

// Func returns the operator of dimension n that f computes for one vector in
// Go memory.
func Func[T device.Float](n int, f func(ctx context.Context, dst, src []T) error) Operator[T] {
	return closure[T]{n, f}
}

func (c closure[T]) Dim() int { return c.n }

func (c closure[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if err := checkOperator[T](c); err != nil {
		return err
	}
	if src.Cols != c.n {
		return &device.ShapeError{Op: "operator", Detail: fmt.Sprintf("vectors have %d elements, the operator has dimension %d", src.Cols, c.n)}
	}
	if src.Rows == 0 {
		return nil
	}
	in, out := make([]T, c.n), make([]T, c.n)
	for i := range src.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Download(device.Vector(in), src.Row(i))
		if err := q.Sync(); err != nil {
			return err
		}
		if err := c.f(ctx, out, in); err != nil {
			return err
		}
		q.Upload(dst.Row(i), device.Vector(out))
	}
	return nil
}

// shifted is scale·A + shift·I.
type shifted[T device.Float] struct {
	Operator[T]
	scale, shift T
}

// Affine returns scale·A + shift·I.
func Affine[T device.Float](a Operator[T], scale, shift T) Operator[T] {
	return shifted[T]{a, scale, shift}
}

func (s shifted[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if err := s.Operator.Apply(ctx, q, dst, src); err != nil {
		return err
	}
	q.Add(s.scale, device.NoTrans, dst, s.shift, device.NoTrans, src, dst)
	return nil
}

// sum is A + B.
type sum[T device.Float] struct{ a, b Operator[T] }

// Sum returns A + B, of operators of one dimension. Differences and linear
// combinations come with [Affine].
func Sum[T device.Float](a, b Operator[T]) Operator[T] { return sum[T]{a, b} }

func (s sum[T]) Dim() int { return s.a.Dim() }

func (s sum[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if err := s.a.Apply(ctx, q, dst, src); err != nil {
		return err
	}
	defer q.Scope()()
	second := q.Alloc(dst.Rows, dst.Cols)
	if err := s.b.Apply(ctx, q, second, src); err != nil {
		return err
	}
	q.Add(1, device.NoTrans, dst, 1, device.NoTrans, second, dst)
	return nil
}

// diagonalMatrix is a diagonal matrix on a device.
type diagonalMatrix[T device.Float] struct{ d device.Matrix[T] }

// DiagonalMatrix returns the operator diag(d). It belongs to q's open scope.
// With the inverses of a positive diagonal, such as that of [Diag], it is a
// preconditioner for [LOBPCG]. Errors: device.ErrEmpty and
// *device.NotFiniteError.
func DiagonalMatrix[T device.Float](q device.Queue[T], d []T) (Operator[T], error) {
	if err := device.CheckInput("diagonal", device.Vector(d)); err != nil {
		return nil, err
	}
	m := q.Alloc(1, len(d))
	q.Upload(m, device.Vector(d))
	return diagonalMatrix[T]{m}, q.Sync()
}

func (d diagonalMatrix[T]) Dim() int { return d.d.Cols }

func (d diagonalMatrix[T]) Apply(_ context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	q.ScaleBy(device.PerCol, d.d, src, dst)
	return nil
}

// restricted is the diagonal block of A for the coordinates [lo,hi).
type restricted[T device.Float] struct {
	a      Operator[T]
	lo, hi int
}

// Restrict returns the diagonal block of A for the coordinates [lo,hi): A
// projected on them, such as the Hessian of one layer.
func Restrict[T device.Float](a Operator[T], lo, hi int) (Operator[T], error) {
	if err := checkOperator(a); err != nil {
		return nil, err
	}
	if lo < 0 || hi > a.Dim() || lo >= hi {
		return nil, device.Argument("range", "[%d,%d) is not within [0,%d)", lo, hi, a.Dim())
	}
	return restricted[T]{a, lo, hi}, nil
}

func (r restricted[T]) Dim() int { return r.hi - r.lo }

func (r restricted[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	defer q.Scope()()
	in, out := q.Alloc(src.Rows, r.a.Dim()), q.Alloc(src.Rows, r.a.Dim())
	q.Copy(in.Slice(0, src.Rows, r.lo, r.hi), src)
	if err := r.a.Apply(ctx, q, out, in); err != nil {
		return err
	}
	q.Copy(dst, out.Slice(0, src.Rows, r.lo, r.hi))
	return nil
}

// apply applies op and reports a NaN or infinity in the result with the
// number of the product.
func apply[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], dst, src device.Matrix[T], products *int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := op.Apply(ctx, q, dst, src); err != nil {
		return err
	}
	err := checkProduct(q, dst, *products)
	if err == nil {
		*products += src.Rows
	}
	return err
}

// checkProduct reports a NaN or infinity in products, the first after so many.
func checkProduct[T device.Float](q device.Queue[T], dst device.Matrix[T], products int) error {
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, dst, out) })
	if err == nil && largest-largest != 0 {
		err = fmt.Errorf("products %d to %d: %w", products+1, products+dst.Rows,
			&device.NotFiniteError{Name: "the operator's product", Value: largest})
	}
	return err
}

// blame returns why numbers that come from products, the first after so many,
// are not what they should be: one of those is not finite, or else err.
func blame[T device.Float](q device.Queue[T], dst device.Matrix[T], products int, err error) error {
	if found := checkProduct(q, dst, products); found != nil {
		return found
	}
	return err
}

// scalar runs f, which writes one number, and returns the number.
func scalar[T device.Float](q device.Queue[T], f func(out device.Matrix[T])) (float64, error) {
	defer q.Scope()()
	out, host := q.Alloc(1, 1), make([]T, 1)
	f(out)
	q.Download(device.Vector(host), out)
	return float64(host[0]), q.Sync()
}

// checkOperator refuses operators without function or dimension.
func checkOperator[T device.Float](op Operator[T]) error {
	switch o := op.(type) {
	case nil:
		return device.Argument("operator", "is nil")
	case closure[T]:
		if o.f == nil {
			return device.Argument("operator", "has a nil function")
		}
	case shifted[T]:
		return checkOperator(o.Operator)
	case sum[T]:
		if err := errors.Join(checkOperator(o.a), checkOperator(o.b)); err != nil {
			return err
		}
		if o.a.Dim() != o.b.Dim() {
			return &device.ShapeError{Op: "sum", Detail: fmt.Sprintf("operators have dimensions %d and %d", o.a.Dim(), o.b.Dim())}
		}
	}
	if op.Dim() < 1 {
		return fmt.Errorf("operator of dimension %d: %w", op.Dim(), device.ErrEmpty)
	}
	return nil
}

// checkSymmetry compares uᵀ(Hv) with vᵀ(Hu) for the first two rows of a
// block and its image.
func checkSymmetry[T device.Float](q device.Queue[T], image, block device.Matrix[T]) error {
	return checkSymmetryBeside(q, image, block, 0)
}

// checkSymmetryBeside is checkSymmetry for unit vectors that are orthogonal to
// eigenvectors of values up to largest. What the operator makes of them may be
// as small as the rounding errors of those values.
func checkSymmetryBeside[T device.Float](q device.Queue[T], image, block device.Matrix[T], largest float64) error {
	defer q.Scope()()
	if block.Rows < 2 {
		return nil
	}
	d := q.Alloc(1, 4)
	host := make([]T, 4)
	q.Dot(device.Whole, block.Row(0), image.Row(1), d.Slice(0, 1, 0, 1))
	q.Dot(device.Whole, block.Row(1), image.Row(0), d.Slice(0, 1, 1, 2))
	// Sums of squares could overflow or underflow.
	q.Reduce(device.MaxAbs, device.PerRow, image.RowRange(0, 2), d.Slice(0, 1, 2, 4))
	q.Download(device.Vector(host), d)
	if err := q.Sync(); err != nil {
		return err
	}
	size := math.Sqrt(float64(image.Cols)) * (float64(host[2]) + float64(host[3]))
	// Wide enough for products by finite differences.
	tol := 1e-6
	if device.Epsilon[T]() > 1e-10 {
		tol = 1e-2
	}
	rounding := 10 * device.Epsilon[T]() * math.Sqrt(float64(image.Cols)) * largest
	if diff := math.Abs(float64(host[0]) - float64(host[1])); diff > tol*size+rounding {
		return device.Argument("operator", "is not symmetric: uᵀHv and vᵀHu differ by %.3g, %.1g of the products' size", diff, diff/size)
	}
	return nil
}
