package spectrum

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// stopping ends a context in a given application, which it does not make.
type stopping[T device.Float] struct {
	Operator[T]
	cancel func()
	left   int
}

func (s *stopping[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	if s.left--; s.left == 0 {
		s.cancel()
		return ctx.Err()
	}
	return s.Operator.Apply(ctx, q, dst, src)
}

// An interrupted computation goes on to the same numbers bit for bit, wherever
// it was interrupted, and finds a finished one without products.
func TestInterruptedGoesOnToTheSameNumbers(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testInterrupted[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testInterrupted[float32](t, dev) })
	})
}

func testInterrupted[T device.Float](t *testing.T, dev device.Device) {
	const n = 60
	op := laplacian[T](n)
	for name, run := range map[string]func(ctx context.Context, op Operator[T], s State) (any, error){
		"Eigs": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Eigs(ctx, dev, op, EigsOptions{K: 3, Basis: 16, Tol: 1e-5, State: s})
		},
		"Eigs, block": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Eigs(ctx, dev, op, EigsOptions{K: 3, Which: BothEnds, Basis: 16, Block: 3, Tol: 1e-4, State: s})
		},
		"SLQ": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return SLQ(ctx, dev, op, SLQOptions{Probes: 3, Steps: 20, State: s})
		},
		"SLQ, groups": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return SLQ(ctx, dev, op, SLQOptions{Probes: 3, Steps: 12, Reorth: FullReorth, Memory: 15 * n * uint64(width[T]()), State: s})
		},
		"SLQ, bare": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return SLQ(ctx, dev, op, SLQOptions{Probes: 4, Steps: 12, Memory: 10 * n * uint64(width[T]()), State: s})
		},
		"KPM": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return KPM(ctx, dev, op, KPMOptions{Moments: 40, Probes: 3, State: s})
		},
		"KPM, bounds too narrow at first": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return KPM(ctx, dev, Affine(op, 1, -2), KPMOptions{Moments: 40, Probes: 2, Seed: 3, State: s})
		},
		"LOBPCG": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return LOBPCG(ctx, dev, op, nil, device.Dense[T]{}, LOBPCGOptions{K: 3, Tol: 1e-4, State: s})
		},
		"Trace, hutchinson": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Trace(ctx, dev, op, TraceOptions{Method: Hutchinson, Budget: 55, State: s})
		},
		"Trace, hutch++": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Trace(ctx, dev, op, TraceOptions{Method: HutchPP, Budget: 59, State: s})
		},
		"Trace, xtrace": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Trace(ctx, dev, op, TraceOptions{Method: XTrace, Budget: 50, State: s})
		},
		"Trace, xnystrace": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Trace(ctx, dev, op, TraceOptions{Method: XNysTrace, Budget: 50, State: s})
		},
		"Trace, exact": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Trace(ctx, dev, op, TraceOptions{Method: ExactTrace, State: s})
		},
		"Trace to a target": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Trace(ctx, dev, op, TraceOptions{Target: 0.02, State: s})
		},
		"Diag, xtrace": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Diag(ctx, dev, op, DiagOptions{Budget: 50, State: s})
		},
		"Diag, hutchinson": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Diag(ctx, dev, op, DiagOptions{Method: Hutchinson, Budget: 55, State: s})
		},
		"Diag, exact": func(ctx context.Context, op Operator[T], s State) (any, error) {
			return Diag(ctx, dev, op, DiagOptions{Method: ExactTrace, State: s})
		},
	} {
		path := filepath.Join(t.TempDir(), "state")
		whole, err := run(ctx, op, State{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// One run, interrupted again and again.
		for after := 1; ; after++ {
			cancelled, cancel := context.WithCancel(ctx)
			// Two more applications than before: the first sees whether the
			// operator is that of the state, Eigs makes another.
			s := &stopping[T]{op, cancel, 2 + after}
			got, err := run(cancelled, s, State{Path: path})
			cancel()
			if err == nil {
				if !reflect.DeepEqual(got, whole) {
					t.Errorf("%s, interrupted %d times: another result:\n%+v\n%+v", name, after-1, got, whole)
				}
				if after < 3 {
					t.Errorf("%s: interrupted %d times only", name, after-1)
				}
				break
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: %v", name, err)
			}
		}
		counting := &stopping[T]{Operator: op, left: 1 << 40}
		again, err := run(ctx, counting, State{Path: path})
		if err != nil || !reflect.DeepEqual(again, whole) {
			t.Errorf("%s: the finished state gave another result: %v", name, err)
		}
		if made := 1<<40 - counting.left; made > 2 {
			t.Errorf("%s: %d applications although it was finished", name, made)
		}
	}
}

// More products go on where an earlier call ran out of them.
func TestMoreProducts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	op := laplacian[float64](300)
	o := EigsOptions{K: 4, Basis: 20, Tol: 1e-8, MaxProducts: 5000}
	want, err := Eigs(ctx, device.Go(), op, o)
	if err != nil {
		t.Fatal(err)
	}
	o.State.Path = path
	o.MaxProducts = 100
	if _, err := Eigs(ctx, device.Go(), op, o); !errors.Is(err, device.ErrNotConverged) {
		t.Fatal(err)
	}
	o.MaxProducts = 5000
	got, err := Eigs(ctx, device.Go(), op, o)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got.Values {
		if d := v - want.Values[i]; d > 1e-13 || d < -1e-13 {
			t.Errorf("value %d is %v, want %v", i, v, want.Values[i])
		}
	}
	if got.Products > want.Products+4 { // it may look once more
		t.Errorf("%d products, %d without interruption", got.Products, want.Products)
	}
}

