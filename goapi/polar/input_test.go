package polar

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Every exported function refuses bad input of either type on every device.
func TestBadArguments(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		t.Run("f64", func(t *testing.T) { testBadArguments[float64](t, dev) })
		t.Run("f32", func(t *testing.T) { testBadArguments[float32](t, dev) })
	})
}

func testBadArguments[T device.Float](t *testing.T, dev device.Device) {
	good := device.Convert[T](device.FromMat(boxMuller(1, 4, 5).a))
	nan, inf := math.NaN(), math.Inf(1)
	type attempt struct {
		a    device.Dense[T]
		o    Options
		want error
	}
	attempts := map[string]attempt{
		"method":            {good, Options{Method: "lanczos"}, device.ErrArgument},
		"negative steps":    {good, Options{Steps: -1}, device.ErrArgument},
		"too many steps":    {good, Options{Steps: 1001}, device.ErrArgument},
		"huge steps":        {good, Options{Steps: math.MaxInt}, device.ErrArgument},
		"negative Tol":      {good, Options{Tol: -1}, device.ErrArgument},
		"NaN Tol":           {good, Options{Tol: nan}, device.ErrArgument},
		"infinite Tol":      {good, Options{Tol: inf}, device.ErrArgument},
		"Lower above 1":     {good, Options{Lower: 2}, device.ErrArgument},
		"negative Lower":    {good, Options{Lower: -0.1}, device.ErrArgument},
		"NaN Lower":         {good, Options{Lower: nan}, device.ErrArgument},
		"denormal Lower":    {good, Options{Lower: 5e-324, Method: Express, Steps: 3}, nil},
		"Lower 1":           {good, Options{Lower: 1}, nil},
		"tiny Lower":        {good, Options{Lower: 1e-30}, nil},
		"a thousand steps":  {good, Options{Method: Quintic, Steps: 1000}, nil},
		"express, thousand": {good, Options{Method: Express, Steps: 1000}, nil},
		"svd with steps":    {good, Options{Method: SVD, Steps: 7}, nil},
		"form":              {good, Options{Form: "wide"}, device.ErrArgument},
		"no such precision": {good, Options{Method: Muon, Precision: 9}, device.ErrArgument},
		"rounded until Tol": {good, Options{Precision: device.TF32}, device.ErrArgument},
		"rounded SVD":       {good, Options{Method: SVD, Steps: 3, Precision: device.BF16}, device.ErrArgument},
		"rounded":           {good, Options{Method: Muon, Precision: device.BF16}, nil},
		"rounded halley":    {good, Options{Method: Halley, Error: .1, Precision: device.BF16}, device.ErrArgument},
		"rounded express":   {good, Options{Method: Express, Error: .5, Precision: device.BF16}, nil},
		"no certificate":    {good, Options{Method: Muon, NoCertificate: true}, nil},
		"nothing to end it": {good, Options{Method: Express, NoCertificate: true}, device.ErrArgument},
		"uncertified auto":  {good, Options{Steps: 3, NoCertificate: true}, device.ErrArgument},
		"Error 1":           {good, Options{Error: 1}, device.ErrArgument},
		"negative Error":    {good, Options{Error: -.1}, device.ErrArgument},
		"NaN Error":         {good, Options{Error: nan}, device.ErrArgument},
		"Error and Tol":     {good, Options{Error: .1, Tol: .1}, device.ErrArgument},
		"restart 0":         {good, Options{Restarts: []int{0}}, device.ErrArgument},
		"equal restarts":    {good, Options{Restarts: []int{2, 2}}, device.ErrArgument},
		"late restart":      {good, Options{Method: Muon, Restarts: []int{2, 99}}, nil},
		"no coefficients":   {good, Options{Method: Custom}, device.ErrArgument},
		"coefficients":      {good, Options{Method: Muon, Coefficients: []Coefficients{MuonStep}}, device.ErrArgument},
		"NaN coefficients":  {good, Options{Method: Custom, Coefficients: []Coefficients{{1, nan, 0}}}, device.ErrArgument},
		"negative slope":    {good, Options{Method: Custom, Coefficients: []Coefficients{{-1, 0, 0}}}, device.ErrArgument},
		"diverging":         {good, Options{Method: Custom, Steps: 90, Coefficients: []Coefficients{{9, 9, 9}}}, device.ErrNotFinite},
	}
	for name, bad := range refusal.Matrices(good) {
		for _, m := range []Method{Auto, Muon, SVD} {
			attempts[fmt.Sprintf("%s, %s", name, m)] = attempt{bad.A, Options{Method: m}, bad.Want}
		}
	}
	for name, c := range attempts {
		refuses(t, name, c.want, func() error {
			r, err := Compute(ctx, dev, c.a, c.o)
			if err == nil && device.CheckInput("Q", r.Q) != nil {
				t.Errorf("%s: the factor is not finite", name)
			}
			if c.want != nil && r != nil {
				t.Errorf("%s: a result with %v", name, err)
			}
			return err
		})
		if c.want != nil { // one bad matrix refuses the batch before any work
			refuses(t, name+", batch", c.want, func() error {
				r, err := ComputeBatch(ctx, dev, []device.Dense[T]{good, c.a}, c.o)
				if len(r) != 0 {
					t.Errorf("%s: %d results", name, len(r))
				}
				return err
			})
		}
	}
	broken := good.Clone()
	broken.Set(2, 3, T(nan))
	_, err := ComputeBatch(ctx, dev, []device.Dense[T]{good, good, broken, good}, Options{})
	if found := new(device.NotFiniteError); !errors.As(err, &found) || found.Name != "matrix 2" || found.Row != 2 || found.Col != 3 {
		t.Errorf("NaN in the matrix with index 2 at (2,3): %v", err)
	}
	_, err = ComputeBatch(ctx, dev, []device.Dense[T]{good, good, device.NewDense[T](0, 3)}, Options{})
	if err == nil || !strings.Contains(err.Error(), "matrix 2") {
		t.Errorf("no rows in the matrix with index 2: %v", err)
	}
	refuses(t, "empty batch", nil, func() error { _, err := ComputeBatch[T](ctx, dev, nil, Options{}); return err })
	refuses(t, "options of an empty batch", device.ErrArgument, func() error {
		_, err := ComputeBatch[T](ctx, dev, nil, Options{Steps: -1})
		return err
	})
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for _, m := range Methods {
		if m == Custom {
			continue
		}
		refuses(t, "cancelled "+string(m), context.Canceled, func() error {
			_, err := Compute(cancelled, dev, good, Options{Method: m})
			return err
		})
	}

	q, other := device.NewQueue[T](dev), device.NewQueue[T](dev)
	defer q.Close()
	a, out := q.Alloc(4, 5), q.Alloc(4, 5)
	q.Upload(a, good)
	bad := q.Alloc(4, 5)
	q.Fill(T(inf), bad)
	for name, c := range map[string]struct {
		a, out device.Matrix[T]
		want   error
	}{
		"zero Matrix":    {device.Matrix[T]{}, out, device.ErrShape},
		"zero out":       {a, device.Matrix[T]{}, device.ErrShape},
		"different":      {a, q.Alloc(5, 4), device.ErrShape},
		"beyond":         {a.Slice(0, 5, 0, 5), q.Alloc(5, 5), device.ErrShape},
		"empty":          {q.Alloc(0, 4), q.Alloc(0, 4), device.ErrEmpty},
		"overflowing LD": {device.Matrix[T]{Rows: 3, Cols: 3, LD: 1 << 62, Buf: a.Buf}, q.Alloc(3, 3), device.ErrShape},
		"Inf":            {bad, out, device.ErrNotFinite},
	} {
		for _, m := range []Method{Auto, SVD} {
			refuses(t, "Orthogonalize, "+name, c.want, func() error {
				_, err := Orthogonalize(ctx, q, c.a, c.out, Options{Method: m})
				return err
			})
		}
	}
	refuses(t, "Orthogonalize, steps", device.ErrArgument, func() error { _, err := Orthogonalize(ctx, q, a, out, Options{Steps: -1}); return err })
	if _, err := Orthogonalize(ctx, q, a, out, Options{}); err != nil {
		t.Errorf("the queue is unusable after errors: %v", err)
	}
	other.Close()
	refuses(t, "Orthogonalize, closed queue", device.ErrClosed, func() error { _, err := Orthogonalize(ctx, other, a, out, Options{}); return err })
}

