package svd

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// SubspaceAngles returns the principal angles between the column spaces of a
// (m×p) and b (m×q), ascending, in radians from 0 to π/2: as many as the
// smaller of the two spaces has dimensions. The columns need not be
// orthonormal nor independent.
//
// Cosines, the singular values of the product of orthonormal bases, lose angles
// below √eps and sines, those of what is left of one basis outside of the
// other space, lose angles near π/2; each angle is taken from the one that is
// accurate (Björck and Golub, 1973; Knyazev and Argentati, SIAM J. Sci.
// Comput. 2002), so that all have errors of some eps times the condition
// number of the inputs.
//
// Errors: those of Compute, *device.ShapeError for different numbers of rows,
// *device.ArgumentError for a zero matrix, which spans no space.
func SubspaceAngles[T device.Float](ctx context.Context, dev device.Device, a, b device.Dense[T]) ([]float64, error) {
	if err := device.CheckInput("first basis", a); err != nil {
		return nil, err
	}
	if err := device.CheckInput("second basis", b); err != nil {
		return nil, err
	}
	if a.Rows != b.Rows {
		return nil, &device.ShapeError{Op: "subspace angles", Detail: fmt.Sprintf("the bases have %d and %d rows", a.Rows, b.Rows)}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	large, err := span(ctx, q, "first basis", a)
	if err != nil {
		return nil, err
	}
	small, err := span(ctx, q, "second basis", b)
	if err != nil {
		return nil, err
	}
	if small.Cols > large.Cols {
		large, small = small, large
	}
	c, rest := q.Alloc(large.Cols, small.Cols), q.Alloc(a.Rows, small.Cols)
	q.Gemm(device.Transp, device.NoTrans, 1, large, small, 0, c)
	q.Copy(rest, small)
	q.Gemm(device.NoTrans, device.NoTrans, -1, large, c, 1, rest)
	cosines, err := values(ctx, q, c)
	if err != nil {
		return nil, err
	}
	sines, err := values(ctx, q, rest)
	if err != nil {
		return nil, err
	}
	k := small.Cols
	angles := make([]float64, k)
	for i := range angles {
		cos, sin := min(1, float64(cosines[i])), min(1, float64(sines[k-1-i]))
		if cos*cos >= 0.5 {
			angles[i] = math.Asin(sin)
		} else {
			angles[i] = math.Acos(cos)
		}
	}
	return angles, nil
}

// span returns an orthonormal basis of the column space of a.
func span[T device.Float](ctx context.Context, q device.Queue[T], name string, a device.Dense[T]) (device.Matrix[T], error) {
	f, err := Factor(ctx, q, device.Lend(q, a), Options{Method: Full, Vectors: Left})
	if err != nil {
		return device.Matrix[T]{}, err
	}
	s := make([]T, f.S.Cols)
	q.Download(device.Vector(s), f.S)
	if err := q.Sync(); err != nil {
		return device.Matrix[T]{}, err
	}
	p, err := NewSpectrum(s, a.Rows, a.Cols)
	if err != nil {
		return device.Matrix[T]{}, err
	}
	rank := p.Rank(0)
	if rank == 0 {
		return device.Matrix[T]{}, device.Argument(name, "is zero and spans no space")
	}
	return f.U.Slice(0, a.Rows, 0, rank), nil
}

func values[T device.Float](ctx context.Context, q device.Queue[T], a device.Matrix[T]) ([]T, error) {
	defer q.Scope()()
	f, err := Factor(ctx, q, a, Options{Method: Full, Vectors: None})
	if err != nil {
		return nil, err
	}
	s := make([]T, f.S.Cols)
	q.Download(device.Vector(s), f.S)
	return s, q.Sync()
}
