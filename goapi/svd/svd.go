package svd

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Result is a decomposition in Go memory.
type Result[T device.Float] struct {
	U           device.Dense[T] // m×k, orthonormal columns; empty unless wanted
	S           []T             // k singular values, descending
	Vt          device.Dense[T] // k×n, orthonormal rows; empty unless wanted
	Method      Method          // the algorithm that led to the result ...
	Failed      []Attempt       // ... and those that had failed before it
	Certificate Certificate
}

// Factors is a decomposition on a device.
type Factors[T device.Float] struct {
	U, S, Vt    device.Matrix[T] // S is 1×k; U and Vt are zero unless wanted
	Method      Method
	Failed      []Attempt
	Certificate Certificate

	way Way[T] // of ComputeBy
}

// Compute decomposes the m×n matrix a on dev. The sign of each pair of
// singular vectors is such that the entry of largest magnitude in the row of
// Vt is positive; with left vectors alone, that in the column of U.
//
// A method of all singular values that does not converge, or whose certificate
// shows a wrong result, is followed by the next one (see the package
// documentation), which Result.Failed records.
//
// Errors: *device.ShapeError, device.ErrEmpty, *device.NotFiniteError and
// *device.ArgumentError for bad input, *device.NotFiniteError also if the
// largest singular value overflows, *device.NotConvergedError if all methods
// or the Lanczos method fail, and the error of ctx, which is looked at between
// stages.
//
// A full decomposition costs about 22·n³ operations for n×n and 4·m·n² for
// tall matrices; a randomized one about 4·m·n·(Rank+Oversampling)·
// (PowerIterations+2).
func Compute[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options) (*Result[T], error) {
	if err := a.Validate("matrix"); err != nil {
		return nil, err
	}
	if a.Rows == 0 || a.Cols == 0 {
		return nil, fmt.Errorf("matrix is %d×%d: %w", a.Rows, a.Cols, device.ErrEmpty)
	}
	o, err := o.complete(a.Rows, a.Cols)
	if err != nil {
		return nil, err
	}
	if o.Tol > 0 {
		return computeTo(ctx, dev, a, o)
	}
	return compute[T](ctx, dev, a, o, nil)
}

// compute is Compute by options that are complete, or by a way from outside.
func compute[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options, way Way[T]) (*Result[T], error) {
	q := device.NewQueue[T](dev)
	defer q.Close()
	f := &Factors[T]{S: q.Alloc(1, o.Rank), way: way}
	var u, vt func() device.Dense[T]
	if o.Vectors.left() {
		f.U, u = device.Output(q, a.Rows, o.Rank)
	}
	if o.Vectors.right() {
		f.Vt, vt = device.Output(q, o.Rank, a.Cols)
	}
	if err := f.compute(ctx, q, device.Lend(q, a), o); err != nil {
		// Looking for NaN takes a pass over the matrix, which the first one
		// of the computation makes too; where they are is worth another.
		if errors.Is(err, device.ErrNotFinite) {
			if at := device.CheckInput("matrix", a); at != nil {
				err = at
			}
		}
		return nil, err
	}
	r := &Result[T]{S: make([]T, o.Rank), Method: f.Method, Failed: f.Failed, Certificate: f.Certificate}
	q.Download(device.Vector(r.S), f.S)
	if u != nil {
		r.U = u()
	}
	if vt != nil {
		r.Vt = vt()
	}
	return r, q.Sync()
}

// Factor decomposes a matrix that is on the device of q. a is not changed.
// The factors live in the scope of q that is open at the call.
func Factor[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) (*Factors[T], error) {
	if err := device.CheckMatrix("matrix", a); err != nil {
		return nil, err
	}
	if a.Len() == 0 {
		return nil, fmt.Errorf("matrix is %d×%d: %w", a.Rows, a.Cols, device.ErrEmpty)
	}
	o, err := o.complete(a.Rows, a.Cols)
	if err != nil {
		return nil, err
	}
	if o.Tol > 0 {
		return factorTo(ctx, q, a, o)
	}
	f := newFactors(q, a, o.Rank, o.Vectors)
	if err := f.compute(ctx, q, a, o); err != nil {
		return nil, err
	}
	return f, nil
}

// newFactors returns room for the decomposition of a.
func newFactors[T device.Float](q device.Queue[T], a device.Matrix[T], rank int, v Vectors) *Factors[T] {
	f := &Factors[T]{S: q.Alloc(1, rank)}
	if v.left() {
		f.U = q.Alloc(a.Rows, rank)
	}
	if v.right() {
		f.Vt = q.Alloc(rank, a.Cols)
	}
	return f
}

// take copies what is wanted of the leading part of t, and what is known about
// it.
func (f *Factors[T]) take(q device.Queue[T], t *Factors[T]) {
	k := f.S.Cols
	q.Copy(f.S, t.S.Slice(0, 1, 0, k))
	if !f.U.IsZero() {
		q.Copy(f.U, t.U.Slice(0, t.U.Rows, 0, k))
	}
	if !f.Vt.IsZero() {
		q.Copy(f.Vt, t.Vt.RowRange(0, k))
	}
	f.Method, f.Failed, f.Certificate = t.Method, t.Failed, t.Certificate
}

