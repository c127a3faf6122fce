package sinkhorn

import (
	"github.com/ritz-go/ritz/goapi/device"
)

// Source gives costs that are computed from something smaller than the n×m
// matrix: see [LowRank], [InnerProduct], [Cosine], [Power] and [Func]. They
// are stored for a solution where Options.Memory has room for them and are
// computed tile by tile, again in every iteration, where it has not.
type Source[T device.Float] interface {
	// Size returns the numbers n and m of points.
	Size() (n, m int)

	check() error
	// pick keeps some rows and columns, nil standing for all.
	pick(rows, cols []int) Source[T]
	// bounds returns bounds of the costs that are not +Inf, NaN if there is
	// one that is no cost; barred reports whether some are +Inf.
	bounds() (lo, hi float64, barred bool)
	// scaled returns the source of about unit size, and the unit.
	scaled(size float64) (Source[T], float64)
	widen() Source[float64]
	// filler returns the function that computes rows [lo,hi).
	filler(q device.Queue[T]) func(lo, hi int, tile device.Matrix[T])
}
