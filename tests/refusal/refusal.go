// Package refusal tests that bad input is refused: by the right error, without
// a panic, and that work ends with its context.
package refusal

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Expect runs f, which must return an error that matches want, and no panic.
func Expect(t *testing.T, name string, want error, f func() error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", name, p)
		}
	}()
	if err := f(); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", name, err, want)
	}
}

// Countdown is a context that ends after some looks at it.
type Countdown struct {
	context.Context
	left int
}

// After returns a context that is cancelled from look number looks on,
// counting from 0.
func After(looks int) *Countdown { return &Countdown{context.Background(), looks} }

func (c *Countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Late returns how many looks there were after the one that told of the end.
func (c *Countdown) Late() int { return max(0, -1-c.left) }

// BadMatrix is a matrix that no algorithm takes.
type BadMatrix[T device.Float] struct {
	A    device.Dense[T]
	Want error // what the refusal matches
}

// Matrices returns bad matrices by what is wrong with them. Those that are not
// finite are good otherwise, of the shape of good and with its elements but
// one.
func Matrices[T device.Float](good device.Dense[T]) map[string]BadMatrix[T] {
	with := func(v float64) device.Dense[T] {
		a := good.Clone()
		a.Set(a.Rows/2, a.Cols/2, T(v))
		return a
	}
	return map[string]BadMatrix[T]{
		"NaN":               {with(math.NaN()), device.ErrNotFinite},
		"+Inf":              {with(math.Inf(1)), device.ErrNotFinite},
		"-Inf":              {with(math.Inf(-1)), device.ErrNotFinite},
		"zero value":        {device.Dense[T]{}, device.ErrEmpty},
		"no rows":           {device.NewDense[T](0, 5), device.ErrEmpty},
		"no columns":        {device.NewDense[T](5, 0), device.ErrEmpty},
		"too little data":   {device.Dense[T]{Rows: 3, Cols: 3, Stride: 3, Data: make([]T, 8)}, device.ErrShape},
		"no data":           {device.Dense[T]{Rows: 3, Cols: 3, Stride: 3}, device.ErrShape},
		"stride":            {device.Dense[T]{Rows: 3, Cols: 3, Stride: 2, Data: make([]T, 9)}, device.ErrShape},
		"stride 0":          {device.Dense[T]{Rows: 3, Cols: 3, Data: make([]T, 9)}, device.ErrShape},
		"negative stride":   {device.Dense[T]{Rows: 3, Cols: 3, Stride: -3, Data: make([]T, 9)}, device.ErrShape},
		"negative rows":     {device.Dense[T]{Rows: -3, Cols: 3, Stride: 3}, device.ErrShape},
		"overflowing shape": {device.Dense[T]{Rows: math.MaxInt, Cols: 3, Stride: math.MaxInt, Data: make([]T, 9)}, device.ErrShape},
	}
}