func TestClosedDevice(t *testing.T) {
	dev := device.Go()
	good := device.FromMat(boxMuller(1, 4, 5).a)
	dev.Close()
	for _, m := range []Method{Auto, Muon, SVD} {
		refuses(t, "closed", device.ErrClosed, func() error { _, err := Compute(ctx, dev, good, Options{Method: m}); return err })
		refuses(t, "none", device.ErrClosed, func() error { _, err := Compute(ctx, nil, good, Options{Method: m}); return err })
	}
}

// Every step looks at the context, and its error ends the iteration at once.
func TestCancelledBetweenSteps(t *testing.T) {
	a := device.FromMat(boxMuller(2, 30, 30).a)
	for looks := range 12 {
		c := refusal.After(looks)
		r, err := Compute(c, device.Go(), a, Options{Method: Cubic, Steps: 30})
		if r != nil || !errors.Is(err, context.Canceled) || c.Late() != 0 {
			t.Fatalf("%v, %d looks after the end", err, c.Late())
		}
	}
}

// What did not converge comes back, with a true certificate.
func TestNotConverged(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		x := withSpectrum(7, 12, 20, logspace(12, 0, -14))
		for _, m := range []Method{Cubic, Quintic, Express} {
			r, err := Compute(ctx, dev, device.FromMat(x.a), Options{Method: m, Tol: 1e-30})
			var failed *device.NotConvergedError
			if !errors.Is(err, device.ErrNotConverged) || !errors.As(err, &failed) || r == nil {
				t.Fatalf("%s: %v", m, err)
			}
			if failed.Achieved != r.Certificate.Orthogonality || failed.Wanted != 1e-30 || failed.Iterations != len(r.Steps) {
				t.Errorf("%s: %+v, certificate %+v, %d steps", m, failed, *r.Certificate, len(r.Steps))
			}
			// In exact arithmetic the iterate is U·f(Σ)·Vᵀ for the steps taken.
			want := x.function(func(s float64) float64 { return Apply(r.Steps, s/r.Scale) })
			if d := distance(r.Q, x.function(func(float64) float64 { return 1 })); d > r.Certificate.ErrorBound*math.Sqrt(12) {
				t.Errorf("%s: polar error %.3g (Frobenius), certified %.3g", m, d, r.Certificate.ErrorBound)
			}
			if m == Cubic && distance(r.Q, want) > 1e-2 { // rounding errors grow with the small values
				t.Errorf("%s: the iterate is off by %.3g", m, distance(r.Q, want))
			}
		}
		// A batch stops there and keeps what it has.
		good, zeroRow := device.FromMat(boxMuller(3, 5, 5).a), device.NewDense[float64](5, 5)
		zeroRow.Set(2, 2, 1)
		some, err := ComputeBatch(ctx, dev, []device.Dense[float64]{good, zeroRow, good}, Options{Method: Cubic})
		if !errors.Is(err, device.ErrNotConverged) || len(some) != 2 || some[1].Certificate.ErrorBound < 1 {
			t.Errorf("batch: %d results, %v", len(some), err)
		}
	})
}

