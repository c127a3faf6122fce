package dynamicalstability

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/tests/refusal"
)

// Wu and Su 2023: SGD ends below the trace bound at every step size, larger
// steps end in flatter minima with less test error, and gradient descent does
// not bound the trace.
func TestClaimsOfThePaper(t *testing.T) {
	parts := 0
	r, err := Reproduce(t.Context(), device.Go(), paper.Options{Progress: func(int, int, string) { parts++ }})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Claims) != 3 || len(r.Tables) != 1 || len(r.Charts) != 2 || parts == 0 {
		t.Fatalf("%d claims, %d tables, %d charts, %d reports", len(r.Claims), len(r.Tables), len(r.Charts), parts)
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

// The same seed gives the same run; without replacement a batch of all samples
// is gradient descent.
func TestDescend(t *testing.T) {
	problem, _ := sparseRegression(4)
	run := func(d Descent) *Run {
		t.Helper()
		r, err := problem.Descend(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	sgd := Descent{Step: 0.005, Batch: 7, Steps: 500, Seed: 3}
	first, second := run(sgd), run(sgd)
	if first.Loss != second.Loss || first.Net.Alpha[3] != second.Net.Alpha[3] {
		t.Error("the same seed gave two runs")
	}
	sgd.Seed++
	if run(sgd).Loss == first.Loss {
		t.Error("another seed gave the same run")
	}
	if problem.Net.Alpha[0] != start {
		t.Error("the parameters at the start changed")
	}
	gd := Descent{Step: 0.02, Batch: samples, Steps: 1_000_000}
	if r := run(gd); !r.Converged || r.Loss > 1e-14 || r.Steps == gd.Steps {
		t.Errorf("gradient descent: %+v", r)
	}
	if r := run(Descent{Step: 10, Batch: 1, Steps: 1000}); !r.Diverged || r.Converged {
		t.Errorf("a step of 10: %+v", r)
	}
}

func TestDescendIsCancelled(t *testing.T) {
	problem, _ := sparseRegression(4)
	ctx := refusal.After(3)
	if _, err := problem.Descend(ctx, Descent{Step: 1e-6, Batch: 1, Steps: 1 << 40}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := Analyze(refusal.After(2), device.Go(), gradients(1, 20, 10), 1, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
