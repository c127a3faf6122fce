package svd

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Every exported function refuses bad input of either type on every device.
func TestBadArguments(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testBadArguments[float64], testBadArguments[float32])
	})
}

func testBadArguments[T device.Float](t *testing.T, dev device.Device) {
	good := normal[T](1, 6, 5)
	for name, bad := range refusal.Matrices(good) {
		for _, o := range []Options{{}, {Vectors: None}, {Rank: 2, Method: Randomized}} {
			refuses(t, name, bad.Want, func() error { _, err := Compute(ctx, dev, bad.A, o); return err })
		}
	}
	for name, c := range map[string]struct {
		a    device.Dense[T]
		o    Options
		want error
	}{
		"rank > k":            {good, Options{Rank: 6}, device.ErrArgument},
		"rank < 0":            {good, Options{Rank: -1}, device.ErrArgument},
		"method":              {good, Options{Method: "svds"}, device.ErrArgument},
		"oversampling < 0":    {good, Options{Oversampling: -1}, device.ErrArgument},
		"power iterations":    {good, Options{PowerIterations: -1}, device.ErrArgument},
		"huge oversampling":   {good, Options{Rank: 2, Oversampling: math.MaxInt, Method: Randomized}, nil},
		"huge power":          {good, Options{Rank: 2, PowerIterations: math.MaxInt, Method: Randomized}, nil},
		"huge power, auto":    {good, Options{Rank: 2, PowerIterations: math.MaxInt - 1}, nil},
		"oversampling beyond": {good, Options{Rank: 5, Oversampling: 100, Method: Randomized}, nil},
	} {
		refuses(t, name, c.want, func() error { _, err := Compute(ctx, dev, c.a, c.o); return err })
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, o := range []Options{{}, {Rank: 1}, {Vectors: None}, {Rank: 1, Method: Randomized, Oversampling: 1, PowerIterations: 1}} {
		refuses(t, "cancelled", context.Canceled, func() error { _, err := Compute(cancelled, dev, good, o); return err })
	}

	q := device.NewQueue[T](dev)
	defer q.Close()
	a, other := q.Alloc(6, 5), device.NewQueue[T](dev)
	q.Upload(a, good)
	nan := q.Alloc(6, 5)
	q.Fill(T(math.NaN()), nan)
	late := func() device.Matrix[T] { defer other.Scope()(); return other.Alloc(6, 5) }()
	for name, c := range map[string]struct {
		a    device.Matrix[T]
		o    Options
		want error
	}{
		"zero Matrix":    {device.Matrix[T]{}, Options{}, device.ErrShape},
		"no rows":        {q.Alloc(0, 5), Options{}, device.ErrEmpty},
		"beyond buffer":  {a.Slice(0, 7, 0, 5), Options{}, device.ErrShape},
		"negative shape": {a.Slice(3, 1, 0, 5), Options{}, device.ErrShape},
		"LD":             {device.Matrix[T]{Rows: 3, Cols: 3, LD: 1, Buf: a.Buf}, Options{}, device.ErrShape},
		"offset":         {device.Matrix[T]{Rows: 3, Cols: 3, LD: 3, Off: -1, Buf: a.Buf}, Options{}, device.ErrShape},
		"overflowing LD": {device.Matrix[T]{Rows: 3, Cols: 3, LD: 1 << 62, Buf: a.Buf}, Options{}, device.ErrShape},
		"freed":          {late, Options{}, device.ErrShape},
		"NaN":            {nan, Options{}, device.ErrNotFinite},
		"rank":           {a, Options{Rank: 6}, device.ErrArgument},
	} {
		refuses(t, "Factor, "+name, c.want, func() error {
			_, err := Factor(ctx, q, c.a, c.o)
			if err == nil {
				err = q.Sync()
			}
			return err
		})
	}
	refuses(t, "Factor, cancelled", context.Canceled, func() error { _, err := Factor(cancelled, q, a, Options{}); return err })
	if _, err := Factor(ctx, q, a, Options{}); err != nil {
		t.Errorf("the queue is unusable after errors: %v", err)
	}
	other.Close()
	refuses(t, "Factor, closed queue", device.ErrClosed, func() error { _, err := Factor(ctx, other, a, Options{}); return err })
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	q := dev.F64()
	a := q.Alloc(6, 5)
	dev.Close()
	good := normal[float64](1, 6, 5)
	for _, o := range []Options{{}, {Vectors: None}, {Rank: 1, Method: Randomized, Oversampling: 1, PowerIterations: 1}} {
		refuses(t, "Compute", device.ErrClosed, func() error { _, err := Compute(ctx, dev, good, o); return err })
		refuses(t, "Compute without device", device.ErrClosed, func() error { _, err := Compute(ctx, nil, good, o); return err })
		refuses(t, "Factor", device.ErrClosed, func() error { _, err := Factor(ctx, q, a, o); return err })
	}
}

// Whenever the context ends, its error comes back, and after the next stage.
func TestCancelledBetweenStages(t *testing.T) {
	a := normal[float64](2, 40, 30)
	for _, o := range []Options{{}, {Rank: 2, Method: Randomized, Oversampling: 2, PowerIterations: 4}} {
		for looks := 0; ; looks++ {
			c := refusal.After(looks)
			_, err := Compute(c, device.Go(), a, o)
			if err == nil {
				if looks == 0 {
					t.Errorf("%+v: the context is never looked at", o)
				}
				break
			}
			if !errors.Is(err, context.Canceled) || c.Late() != 0 {
				t.Fatalf("%+v: %v, %d looks after the end", o, err, c.Late())
			}
		}
	}
}
