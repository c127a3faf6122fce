package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// pass calls f for all rows of the matrix, block by block, on the device.
func (s *stream[T]) pass(ctx context.Context, f func(first int, a device.Matrix[T]) error) error {
	next := 0
	s.passes++
	err := s.source.Each(ctx, s.rows, func(first int, data []T) error {
		rows := len(data) / s.n
		if first != next || rows*s.n != len(data) || rows < 1 || rows > s.rows || rows > s.m-first {
			return &device.ShapeError{Op: "source", Detail: fmt.Sprintf("gives %d numbers as row %d on, row %d is next of %d with %d columns", len(data), first, next, s.m, s.n)}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		block := device.Dense[T]{Rows: rows, Cols: s.n, Stride: s.n, Data: data}
		defer s.q.Scope()()
		next += rows
		a := device.Lend(s.q, block)
		largest, err := scalar(s.q, func(out device.Matrix[T]) { s.q.Reduce(device.MaxAbs, device.Whole, a, out) })
		switch {
		case err != nil:
			return err
		case largest-largest != 0:
			err := device.CheckInput("matrix", block)
			if e := new(device.NotFiniteError); errors.As(err, &e) {
				e.Row += first
			}
			return err
		}
		s.largest = max(s.largest, largest)
		if err := errors.Join(f(first, a), s.q.Sync()); err != nil {
			return err
		}
		if s.o.Progress != nil {
			s.o.Progress(s.passes, next)
		}
		return nil
	})
	if err == nil && next != s.m {
		err = &device.ShapeError{Op: "source", Detail: fmt.Sprintf("ends after %d of %d rows", next, s.m)}
	}
	return err
}

// firstPass is a pass that also measures the matrix. Sums of squares of its
// entries must be safe from overflow and underflow: there is no looking at
// the largest before the first product.
func (s *stream[T]) firstPass(ctx context.Context, f func(first int, a device.Matrix[T]) error) error {
	safe := safeSize[T]()
	err := s.pass(ctx, func(first int, a device.Matrix[T]) error {
		if s.largest > safe {
			return device.Argument("matrix", "holds %.3g in rows %d to %d; squares of that are out of range, scale it", s.largest, first, first+a.Rows-1)
		}
		square, err := scalar(s.q, func(out device.Matrix[T]) { s.q.Reduce(device.SumSquares, device.Whole, a, out) })
		if err != nil {
			return err
		}
		s.square += square
		return f(first, a)
	})
	if err == nil && s.largest > 0 && s.largest < 1/safe {
		err = device.Argument("matrix", "holds nothing larger than %.3g; squares of that are out of range, scale it", s.largest)
	}
	return err
}

// tallRandom is a tall random matrix. It has the same rows whatever the blocks
// in which they are asked for. Its columns are those of a sketch, and then the
// probes of a certificate, all uniform with variance 1: normal numbers take
// longer than the products with them, and small matrices of signs may be
// singular.
type tallRandom struct{ sketch, probes int }

func (t tallRandom) cols() int { return t.sketch + t.probes }

// draw returns rows of a tall random matrix. All processors draw: one alone
// would take longer than the products with what it drew.
func (s *stream[T]) draw(t tallRandom, first, rows int) device.Matrix[T] {
	cols := t.cols()
	host, x := device.NewDense[T](rows, cols), device.Room(s.q, rows, cols)
	parts := min(runtime.GOMAXPROCS(0), max(1, rows*cols>>12))
	var wg sync.WaitGroup
	for p := range parts {
		wg.Go(func() {
			for i := p * rows / parts; i < (p+1)*rows/parts; i++ {
				row, at := host.Row(i), uint64(first+i)
				drawUniform(s.o.Seed, streamRows, at, row[:t.sketch])
				drawUniform(s.o.Seed, streamProbesA, at, row[t.sketch:])
			}
		})
	}
	wg.Wait()
	s.q.Upload(x, host)
	return x
}

// drawUniform stores the numbers of row i, uniform with mean 0 and variance 1.
func drawUniform[T device.Float](seed, stream, i uint64, row []T) {
	rng.Uniform(seed, stream, i*uint64(len(row)), row)
	for j, u := range row {
		row[j] = T(2*math.Sqrt(3)) * (u - 0.5)
	}
}

// fold adds to out the product of the transpose of such a matrix with x.
func (s *stream[T]) fold(t tallRandom, x, out device.Matrix[T]) error {
	for first := 0; first < x.Rows; first += s.rows {
		end := s.q.Scope()
		last := min(first+s.rows, x.Rows)
		s.q.Gemm(device.Transp, device.NoTrans, 1, s.draw(t, first, last-first), x.RowRange(first, last), 1, out)
		err := s.q.Sync()
		end()
		if err != nil {
			return err
		}
	}
	return nil
}
