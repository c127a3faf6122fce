package hessianspectrum

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/spectrum"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Sagun et al. 2017, on fewer digits and classes than by default.
func TestClaimsOfThePaper(t *testing.T) {
	if testing.Short() {
		t.Skip("trains nine networks")
	}
	s := sizes{classes: []int{2, 5}, samples: 120, steps: 2000, hidden: 6, blobs: []int{2, 3}, widths: []int{6, 12},
		points: []int{6}, line: 150, lineSGD: 500, lineUnit: 8}
	r, err := s.reproduce(t.Context(), device.Go(), paper.Options{Data: "../../../tests/data"})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Claims) != 7 || len(r.Tables) != 3 || len(r.Charts) != 3 {
		t.Fatalf("%d claims, %d tables, %d charts", len(r.Claims), len(r.Tables), len(r.Charts))
	}
	for _, c := range r.Claims {
		if !c.Holds {
			t.Errorf("%s: %s", c.Statement, c.Figures)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestReproduceRefuses(t *testing.T) {
	if _, err := Reproduce(t.Context(), device.Go(), paper.Options{Data: t.TempDir()}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without data: %v", err)
	}
	if _, err := Reproduce(refusal.After(5), device.Go(), paper.Options{Data: "../../../tests/data"}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// skew is an operator that is not symmetric.
func skew(n int, v float64) spectrum.Operator[float64] {
	return spectrum.Func(n, func(_ context.Context, dst, src []float64) error {
		copy(dst, src)
		dst[0] += v * src[n-1]
		return nil
	})
}

func TestBadInput(t *testing.T) {
	ctx, dev := t.Context(), device.Go()
	net, data := problem(t, []int{5, 6, 3}, 30)
	wide, _ := problem(t, []int{5, 7, 3}, 30)
	broken := &nn.Network[float64]{Architecture: net.Architecture, Theta: append([]float64(nil), net.Theta...)}
	broken.Theta[0] = math.NaN()
	many := nn.Data[float64]{X: device.NewDense[float64](Limit, 5), Labels: make([]int, Limit)}
	thin := nn.Data[float64]{X: device.NewDense[float64](30, 4), Labels: make([]int, 30)}
	nan := math.NaN()
	for name, c := range map[string]struct {
		want error
		f    func() error
	}{
		"no operator":       {device.ErrArgument, func() error { _, _, err := Assemble[float64](ctx, dev, nil); return err }},
		"beyond the limit":  {device.ErrArgument, func() error { _, _, err := Assemble(ctx, dev, skew(Limit+1, 0)); return err }},
		"not symmetric":     {device.ErrArgument, func() error { _, _, err := Assemble(ctx, dev, skew(5, 1)); return err }},
		"NaN operator":      {device.ErrNotFinite, func() error { _, _, err := Assemble(ctx, dev, skew(5, nan)); return err }},
		"cancelled":         {context.Canceled, func() error { _, _, err := Assemble(refusal.After(0), dev, skew(5, 0)); return err }},
		"NaN weights":       {device.ErrNotFinite, func() error { _, err := GaussNewton(ctx, dev, broken, data); return err }},
		"other features":    {device.ErrShape, func() error { _, err := GaussNewton(ctx, dev, net, thin); return err }},
		"too many samples":  {device.ErrArgument, func() error { _, err := GaussNewton(ctx, dev, net, many); return err }},
		"no eigenvalues":    {device.ErrEmpty, func() error { _, err := Analyze(nil, Options{}); return err }},
		"NaN eigenvalue":    {device.ErrNotFinite, func() error { _, err := Analyze([]float64{1, nan}, Options{}); return err }},
		"rule":              {device.ErrArgument, func() error { _, err := Analyze([]float64{1}, Options{Rule: "x"}); return err }},
		"share":             {device.ErrArgument, func() error { _, err := Analyze([]float64{1}, Options{Share: 2}); return err }},
		"quantile":          {device.ErrArgument, func() error { _, err := Analyze([]float64{1}, Options{Quantile: 1}); return err }},
		"factor":            {device.ErrArgument, func() error { _, err := Analyze([]float64{1}, Options{Factor: 0.5}); return err }},
		"among":             {device.ErrArgument, func() error { _, err := Analyze([]float64{1}, Options{Among: -1}); return err }},
		"negligible":        {device.ErrArgument, func() error { _, err := Analyze([]float64{1}, Options{Negligible: nan}); return err }},
		"other sizes":       {device.ErrShape, func() error { _, err := Line(ctx, dev, net, wide, data, 3); return err }},
		"one point":         {device.ErrArgument, func() error { _, err := Line(ctx, dev, net, net, data, 1); return err }},
		"line of NaN":       {device.ErrNotFinite, func() error { _, err := Line(ctx, dev, net, broken, data, 3); return err }},
		"no clusters":       {device.ErrEmpty, func() error { _, err := Blobs(0, 3, 5, 1, 1, 0); return err }},
		"no samples":        {device.ErrEmpty, func() error { _, err := Blobs(2, 3, 0, 1, 1, 0); return err }},
		"separation":        {device.ErrArgument, func() error { _, err := Blobs(2, 3, 5, nan, 1, 0); return err }},
		"noise":             {device.ErrArgument, func() error { _, err := Blobs(2, 3, 5, 1, -1, 0); return err }},
		"no step":           {device.ErrArgument, func() error { return Descent{Steps: 1}.Run(ctx, dev, net, data) }},
		"batch":             {device.ErrArgument, func() error { return Descent{Step: 1, Batch: 31}.Run(ctx, dev, net, data) }},
		"steps":             {device.ErrArgument, func() error { return Descent{Step: 1, Steps: -1}.Run(ctx, dev, net, data) }},
		"cancelled descent": {context.Canceled, func() error { return Descent{Step: 1e-9, Steps: 1 << 40}.Run(refusal.After(50), dev, net, data) }},
	} {
		refuses(t, name, c.want, c.f)
	}
}