// Every computation sees a change of its operator that does not touch the
// vectors which it has found so far, also at its end.
func TestStateOfANearbyOperator(t *testing.T) {
	d := outliers(60)
	near := slices.Clone(d)
	near[40] += 0.1
	op, other := diagonal[float64](d), diagonal[float64](near)
	for name, run := range map[string]func(op Operator[float64], s State) error{
		"Eigs": func(op Operator[float64], s State) error {
			_, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 2, Basis: 8, State: s})
			return err
		},
		"Eigs, block": func(op Operator[float64], s State) error {
			_, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 2, Block: 3, State: s})
			return err
		},
		"LOBPCG": func(op Operator[float64], s State) error {
			_, err := LOBPCG(ctx, device.Go(), op, nil, device.Dense[float64]{}, LOBPCGOptions{K: 2, State: s})
			return err
		},
		"SLQ": func(op Operator[float64], s State) error {
			_, err := SLQ(ctx, device.Go(), op, SLQOptions{Probes: 2, Steps: 9, State: s})
			return err
		},
		"KPM": func(op Operator[float64], s State) error {
			_, err := KPM(ctx, device.Go(), op, KPMOptions{Probes: 2, Moments: 9, State: s})
			return err
		},
		"Trace": func(op Operator[float64], s State) error {
			_, err := Trace(ctx, device.Go(), op, TraceOptions{Budget: 30, State: s})
			return err
		},
		"Diag": func(op Operator[float64], s State) error {
			_, err := Diag(ctx, device.Go(), op, DiagOptions{Budget: 30, State: s})
			return err
		},
	} {
		s := State{Path: filepath.Join(t.TempDir(), "state")}
		refuses(t, name, nil, func() error { return run(op, s) })
		refuses(t, name+", other operator", device.ErrArgument, func() error { return run(other, s) })
		refuses(t, name+", again", nil, func() error { return run(op, s) })
	}
}

// A state that is damaged, or of something else, is refused and left alone.
func TestForeignStates(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	op := laplacian[float64](60)
	slq := func(op Operator[float64], o SLQOptions) error {
		o.State.Path = path
		_, err := SLQ(ctx, device.Go(), op, o)
		return err
	}
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &stopping[float64]{op, cancel, 5}
	if _, err := SLQ(cancelled, device.Go(), s, SLQOptions{Probes: 2, Steps: 9, State: State{Path: path}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := SLQOptions{Probes: 2, Steps: 9}
	refuses(t, "other steps", device.ErrArgument, func() error { return slq(op, SLQOptions{Probes: 2, Steps: 8}) })
	refuses(t, "other seed", device.ErrArgument, func() error { return slq(op, SLQOptions{Probes: 2, Steps: 9, Seed: 1}) })
	refuses(t, "other dimension", device.ErrArgument, func() error { return slq(laplacian[float64](61), o) })
	refuses(t, "other operator", device.ErrArgument, func() error { return slq(Affine(op, 2, 0), o) })
	refuses(t, "other type", device.ErrArgument, func() error {
		_, err := SLQ(ctx, device.Go(), laplacian[float32](60), SLQOptions{Probes: 2, Steps: 9, State: State{Path: path}})
		return err
	})
	refuses(t, "other function", device.ErrArgument, func() error {
		_, err := Eigs(ctx, device.Go(), op, EigsOptions{K: 1, State: State{Path: path}})
		return err
	})
	for name, damage := range map[string]func([]byte) []byte{
		"empty":         func([]byte) []byte { return nil },
		"short":         func(b []byte) []byte { return b[:len(b)-1] },
		"half":          func(b []byte) []byte { return b[:len(b)/2] },
		"only the head": func(b []byte) []byte { return b[:len(stateMagic)+3] },
		"long":          func(b []byte) []byte { return append(b, 0) },
		"a bit":         func(b []byte) []byte { b[len(b)/2] ^= 4; return b },
		"length":        func(b []byte) []byte { b[len(stateMagic)+7] = 0x7f; return b },
		"magic":         func(b []byte) []byte { b[0] = 'R'; return b },
	} {
		bad := damage(append([]byte(nil), good...))
		if err := os.WriteFile(path, bad, 0o644); err != nil {
			t.Fatal(err)
		}
		refuses(t, name, device.ErrArgument, func() error { return slq(op, o) })
		if now, err := os.ReadFile(path); err != nil || string(now) != string(bad) {
			t.Errorf("%s: the file was written to: %v", name, err)
		}
	}
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	refuses(t, "whole", nil, func() error { return slq(op, o) })
	refuses(t, "other operator at the end", device.ErrArgument, func() error { return slq(Affine(op, 2, 0), o) })
	refuses(t, "a folder", errAny, func() error {
		_, err := SLQ(ctx, device.Go(), op, SLQOptions{Probes: 2, Steps: 9, State: State{Path: dir}})
		return some(err)
	})
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", fmt.Sprint(left), err)
	}
}
