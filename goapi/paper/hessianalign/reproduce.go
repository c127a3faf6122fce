package hessianalign

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
)

// methods are the penalties of the table, with factors 1 as in the authors'
// code for this data set.
var methods = []struct {
	name    string
	penalty Penalty
}{
	{"ERM", Penalty{Kind: None}},
	{"IRM", Penalty{Kind: IRM, Alpha: 1}},
	{"V-REx", Penalty{Kind: VREx, Alpha: 1}},
	{"gradient (IGA)", Penalty{Kind: IGA, Beta: 1}},
	{"Fishr", Penalty{Kind: Fishr, Alpha: 1}},
	{"HGP", Penalty{Kind: HGP, Alpha: 1, Beta: 1}},
	{"diagonal (Hutchinson, exact)", Penalty{Kind: Diagonal, Alpha: 1, Beta: 1}},
}

// record holds the outcomes of a method, one for each seed.
type record struct{ train, test, distance []float64 }

func reproduce(ctx context.Context, dev device.Device, o paper.Options, n, hidden, seeds int) (*paper.Reproduction, error) {
	training, test, err := paper.Digits[float32](o)
	if err != nil {
		return nil, err
	}
	n = min(n, len(training.Labels)/2)
	r := &paper.Reproduction{
		Name:   "hessian-alignment",
		Title:  "Understanding Hessian alignment for domain generalization",
		Source: "S. Hemati, G. Zhang, A. Estiri, X. Chen, ICCV 2023, arXiv 2308.11778",
		Setup: fmt.Sprintf("Coloured MNIST with 25 %% label noise: two training domains of %d images (colour wrong for 20 %% and 10 %%), %d test images (wrong for 90 %%), "+
			"perceptron 392–%d–%d–1, %d full steps of Adam, seeds: %d. The paper trains on 25,000 images a domain with 390 units.", n, len(test.Labels), hidden, hidden, steps, seeds),
	}
	records := make([]record, len(methods))
	total := len(methods) * seeds
	for s := range seeds {
		seed := o.Seed + uint64(s)
		all := coloured(training, test, n, seed)
		for i, m := range methods {
			o.Report(s*len(methods)+i, total, fmt.Sprintf("%s, seed %d", m.name, s))
			out, err := train(ctx, dev, all, hidden, m.penalty, seed)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			c := &records[i]
			c.train, c.test, c.distance = append(c.train, out.train), append(c.test, out.test), append(c.distance, out.distance)
		}
	}
	o.Report(total, total, "done")
	t := paper.Table{Title: "Accuracy, and distance of the head's Hessians between the training domains", Columns: []string{"penalty", "train", "test", "‖H₀-H₁‖/‖H₀‖"}}
	for i, m := range methods {
		c := records[i]
		t.Rows = append(t.Rows, paper.Row{Name: m.name, Cells: []paper.Cell{average(c.train), average(c.test), average(c.distance)}})
	}
	r.Tables = []paper.Table{t}
	at := func(name string) record {
		for i, m := range methods {
			if m.name == name {
				return records[i]
			}
		}
		return record{}
	}
	erm, hgp, diagonal := at("ERM"), at("HGP"), at("diagonal (Hutchinson, exact)")
	gap := func(c record) float64 { return stat.Mean(c.test, nil) - stat.Mean(erm.test, nil) }
	r.Claims = []paper.Claim{
		{Statement: "aligning Hessian and gradient generalizes to the reversed correlation, risk minimization does not", Where: "experiment on Coloured MNIST",
			Holds: gap(hgp) >= 0.2 && gap(diagonal) >= 0.2,
			Figures: fmt.Sprintf("test accuracy %.3f with ERM, %.3f with HGP, %.3f with the diagonal",
				stat.Mean(erm.test, nil), stat.Mean(hgp.test, nil), stat.Mean(diagonal.test, nil))},
		{Statement: "the penalties bring the Hessians of the domains together", Where: "section on Hessian alignment",
			Holds: floats.Max(hgp.distance) <= floats.Min(erm.distance)/4,
			Figures: fmt.Sprintf("relative distance %.3f with ERM, %.3f with HGP, %.3f with the diagonal",
				stat.Mean(erm.distance, nil), stat.Mean(hgp.distance, nil), stat.Mean(diagonal.distance, nil))},
	}
	return r, nil
}

// average returns mean and standard error.
func average(x []float64) paper.Cell {
	if len(x) < 2 {
		return paper.Figure(x[0])
	}
	mean, σ := stat.MeanStdDev(x, nil)
	return paper.Mean(mean, σ/math.Sqrt(float64(len(x))))
}
