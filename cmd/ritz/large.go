package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
	"github.com/ritz-go/ritz/goapi/svd"
)

// budget is the flag --memory: a number of bytes, 0 for none.
type budget int64

var units = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

func (b *budget) String() string {
	if b == nil || *b == 0 {
		return ""
	}
	return fmt.Sprintf("%dB", int64(*b))
}

func (b *budget) Set(s string) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(x > 0) || x*float64(u.bytes) >= 1<<62 {
			break
		}
		*b = budget(x * float64(u.bytes))
		return nil
	}
	return errors.New("must be a number of bytes such as 500MB or 2GiB")
}

func (*budget) Type() string { return "SIZE" }

// decomposition is a result of svd with the shape of its matrix.
type decomposition[T device.Float] struct {
	*svd.Result[T]
	rows, cols int
	seconds    float64
}

// decompose computes the decomposition of the input, in memory if that is what
// fits the budget and the method.
func decompose[T device.Float](ctx context.Context, c *common, dev device.Device, in *input, o svd.Options, memory budget) (d decomposition[T], err error) {
	if o.Method == svd.SinglePass || memory > 0 && bytesOf[T](in) > float64(memory) {
		return stream[T](ctx, c, dev, in, o, memory)
	}
	a, err := matrix[T](in)
	if errors.Is(err, device.ErrOutOfMemory) {
		return d, fmt.Errorf("%w; --memory SIZE with --rank or --values-only reads it by rows", err)
	}
	if err != nil {
		return d, err
	}
	d.rows, d.cols = a.Rows, a.Cols
	d.seconds, err = c.timed(func() (err error) {
		if o.Method == polar.Decomposition {
			o := o
			o.Method = ""
			d.Result, err = polar.Decompose(ctx, dev, a, o)
			return err
		}
		d.Result, err = svd.Compute(ctx, dev, a, o)
		return err
	})
	return d, err
}

// bytesOf returns the size of the input in memory.
func bytesOf[T device.Float](in *input) float64 {
	size := 8.0
	if device.Epsilon[T]() > 1e-10 {
		size = 4
	}
	shape := in.file.Members[in.member].Shape
	for i, n := range shape {
		if i == 0 && in.hi >= 0 {
			n = max(0, min(in.hi, n)-in.lo)
		}
		size *= float64(n)
	}
	return size
}

// stream decomposes the input by passes over its rows.
func stream[T device.Float](ctx context.Context, c *common, dev device.Device, in *input, o svd.Options, memory budget) (d decomposition[T], err error) {
	s := svd.StreamOptions{Rank: o.Rank, Oversampling: o.Oversampling, Memory: int64(memory), Vectors: o.Vectors, Seed: o.Seed}
	switch {
	case o.Tol != 0:
		return d, usagef("--tol needs the matrix in memory; give --rank, or more --memory")
	case !slices.Contains([]svd.Method{svd.Auto, svd.Randomized, svd.SinglePass}, o.Method) &&
		!(o.Method == svd.Full && o.Vectors == svd.None && o.Rank == 0):
		return d, usagef("--method %s needs the matrix in memory; give another one, or more --memory", o.Method)
	case o.Rank == 0 && (o.Method != svd.Auto && o.Method != svd.Full || o.Vectors != svd.None):
		return d, usagef("a decomposition by rows needs --rank, or --values-only for all values")
	case o.Method == svd.SinglePass:
		s.Passes = 1
	case o.PowerIterations > 0:
		s.Passes = o.PowerIterations + 1
	case o.PowerIterations < 0:
		s.Passes = -1
	}
	source, err := rowsOf[T](in)
	if err != nil {
		return d, err
	}
	d.rows, d.cols = source.Dims()
	bar := progress(c, -1, "rows")
	defer bar.Close()
	s.Progress = func(pass, rows int) { _ = bar.Set((pass-1)*d.rows + rows) }
	d.seconds, err = c.timed(func() (err error) {
		d.Result, err = svd.Stream(ctx, dev, source, s)
		return err
	})
	if errors.Is(err, device.ErrNotFinite) || errors.Is(err, device.ErrEmpty) {
		err = fmt.Errorf("%s: %w", in.file.Path, err)
	}
	return d, err
}
