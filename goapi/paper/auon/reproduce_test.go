package auon

import (
	"context"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

func digits(t *testing.T) study {
	t.Helper()
	s := study{epochs: 3}
	var err error
	if s.train, s.test, err = paper.Digits[float32](paper.Options{Data: "../../../tests/data"}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Maity 2025, with the middle one of each method's rates on 8,000 digits:
// Muon < Hybrid-AuON < AuON in training loss, AdamW < AuON. The program's form
// is far behind, and cosh has no part in it: both are said of the figures.
func TestOrderOfTheMethods(t *testing.T) {
	list := devices.Real(t)
	parts := 0
	r, err := digits(t).reproduce(t.Context(), list[min(1, len(list)-1)], paper.Options{Progress: func(int, int, string) { parts++ }}, 1, 256)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Claims) != 6 || len(r.Tables[0].Rows) != len(methods) || len(r.Charts[0].Series) != len(methods) || parts != 2*len(methods)+1 {
		t.Fatalf("%d claims, %d rows, %d series, %d reports", len(r.Claims), len(r.Tables[0].Rows), len(r.Charts[0].Series), parts)
	}
	for i, want := range map[int]bool{0: true, 1: true, 4: false, 5: false} { // 2 and 3 are of times
		if c := r.Claims[i]; c.Holds != want {
			t.Errorf("%s: %v, %s", c.Statement, c.Holds, c.Figures)
		}
	}
	for _, row := range r.Tables[0].Rows[:4] {
		if a := *row.Cells[2].Value; a < 0.93 {
			t.Errorf("%s: accuracy %v", row.Name, a)
		}
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

// Runs depend on the seed alone.
func TestRunsDependOnTheSeed(t *testing.T) {
	s := digits(t)
	s.train.X, s.train.Labels, s.epochs = s.train.X.Slice(0, 1000, 0, 784), s.train.Labels[:1000], 1
	last := func(seed uint64) float64 {
		s.seed = seed
		r, err := s.run(t.Context(), device.Go(), optim.AuON{})
		if err != nil {
			t.Fatal(err)
		}
		return r.losses[len(r.losses)-1]
	}
	if last(1) != last(1) || last(1) == last(2) {
		t.Error("the seed does not decide")
	}
}

func TestRefusals(t *testing.T) {
	o := paper.Options{Data: t.TempDir()}
	refusal.Expect(t, "no data", fs.ErrNotExist, func() error { _, err := Reproduce(t.Context(), device.Go(), o); return err })
	s := digits(t)
	refusal.Expect(t, "cancelled", context.Canceled, func() error { _, err := s.run(refusal.After(3), device.Go(), optim.AuON{}); return err })
	refusal.Expect(t, "a negative rate", device.ErrArgument, func() error {
		_, err := s.run(t.Context(), device.Go(), optim.AuON{LearningRate: -1})
		return err
	})
	s.train.X = s.train.X.Slice(0, batch-1, 0, 784)
	refusal.Expect(t, "too few samples", device.ErrArgument, func() error { _, err := s.run(t.Context(), device.Go(), optim.AuON{}); return err })
}
