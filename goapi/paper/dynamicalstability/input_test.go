package dynamicalstability

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/matrices"
	"github.com/ritz-go/ritz/tests/refusal"
)

func TestBadGradients(t *testing.T) {
	good := gradients(1, 6, 4)
	for name, bad := range refusal.Matrices(good) {
		refuses(t, name, bad.Want, func() error {
			_, err := Analyze(t.Context(), device.Go(), bad.A, 1, Options{})
			return err
		})
		refuses(t, "alignment, "+name, bad.Want, func() error {
			_, err := Alignment(device.Go(), bad.A, make([]float64, 6))
			return err
		})
	}
	for _, batch := range []int{-1, 0, 7} {
		refuses(t, "batch", device.ErrArgument, func() error {
			_, err := Analyze(t.Context(), device.Go(), good, batch, Options{})
			return err
		})
	}
	refuses(t, "tolerance", device.ErrArgument, func() error {
		_, err := Analyze(t.Context(), device.Go(), good, 1, Options{Tol: -1})
		return err
	})
	for name, c := range map[string]struct {
		residuals []float64
		want      error
	}{
		"too few": {make([]float64, 5), device.ErrShape},
		"NaN":     {[]float64{1, 2, 3, math.NaN(), 5, 6}, device.ErrNotFinite},
		"zero":    {make([]float64, 6), device.ErrArgument},
	} {
		refuses(t, "residuals, "+name, c.want, func() error {
			_, err := Alignment(device.Go(), good, c.residuals)
			return err
		})
	}
}

func TestBadModels(t *testing.T) {
	x := matrices.Normal[float64](1, 5, 3)
	nan := math.NaN()
	for name, c := range map[string]struct {
		m    ReLU
		want error
	}{
		"no units":        {ReLU{}, device.ErrEmpty},
		"too few outputs": {ReLU{A: []float64{1}, W: matrices.Normal[float64](1, 2, 3)}, device.ErrShape},
		"NaN":             {ReLU{A: []float64{nan}, W: matrices.Normal[float64](1, 1, 3)}, device.ErrNotFinite},
		"features":        {ReLU{A: []float64{1}, W: matrices.Normal[float64](1, 1, 4)}, device.ErrShape},
	} {
		refuses(t, "ReLU, "+name, c.want, func() error {
			_, err := c.m.Gradients(x)
			return err
		})
	}
	refuses(t, "Hessian of no units", device.ErrEmpty, func() error {
		_, err := ReLU{}.GaussianHessian()
		return err
	})
	three := []float64{1, 2, 3}
	for name, c := range map[string]struct {
		m    Diagonal
		want error
	}{
		"empty":    {Diagonal{}, device.ErrEmpty},
		"lengths":  {Diagonal{three, three[:2]}, device.ErrShape},
		"NaN":      {Diagonal{three, []float64{1, nan, 2}}, device.ErrNotFinite},
		"features": {Diagonal{three[:2], three[:2]}, device.ErrShape},
	} {
		refuses(t, "diagonal, "+name, c.want, func() error {
			_, err := c.m.Gradients(x)
			return err
		})
	}
	good := Regression{Net: Diagonal{three, three}, X: x, Y: make([]float64, 5)}
	for name, c := range map[string]struct {
		r    Regression
		d    Descent
		want error
	}{
		"no step":     {good, Descent{Batch: 1, Steps: 1}, device.ErrArgument},
		"NaN step":    {good, Descent{Step: nan, Batch: 1, Steps: 1}, device.ErrArgument},
		"no batch":    {good, Descent{Step: 1, Steps: 1}, device.ErrArgument},
		"large batch": {good, Descent{Step: 1, Batch: 6, Steps: 1}, device.ErrArgument},
		"no steps":    {good, Descent{Step: 1, Batch: 1}, device.ErrArgument},
		"loss":        {good, Descent{Step: 1, Batch: 1, Steps: 1, Loss: -1}, device.ErrArgument},
		"targets":     {Regression{good.Net, x, make([]float64, 4)}, Descent{Step: 1, Batch: 1, Steps: 1}, device.ErrArgument},
		"NaN target":  {Regression{good.Net, x, []float64{0, 0, nan, 0, 0}}, Descent{Step: 1, Batch: 1, Steps: 1}, device.ErrNotFinite},
		"no samples":  {Regression{Net: good.Net}, Descent{Step: 1, Batch: 1, Steps: 1}, device.ErrEmpty},
	} {
		refuses(t, name, c.want, func() error {
			_, err := c.r.Descend(t.Context(), c.d)
			return err
		})
	}
}
