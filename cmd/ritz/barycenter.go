package main

import (
	"context"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// barycenter runs ritz sinkhorn --barycenter.
func barycenter(ctx context.Context, c *common, t transport) error {
	in, err := locate(t.barycenter, "")
	if err != nil {
		return err
	}
	if c.precision(in) == "f32" {
		return runBarycenter[float32](ctx, c, t, in)
	}
	return runBarycenter[float64](ctx, c, t, in)
}

func runBarycenter[T device.Float](ctx context.Context, c *common, t transport, in *input) error {
	dev, err := c.open()
	if err != nil {
		return err
	}
	defer dev.Close()
	a, err := array[T](in)
	if err != nil {
		return err
	}
	var p sinkhorn.BarycenterProblem[T]
	var shape []int // of the barycenter
	switch {
	case t.cost != "":
		rows, cols, data := a.Matrix()
		p.Measures = device.Dense[T]{Rows: rows, Cols: cols, Stride: cols, Data: data}
		if p.Cost, err = read[T](t.cost); err != nil {
			return err
		}
		shape = []int{p.Cost.Cols}
	case len(a.Shape) < 3:
		return usagef("%s has shape %v, not that of a stack of images; measures in rows need --cost", in.file.Path, a.Shape)
	default:
		shape = a.Shape[1:]
		n := 1
		for _, s := range shape {
			n *= s
		}
		p.Measures, p.Shape = device.Dense[T]{Rows: a.Shape[0], Cols: n, Stride: n, Data: a.Data}, shape
	}
	if t.weights != "" {
		if p.Weights, err = vector[float64](t.weights); err != nil {
			return err
		}
	}
	o := sinkhorn.BarycenterOptions{Debiased: t.debiased}
	o.Epsilon, o.Tol, o.MaxIterations = t.options.Epsilon, t.options.Tol, t.options.MaxIterations
	var r *sinkhorn.BarycenterResult[T]
	seconds, failure := c.timed(func() (err error) {
		r, err = sinkhorn.Barycenter(ctx, dev, p, o)
		return err
	})
	if failure != nil && !notConverged(failure) {
		return failure
	}
	out := c.begin("sinkhorn", dev, c.precision(in), p.Measures.Rows, p.Measures.Cols)
	out.Method, out.Seconds, out.Iterations = "barycenter", seconds, r.Iterations
	out.Curve, out.CurveName = r.History, "error of the marginals"
	out.Measures = map[string]float64{"epsilon": o.Epsilon}
	out.Certificate = certificate("marginal_l1", r.Certificate.MarginalL1, "lower", r.Certificate.Lower)
	if c.output != "" {
		if err := save(c, out, "barycenter.npy", shape, r.B); err != nil {
			return err
		}
	}
	return c.finish(out, func(path string) error {
		if len(p.Shape) == 2 {
			return picture.Image(path, "Barycenter", shape[0], shape[1], doubles(r.B))
		}
		return picture.Curve(path, "Barycenter", "iteration", out.CurveName, out.Curve)
	}, failure)
}