// download copies the factors to Go memory.
func (f *Factors[T]) download(q device.Queue[T]) (*Result[T], error) {
	r := &Result[T]{S: make([]T, f.S.Cols), Method: f.Method, Failed: f.Failed, Certificate: f.Certificate}
	q.Download(device.Vector(r.S), f.S)
	if !f.U.IsZero() {
		r.U = device.NewDense[T](f.U.Rows, f.U.Cols)
		q.Download(r.U, f.U)
	}
	if !f.Vt.IsZero() {
		r.Vt = device.NewDense[T](f.Vt.Rows, f.Vt.Cols)
		q.Download(r.Vt, f.Vt)
	}
	return r, q.Sync()
}

// compute fills in the matrices of f and its certificate, by options that are
// complete.
func (f *Factors[T]) compute(ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if done, err := f.throughPasses(ctx, q, a, o); done || err != nil {
		return errors.Join(err, q.Sync())
	}
	if o.Method == Randomized {
		return errors.Join(randomized(ctx, q, a, f, o), q.Sync())
	}
	defer q.Scope()()
	scaled, exponent, err := scale(q, a)
	if err != nil {
		return err
	}
	switch o.Method {
	case Jacobi: // of the matrix itself: scaling could lose what is tiny
		return errors.Join(precise(ctx, q, a, scaled, exponent, f, o), q.Sync())
	case Lanczos:
		err = lanczos(ctx, q, scaled, f, o)
	default:
		err = full(ctx, q, scaled, f, o)
	}
	if err == nil && exponent != 0 {
		err = f.unscale(q, exponent)
	}
	return errors.Join(err, q.Sync())
}

// scale returns a times 2^-e with an exponent e that makes squares of its
// entries safe from overflow and underflow, and e. Most matrices are safe and
// returned as they are, with e = 0.
func scale[T device.Float](q device.Queue[T], a device.Matrix[T]) (b device.Matrix[T], e int, err error) {
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, a, out) })
	if err != nil {
		return a, 0, err
	}
	return scaleBy(q, a, largest)
}

// scaleSquares is scale that also returns ‖b‖_F².
func scaleSquares[T device.Float](q device.Queue[T], a device.Matrix[T]) (b device.Matrix[T], e int, square float64, err error) {
	t := newTally(q, 2)
	largest, sum := t.reduce(device.MaxAbs, a), t.reduce(device.SumSquares, a)
	if err := t.fetch(); err != nil {
		return a, 0, 0, err
	}
	if b, e, err = scaleBy(q, a, float64(largest[0])); err != nil || e == 0 {
		return b, e, float64(sum[0]), err
	}
	square, err = scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, b, out) })
	return b, e, square, err
}

// scaleBy is scale for a matrix whose largest entry is known.
func scaleBy[T device.Float](q device.Queue[T], a device.Matrix[T], largest float64) (b device.Matrix[T], e int, err error) {
	if largest-largest != 0 {
		return a, 0, &device.NotFiniteError{Name: "matrix", Value: largest}
	}
	safe := safeSize[T]()
	if largest == 0 || largest <= safe && largest >= 1/safe {
		return a, 0, nil
	}
	_, e = math.Frexp(largest)
	b = device.Room(q, a.Rows, a.Cols)
	multiply(q, a, -e, b)
	return b, e, nil
}

// safeSize is a number of which, as of its inverse, the square is far from
// overflow and underflow.
func safeSize[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return 0x1p30
	}
	return 0x1p300
}

// multiply computes b = 2^e·a, in two steps: 2^e itself may be out of range.
func multiply[T device.Float](q device.Queue[T], a device.Matrix[T], e int, b device.Matrix[T]) {
	half := e / 2
	q.Add(T(math.Ldexp(1, half)), device.NoTrans, a, 0, device.NoTrans, device.Matrix[T]{}, b)
	q.Add(T(math.Ldexp(1, e-half)), device.NoTrans, b, 0, device.NoTrans, device.Matrix[T]{}, b)
}

// unscale gives the values of a matrix that scale has multiplied by 2^-e their
// size back. The largest can be no number of type T even if all entries are.
func (f *Factors[T]) unscale(q device.Queue[T], e int) error {
	multiply(q, f.S, e, f.S)
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Copy(out, f.S.Slice(0, 1, 0, 1)) })
	if err != nil {
		return err
	}
	if largest-largest != 0 {
		return &device.NotFiniteError{Name: "the largest singular value", Value: largest}
	}
	f.Certificate.unscale(e, device.Epsilon[T]())
	return nil
}

func (c *Certificate) unscale(e int, eps float64) {
	c.ErrorBound = math.Ldexp(c.ErrorBound, e)
	if e < 0 { // denormal values were rounded once more, by half of the least number
		least := math.SmallestNonzeroFloat64
		if eps > 1e-10 {
			least = math.SmallestNonzeroFloat32
		}
		c.ErrorBound += least
	}
}

// scalar runs f, which writes one number, and returns the number.
func scalar[T device.Float](q device.Queue[T], f func(out device.Matrix[T])) (float64, error) {
	defer q.Scope()()
	out, host := q.Alloc(1, 1), make([]T, 1)
	f(out)
	q.Download(device.Vector(host), out)
	return float64(host[0]), q.Sync()
}
