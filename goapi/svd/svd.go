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
	U           device.Dense[T] // m×k, orthonormal columns; empty with ValuesOnly
	S           []T             // k singular values, descending
	Vt          device.Dense[T] // k×n, orthonormal rows; empty with ValuesOnly
	Method      Method          // the algorithm that ran
	Certificate Certificate
}

// Factors is a decomposition on a device.
type Factors[T device.Float] struct {
	U, S, Vt    device.Matrix[T] // S is 1×k; U and Vt are zero with ValuesOnly
	Method      Method
	Certificate Certificate
}

// Compute decomposes the m×n matrix a on dev. The sign of each pair of
// singular vectors is such that the entry of largest magnitude in the row of
// Vt is positive.
//
// Errors: *device.ShapeError, device.ErrEmpty, *device.NotFiniteError and
// *device.ArgumentError for bad input, *device.NotFiniteError also if the
// largest singular value overflows, device.ErrNotConverged if LAPACK or the
// Lanczos method fails,
// and the error of ctx, which is looked at between stages.
//
// A full decomposition costs about 22·n³ operations for n×n and 4·m·n² for
// tall matrices; a randomized one about 6·m·n·(Rank+Oversampling)·
// (PowerIterations+1).
func Compute[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options) (*Result[T], error) {
	if err := device.CheckInput("matrix", a); err != nil {
		return nil, err
	}
	o, err := o.complete(a.Rows, a.Cols)
	if err != nil {
		return nil, err
	}
	if o.Tol > 0 {
		return computeTo(ctx, dev, a, o)
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	f := &Factors[T]{S: q.Alloc(1, o.Rank), Method: o.Method}
	r := &Result[T]{S: make([]T, o.Rank), Method: o.Method}
	var u, vt func() device.Dense[T]
	if !o.ValuesOnly {
		f.U, u = device.Output(q, a.Rows, o.Rank)
		f.Vt, vt = device.Output(q, o.Rank, a.Cols)
	}
	if err := f.compute(ctx, q, device.Lend(q, a), o); err != nil {
		return nil, err
	}
	r.Certificate = f.Certificate
	q.Download(device.Vector(r.S), f.S)
	if !o.ValuesOnly {
		r.U, r.Vt = u(), vt()
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
	f := &Factors[T]{S: q.Alloc(1, o.Rank), Method: o.Method}
	if !o.ValuesOnly {
		f.U, f.Vt = q.Alloc(a.Rows, o.Rank), q.Alloc(o.Rank, a.Cols)
	}
	if err := f.compute(ctx, q, a, o); err != nil {
		return nil, err
	}
	return f, nil
}

// compute fills in the matrices of f and its certificate, by options that are
// complete.
func (f *Factors[T]) compute(ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer q.Scope()()
	scaled, exponent, err := scale(q, a)
	if err != nil {
		return err
	}
	switch o.Method {
	case Full:
		err = full(ctx, q, scaled, f, o)
	case Lanczos:
		err = lanczos(ctx, q, scaled, f, o)
	default:
		err = randomized(ctx, q, scaled, f, o)
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
	if largest-largest != 0 {
		return a, 0, &device.NotFiniteError{Name: "matrix", Value: largest}
	}
	safe := 0x1p300
	if device.Epsilon[T]() > 1e-10 {
		safe = 0x1p30
	}
	if largest == 0 || largest <= safe && largest >= 1/safe {
		return a, 0, nil
	}
	_, e = math.Frexp(largest)
	b = q.Alloc(a.Rows, a.Cols)
	multiply(q, a, -e, b)
	return b, e, nil
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
	c := &f.Certificate
	c.ErrorBound = math.Ldexp(c.ErrorBound, e)
	if e < 0 { // denormal values were rounded once more, by half of the least number
		least := math.SmallestNonzeroFloat64
		if device.Epsilon[T]() > 1e-10 {
			least = math.SmallestNonzeroFloat32
		}
		c.ErrorBound += least
	}
	return nil
}

// scalar runs f, which writes one number, and returns the number.
func scalar[T device.Float](q device.Queue[T], f func(out device.Matrix[T])) (float64, error) {
	defer q.Scope()()
	out, host := q.Alloc(1, 1), make([]T, 1)
	f(out)
	q.Download(device.Vector(host), out)
	return float64(host[0]), q.Sync()
}
