package hessianspectrum

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// Limit is the largest dimension that Assemble forms a matrix of: 16,384, for
// which it takes 2 GiB in float64.
const Limit = 1 << 14

// columns is the number of unit vectors that share a product.
const columns = 128

// asymmetryLimit is the relative asymmetry from which on an operator is not
// symmetric, in units of eps: products of Hessians are sums over many samples.
const asymmetryLimit = 1e6

// Assemble forms the symmetric matrix of an operator from its products with all
// unit vectors, 128 at a time, and returns (A+Aᵀ)/2 and ‖A-Aᵀ‖_F/‖A‖_F.
//
// Errors: *device.ArgumentError for an operator beyond [Limit], whose density
// spectrum.SLQ estimates, or one that is not symmetric;
// *device.NotFiniteError; those of the operator and of ctx.
func Assemble[T device.Float](ctx context.Context, dev device.Device, op spectrum.Operator[T]) (a device.Dense[T], asymmetry float64, err error) {
	if op == nil {
		return a, 0, device.Argument("operator", "is nil")
	}
	n := op.Dim()
	switch {
	case n < 1:
		return a, 0, fmt.Errorf("operator of dimension %d: %w", n, device.ErrEmpty)
	case n > Limit:
		return a, 0, device.Argument("operator", "has dimension %d, more than the %d of a matrix formed here; spectrum.SLQ estimates its density", n, Limit)
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	a = device.NewDense[T](n, n)
	unit, image := q.Alloc(min(columns, n), n), q.Alloc(min(columns, n), n)
	for lo := 0; lo < n; lo += columns {
		if err := ctx.Err(); err != nil {
			return a, 0, err
		}
		k := min(columns, n-lo)
		e, y := unit.RowRange(0, k), image.RowRange(0, k)
		q.Fill(0, e)
		q.AddDiag(1, e.Slice(0, k, lo, lo+k))
		if err := op.Apply(ctx, q, y, e); err != nil {
			return a, 0, err
		}
		q.Download(a.Slice(lo, lo+k, 0, n), y)
		if err := q.Sync(); err != nil {
			return a, 0, err
		}
	}
	if err := device.CheckInput("matrix of the operator", a); err != nil {
		return a, 0, err
	}
	var size, skew float64
	for i := range n {
		for j := range i {
			x, y := float64(a.At(i, j)), float64(a.At(j, i))
			size, skew = math.Hypot(size, math.Hypot(x, y)), math.Hypot(skew, math.Sqrt2*(x-y))
			mean := T((x + y) / 2)
			a.Set(i, j, mean)
			a.Set(j, i, mean)
		}
		size = math.Hypot(size, float64(a.At(i, i)))
	}
	if size == 0 {
		return a, 0, nil
	}
	if asymmetry = skew / size; asymmetry > asymmetryLimit*device.Epsilon[T]() {
		return a, asymmetry, device.Argument("operator", "is not symmetric: ‖A-Aᵀ‖_F is %.2g of ‖A‖_F", asymmetry)
	}
	return a, asymmetry, nil
}
