package svd

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
)

// RowBlocks is an m×n matrix that is read from its first row to its last, some
// rows at a time. A source that can be read once alone is good for one pass.
// Those of package matio read files.
type RowBlocks[T device.Float] interface {
	// Dims returns the shape m×n.
	Dims() (m, n int)
	// Each calls f for blocks of at most `most` rows, in their order, with
	// the number of the first row and the rows one after the other, and
	// returns the first error.
	Each(ctx context.Context, most int, f func(first int, data []T) error) error
}

// denseRows is a matrix in memory as a source.
type denseRows[T device.Float] struct{ a device.Dense[T] }

// Rows returns a matrix in Go memory as a source of rows.
func Rows[T device.Float](a device.Dense[T]) RowBlocks[T] { return denseRows[T]{a} }

func (d denseRows[T]) Dims() (m, n int) { return d.a.Rows, d.a.Cols }

func (d denseRows[T]) Each(ctx context.Context, most int, f func(first int, data []T) error) error {
	if err := d.a.Validate("matrix"); err != nil {
		return err
	}
	for first := 0; first < d.a.Rows; first += most {
		part := d.a.Slice(first, min(first+most, d.a.Rows), 0, d.a.Cols)
		if part.Stride != part.Cols {
			part = part.Clone()
		}
		if err := f(first, part.Data[:part.Rows*part.Cols]); err != nil {
			return err
		}
	}
	return nil
}

// blockOperator reads its rows for every product.
type blockOperator[T device.Float] struct {
	source RowBlocks[T]
	rows   int
}

// Blocks returns a source that can be read again and again as an operator;
// every product is a pass over it, in blocks of at most `rows` rows.
func Blocks[T device.Float](source RowBlocks[T], rows int) Operator[T] {
	return blockOperator[T]{source, rows}
}

func (b blockOperator[T]) Dims() (m, n int) { return b.source.Dims() }

func (b blockOperator[T]) Mul(ctx context.Context, q device.Queue[T], x, y device.Matrix[T]) error {
	return b.over(q).pass(ctx, func(first int, a device.Matrix[T]) error {
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, x, 0, y.RowRange(first, first+a.Rows))
		return nil
	})
}

func (b blockOperator[T]) MulTrans(ctx context.Context, q device.Queue[T], y, x device.Matrix[T]) error {
	q.Fill(0, x)
	return b.over(q).pass(ctx, func(first int, a device.Matrix[T]) error {
		q.Gemm(device.Transp, device.NoTrans, 1, a, y.RowRange(first, first+a.Rows), 1, x)
		return nil
	})
}

func (b blockOperator[T]) over(q device.Queue[T]) *stream[T] {
	m, n := b.source.Dims()
	return &stream[T]{q: q, source: b.source, m: m, n: n, rows: max(1, b.rows)}
}
