package svd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// pass calls f for all rows of the matrix, block by block, on the device.
func (s *stream[T]) pass(ctx context.Context, f func(first int, a device.Matrix[T]) error) error {
	next := 0
	err := s.source.Each(ctx, s.rows, func(first int, data []T) error {
		rows := len(data) / s.n
		if first != next || rows*s.n != len(data) || rows < 1 || rows > s.rows || rows > s.m-first {
			return &device.ShapeError{Op: "source", Detail: fmt.Sprintf("gives %d numbers as row %d on, row %d is next of %d with %d columns", len(data), first, next, s.m, s.n)}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		block := device.Dense[T]{Rows: rows, Cols: s.n, Stride: s.n, Data: data}
		if err := device.CheckInput("matrix", block); err != nil {
			if e := new(device.NotFiniteError); errors.As(err, &e) {
				e.Row += first
			}
			return err
		}
		defer s.q.Scope()()
		next += rows
		if err := f(first, device.Lend(s.q, block)); err != nil {
			return err
		}
		return s.q.Sync()
	})
	if err == nil && next != s.m {
		err = &device.ShapeError{Op: "source", Detail: fmt.Sprintf("ends after %d of %d rows", next, s.m)}
	}
	return err
}

// measure adds the rows of a block to the norm of the matrix.
func (s *stream[T]) measure(a device.Matrix[T]) error {
	square, err := scalar(s.q, func(out device.Matrix[T]) { s.q.Reduce(device.SumSquares, device.Whole, a, out) })
	if err != nil {
		return err
	}
	largest, err := scalar(s.q, func(out device.Matrix[T]) { s.q.Reduce(device.MaxAbs, device.Whole, a, out) })
	s.square += square
	s.largest = max(s.largest, largest)
	return err
}

// witness adds the rows of a block to the probes of the certificate.
func (s *stream[T]) witness(first int, a device.Matrix[T]) {
	θ := s.tall(streamProbesA, first, a.Rows, probes)
	s.q.Gemm(device.Transp, device.NoTrans, 1, a, θ, 1, s.seen)
}

// firstPass is a pass that also measures the matrix. Sums of squares of its
// entries must be safe from overflow and underflow: there is no looking at
// the largest before the first product.
func (s *stream[T]) firstPass(ctx context.Context, f func(first int, a device.Matrix[T]) error) error {
	safe := 0x1p300
	if device.Epsilon[T]() > 1e-10 {
		safe = 0x1p30
	}
	err := s.pass(ctx, func(first int, a device.Matrix[T]) error {
		err := s.measure(a)
		if err == nil && s.largest > safe {
			err = device.Argument("matrix", "holds %.3g in rows %d to %d; squares of that are out of range, scale it", s.largest, first, first+a.Rows-1)
		}
		if err != nil {
			return err
		}
		return f(first, a)
	})
	if err == nil && s.largest > 0 && s.largest < 1/safe {
		err = device.Argument("matrix", "holds nothing larger than %.3g; squares of that are out of range, scale it", s.largest)
	}
	return err
}

// tall returns rows of a random matrix with many rows, the same whatever the
// blocks in which it is asked for. All processors draw: one alone would take
// longer than the products with what it drew.
func (s *stream[T]) tall(number uint64, first, rows, cols int) device.Matrix[T] {
	host, x := device.NewDense[T](rows, cols), s.q.Alloc(rows, cols)
	parts := min(runtime.GOMAXPROCS(0), max(1, rows*cols>>12))
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() {
			lo, hi := p*rows/parts*cols, (p+1)*rows/parts*cols
			rng.Normal(s.o.Seed, number, uint64(first)*uint64(cols)+uint64(lo), host.Data[lo:hi])
		})
	}
	wg.Wait()
	s.q.Upload(x, host)
	return x
}

// fold adds to out the product of the transpose of such a matrix with x.
func (s *stream[T]) fold(number uint64, cols int, x, out device.Matrix[T]) error {
	for first := 0; first < x.Rows; first += s.rows {
		end := s.q.Scope()
		last := min(first+s.rows, x.Rows)
		s.q.Gemm(device.Transp, device.NoTrans, 1, s.tall(number, first, last-first, cols), x.RowRange(first, last), 1, out)
		err := s.q.Sync()
		end()
		if err != nil {
			return err
		}
	}
	return nil
}