func TestBadCoefficientArguments(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, c := range map[string]struct {
		lower float64
		steps int
		o     ExpressOptions
		want  error
	}{
		"lower 0":        {0, 5, ExpressOptions{}, device.ErrArgument},
		"lower < 0":      {-1, 5, ExpressOptions{}, device.ErrArgument},
		"lower > 1":      {2, 5, ExpressOptions{}, device.ErrArgument},
		"lower NaN":      {nan, 5, ExpressOptions{}, device.ErrArgument},
		"lower Inf":      {inf, 5, ExpressOptions{}, device.ErrArgument},
		"no steps":       {.1, 0, ExpressOptions{}, device.ErrArgument},
		"negative steps": {.1, -3, ExpressOptions{}, device.ErrArgument},
		"cushion 1":      {.1, 5, ExpressOptions{Cushion: 1}, device.ErrArgument},
		"cushion < 0":    {.1, 5, ExpressOptions{Cushion: -.1}, device.ErrArgument},
		"cushion NaN":    {.1, 5, ExpressOptions{Cushion: nan}, device.ErrArgument},
		"safety < 1":     {.1, 5, ExpressOptions{Safety: .5}, device.ErrArgument},
		"safety NaN":     {.1, 5, ExpressOptions{Safety: nan}, device.ErrArgument},
		"safety Inf":     {.1, 5, ExpressOptions{Safety: inf}, device.ErrArgument},
		"tiny lower":     {1e-300, 3, ExpressOptions{}, nil},
		"lower 1":        {1, 3, ExpressOptions{}, nil},
		"cushion":        {1e-300, 40, ExpressOptions{Cushion: .02}, nil},
	} {
		refuses(t, name, c.want, func() error {
			p, deviation, err := ExpressCoefficients(c.lower, c.steps, c.o)
			if err != nil && p != nil {
				t.Errorf("%s: coefficients with %v", name, err)
			}
			for _, s := range p {
				if x := s.A + s.B + s.C + deviation; err == nil && x-x != 0 {
					t.Errorf("%s: coefficients %v, deviation %v", name, s, deviation)
				}
			}
			return err
		})
	}
	if Apply(nil, .5) != .5 || !math.IsNaN(Apply([]Coefficients{MuonStep}, nan)) || MuonStep.At(0) != 0 {
		t.Error("Apply of no steps, to NaN, or of a step to 0")
	}
}
