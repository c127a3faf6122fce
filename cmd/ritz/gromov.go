package main

import (
	"context"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// gromov runs ritz sinkhorn --gromov.
func gromov(ctx context.Context, c *common, t transport) error {
	var files []*input
	for _, name := range []string{t.x, t.y, t.xCost, t.yCost, t.cost} {
		if name == "" {
			continue
		}
		in, err := locate(name, "")
		if err != nil {
			return err
		}
		files = append(files, in)
	}
	c.takes(6, files...)
	if c.precision(files...) == "f32" {
		return runGromov[float32](ctx, c, t, "f32")
	}
	return runGromov[float64](ctx, c, t, "f64")
}

func runGromov[T device.Float](ctx context.Context, c *common, t transport, dtype string) error {
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	p := sinkhorn.GromovProblem[T]{Alpha: t.alpha}
	for _, part := range []struct {
		name string
		to   *device.Dense[T]
	}{{t.x, &p.X}, {t.y, &p.Y}, {t.xCost, &p.CostX}, {t.yCost, &p.CostY}, {t.cost, &p.Linear}} {
		if part.name == "" {
			continue
		}
		if *part.to, err = read[T](part.name); err != nil {
			return err
		}
	}
	for _, part := range []struct {
		name string
		to   *[]T
	}{{t.a, &p.A}, {t.b, &p.B}} {
		if part.name == "" {
			continue
		}
		if *part.to, err = vector[T](part.name); err != nil {
			return err
		}
	}
	o := sinkhorn.GromovOptions{Normalize: t.options.Normalize, Epsilon: t.options.Epsilon, Tol: t.options.Tol, MaxIterations: t.options.MaxIterations, Seed: c.seed}
	var r *sinkhorn.GromovResult[T]
	seconds, failure := c.timed(func() (err error) {
		r, err = sinkhorn.Gromov(ctx, dev, p, o)
		return err
	})
	if failure != nil && !notConverged(failure) {
		return failure
	}
	n, m := r.Plan.Rows, r.Plan.Cols
	out := c.begin("sinkhorn", dev, dtype, n, m)
	out.Method, out.Seconds, out.Iterations = "gromov", seconds, r.Iterations
	out.Cost, out.Curve, out.CurveName = &r.Value, r.History, "objective"
	out.Measures = map[string]float64{"epsilon": o.Epsilon, "objective": r.Objective, "quadratic": r.Quadratic, "linear": r.Linear}
	k := r.Certificate
	out.Certificate = certificate("marginal_l1", k.MarginalL1, "stationarity", k.Stationarity, "lower", k.Lower, "upper", k.Upper)
	if c.output != "" {
		s := solved[T]{n: n, m: m, plan: func(dst device.Dense[T]) error {
			for i := range dst.Rows {
				copy(dst.Row(i), r.Plan.Row(i))
			}
			return nil
		}}
		if err := s.savePlan(c, out, t.sparse); err != nil {
			return err
		}
	}
	return c.finish(out, func(path string) error {
		return picture.Curve(path, "Gromov-Wasserstein coupling", "iteration", out.CurveName, out.Curve)
	}, failure)
}
