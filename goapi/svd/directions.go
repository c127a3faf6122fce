package svd

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// FrequentDirections is a sketch B of a matrix A whose rows come one after the
// other: l rows with BᵀB ≈ AᵀA (Liberty, KDD 2013; Ghashami, Liberty, Phillips
// and Woodruff, SIAM J. Comput. 2016). In every direction x it is
// 0 ≤ ‖A·x‖² - ‖B·x‖² ≤ bound·‖x‖², and the bound is at most
// ‖A - A_k‖_F²/(l-k) for every k < l, A_k being the best approximation of rank
// k. It is not safe for concurrent use.
type FrequentDirections[T device.Float] struct {
	dev    device.Device
	l, n   int
	buffer device.Dense[T] // 2l×n
	rows   int             // in use
	taken  float64         // sum of the squares taken off
	rounds float64         // bound of rounding errors
}

// NewFrequentDirections returns the empty sketch of l rows for vectors of
// length n. Memory: 2·l·n numbers, three times that at work.
func NewFrequentDirections[T device.Float](dev device.Device, l, n int) (*FrequentDirections[T], error) {
	switch {
	case l < 1 || l > math.MaxInt/8:
		return nil, device.Argument("sketch", "has %d rows, must have at least 1", l)
	case n < 1 || n > math.MaxInt/16/l:
		return nil, device.Argument("vectors", "have length %d, must be at least 1", n)
	}
	return &FrequentDirections[T]{dev: dev, l: l, n: n, buffer: device.NewDense[T](2*l, n)}, nil
}

// Add takes in the rows of a, at about 6·l·n operations each. If ctx ends, the
// sketch is that of the rows that were taken in before; how many these are is
// returned. Other errors: *device.ShapeError, *device.NotFiniteError and
// *device.ArgumentError for numbers whose squares overflow.
func (d *FrequentDirections[T]) Add(ctx context.Context, a device.Dense[T]) (rows int, err error) {
	if a.Cols != d.n {
		return 0, &device.ShapeError{Op: "rows", Detail: fmt.Sprintf("have %d columns, the sketch has %d", a.Cols, d.n)}
	}
	if err := checkSquares("rows", a); err != nil {
		return 0, err
	}
	for i := range a.Rows {
		if d.rows == 2*d.l {
			if err := d.shrink(ctx); err != nil {
				return i, err
			}
		}
		copy(d.buffer.Row(d.rows), a.Row(i))
		d.rows++
	}
	return a.Rows, ctx.Err()
}

// shrink makes at most l-1 rows of the 2l, by taking the square of the l-th
// singular value off those of the larger ones.
func (d *FrequentDirections[T]) shrink(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q := device.NewQueue[T](d.dev)
	defer q.Close()
	used := d.buffer.Slice(0, d.rows, 0, d.n)
	k := min(d.rows, d.n)
	u, s, vt := q.Alloc(d.rows, k), q.Alloc(1, k), q.Alloc(k, d.n)
	if err := decompose(ctx, q, device.Lend(q, used), u, s, vt); err != nil {
		return err
	}
	values, vectors := make([]T, k), device.NewDense[T](k, d.n)
	q.Download(device.Vector(values), s)
	q.Download(vectors, vt)
	if err := q.Sync(); err != nil {
		return err
	}
	off := 0.0
	if k >= d.l {
		off = float64(values[d.l-1]) * float64(values[d.l-1])
	}
	d.taken += off
	// The decomposition and the new rows are off by a few eps·σ₁.
	d.rounds += 10 * device.Epsilon[T]() * math.Sqrt(float64(k)) * float64(values[0]) * float64(values[0])
	d.rows = min(k, d.l-1)
	for i := range d.rows {
		// (σ - δ)(σ + δ) keeps what subtracting the squares would lose.
		σ, δ := float64(values[i]), math.Sqrt(off)
		σ = math.Sqrt(max(0, (σ-δ)*(σ+δ)))
		for j, x := range vectors.Row(i) {
			d.buffer.Set(i, j, T(σ*float64(x)))
		}
	}
	return nil
}

// Sketch returns a copy of the sketch, at most l rows, and the bound that goes
// with it, rounding errors included.
func (d *FrequentDirections[T]) Sketch(ctx context.Context) (b device.Dense[T], bound float64, err error) {
	if d.rows > d.l {
		if err := d.shrink(ctx); err != nil {
			return b, 0, err
		}
	}
	return d.buffer.Slice(0, d.rows, 0, d.n).Clone(), d.taken + d.rounds, nil
}
