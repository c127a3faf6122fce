package sigmareparam

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/paper"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Reproduce trains a small vision transformer on MNIST without normalization,
// with layer normalization and with σReparam, at a moderate and at a large
// learning rate, and puts the bounds of the paper to the test on random
// attention.
func Reproduce(ctx context.Context, dev device.Device, o paper.Options) (*paper.Reproduction, error) {
	s := study{shape: shape{tokens: 16, patch: patchSide * patchSide, width: 64, heads: 4, layers: 4, classes: 10},
		batch: 64, steps: 150, seed: o.Seed}
	if o.Full {
		s.batch, s.steps = 128, 600
	}
	var err error
	if s.train, s.test, err = paper.Digits[float32](o); err != nil {
		return nil, err
	}
	return s.reproduce(ctx, dev, o, []float64{1e-3, 3e-2})
}

var variants = []variant{plainNet, preNorm, reparamNet}

// collapsed is the entropy, as a share of that of even attention, below which
// a layer counts as collapsed.
const collapsed = 0.1

func (s study) reproduce(ctx context.Context, dev device.Device, o paper.Options, rates []float64) (*paper.Reproduction, error) {
	if s.train.X.Cols != side*side {
		return nil, &device.ShapeError{Op: "data", Detail: fmt.Sprintf("images have %d pixels, not %d×%d", s.train.X.Cols, side, side)}
	}
	r := &paper.Reproduction{
		Name:  "sigma-reparam",
		Title: "Stabilizing Transformer Training by Preventing Attention Entropy Collapse",
		Source: "S. Zhai, T. Likhomanenko, E. Littwin, D. Busbridge, J. Ramapuram, Y. Zhang, J. Gu, J. Susskind, " +
			"ICML 2023, arXiv 2303.06296",
		Setup: fmt.Sprintf("Vision transformer on MNIST: %d patches of %d×%d, %d layers, %d heads, width %d; Adam without warm-up, %d steps of %d images. "+
			"σReparam has γ = 1 and weights of deviation 0.1 at the start and no normalization. The paper trains on ImageNet and in speech and "+
			"translation, on GPUs; its figures are not comparable.", s.tokens, patchSide, patchSide, s.layers, s.heads, s.width, s.steps, s.batch),
	}
	t := paper.Table{Title: fmt.Sprintf("Training (entropy of even attention: ln %d = %.2f)", s.tokens, math.Log(float64(s.tokens))),
		Columns: []string{"model", "rate", "last loss", "largest loss", "lowest layer entropy", "test accuracy", "largest ‖Ŵ‖₂", "σ behind by"}}
	runs := map[variant]*run{} // at the last rate
	done, total := 0, len(rates)*len(variants)+1
	for _, rate := range rates {
		s.rate = rate
		for _, v := range variants {
			o.Report(done, total, fmt.Sprintf("%s, rate %g", v, rate))
			one, err := s.run(ctx, dev, v)
			if err != nil {
				return nil, fmt.Errorf("%s with the rate %g: %w", v, rate, err)
			}
			done++
			runs[v] = one
			t.Rows = append(t.Rows, one.row(string(v), rate))
		}
	}
	o.Report(done, total, "bounds")
	random, claims, err := randomAttention(ctx, dev, o.Seed)
	if err != nil {
		return nil, err
	}
	o.Report(total, total, "done")
	r.Tables = []paper.Table{t, random}
	r.Claims = append(claims, s.claims(runs)...)
	r.Charts = charts(runs, rates[len(rates)-1])
	return r, nil
}

func (r *run) row(name string, rate float64) paper.Row {
	last := paper.Figure(r.losses[len(r.losses)-1])
	if r.diverged > 0 {
		last = paper.Cell{Text: fmt.Sprintf("not finite in step %d", r.diverged)}
	}
	cells := []paper.Cell{paper.Figure(rate), last, finite(r.largest()), finite(r.lowest()), finite(r.accuracy), {}, {}}
	if r.diverged == 0 {
		cells[5] = finite(r.norm)
	}
	if r.behind != 0 {
		cells[6] = finite(r.behind)
	}
	return paper.Row{Name: name, Cells: cells}
}

// finite returns a cell with a number, or with its name if it is none.
func finite(x float64) paper.Cell {
	if x-x != 0 {
		return paper.Cell{Text: strings.ToLower(fmt.Sprint(x))}
	}
	return paper.Figure(x)
}

// claims holds the trainings at the large rate against what the paper says.
func (s study) claims(runs map[variant]*run) []paper.Claim {
	floor := collapsed * math.Log(float64(s.tokens))
	plain, stable := runs[plainNet], runs[reparamNet]
	return []paper.Claim{
		{Statement: "attention entropy collapses and training diverges at a large rate without normalization", Where: "experiments without normalization",
			Holds:   (plain.diverged > 0 || plain.largest() > 10) && plain.lowest() < floor,
			Figures: fmt.Sprintf("largest loss %.3g, lowest entropy of a layer %.3g", plain.largest(), plain.lowest())},
		{Statement: "σReparam needs no normalization and no warm-up to keep entropy up and the loss bounded at that rate", Where: "experiments with σReparam",
			Holds:   stable.diverged == 0 && stable.largest() < 10 && stable.lowest() > floor,
			Figures: fmt.Sprintf("largest loss %.3g, lowest entropy of a layer %.3g", stable.largest(), stable.lowest())},
		{Statement: "one step of power iteration for each update follows the spectral norm", Where: "algorithm of σReparam",
			Holds:   stable.diverged == 0 && math.Abs(stable.behind) < 0.1,
			Figures: fmt.Sprintf("σ is at most %.2g below it, relatively, after %d steps", stable.behind, s.steps)},
	}
}

// randomAttention compares the least entropy of random attention with its
// bounds, and AdamW's ideal update with the proposition about its norm.
func randomAttention(ctx context.Context, dev device.Device, seed uint64) (paper.Table, []paper.Claim, error) {
	const tokens, width, head, draws = 32, 16, 8, 5
	t := paper.Table{Title: fmt.Sprintf("Entropy of random attention (T = %d, d = %d, n = %d) and its lower bounds", tokens, width, head),
		Columns: []string{"draw", "least entropy", "bound from centred rows", "from ‖L‖₂", "from σ·σₓ (paper)"}}
	holds := true
	for d := range draws {
		random := func(stream uint64, r, c int, size float64) device.Dense[float64] {
			a := device.NewDense[float64](r, c)
			rng.Normal(seed, uint64(10*d)+stream, 0, a.Data)
			for i := range a.Data {
				a.Data[i] *= size
			}
			return a
		}
		x, wk, wq := random(1, tokens, width, 0.25), random(2, width, head, 0.3), random(3, width, head, 0.3)
		scale := 1 / math.Sqrt(head)
		least, norms, err := leastEntropy(ctx, dev, x, wk, wq, scale)
		if err != nil {
			return t, nil, err
		}
		bounds := []float64{EntropyLowerBound(tokens, norms.Centered), EntropyLowerBound(tokens, norms.Spectral), EntropyLowerBound(tokens, norms.Product)}
		row := paper.Row{Name: fmt.Sprint(d + 1), Cells: []paper.Cell{paper.Figure(least)}}
		above := least
		for _, b := range bounds {
			row.Cells = append(row.Cells, paper.Figure(b))
			holds = holds && b <= above
			above = b
		}
		t.Rows = append(t.Rows, row)
	}
	gap := 0.0
	for _, n := range []int{2, 4, 16, 128} {
		for _, σ := range []float64{0.1, 0.5, 1, 2, 4, 8, 16} {
			gap = max(gap, math.Abs(entropy(spike(n, σ))-EntropyLowerBound(n, σ)))
		}
	}
	return t, []paper.Claim{
		{Statement: "the entropy of attention is at least the bound from the spectral norms of weights and tokens", Where: "Theorem 3.1",
			Holds: holds, Figures: fmt.Sprintf("%d draws, and sharper for norms of the logits themselves", draws)},
		{Statement: "the bound is attained", Where: "Theorem 3.1",
			Holds: gap < 1e-12, Figures: fmt.Sprintf("logits with one spike differ from it by %.2g at most", gap)},
	}, nil
}

// leastEntropy returns the least entropy of a row of attention and the norms
// that bound it.
func leastEntropy(ctx context.Context, dev device.Device, x, wk, wq device.Dense[float64], scale float64) (float64, *LogitNorms, error) {
	norms, err := Norms(ctx, dev, x, wk, wq, scale)
	if err != nil {
		return 0, nil, err
	}
	logits := device.NewDense[float64](x.Rows, x.Rows)
	q := device.NewQueue[float64](dev)
	defer q.Close()
	k, w, l := q.Alloc(x.Rows, wk.Cols), q.Alloc(x.Rows, wq.Cols), q.Alloc(x.Rows, x.Rows)
	tokens := device.Lend(q, x)
	q.Gemm(device.NoTrans, device.NoTrans, 1, tokens, device.Lend(q, wk), 0, k)
	q.Gemm(device.NoTrans, device.NoTrans, 1, tokens, device.Lend(q, wq), 0, w)
	q.Gemm(device.NoTrans, device.Transp, scale, k, w, 0, l)
	q.Download(logits, l)
	if err := q.Sync(); err != nil {
		return 0, nil, err
	}
	entropies, err := AttentionEntropy(logits, nil)
	if err != nil {
		return 0, nil, err
	}
	least := math.Inf(1)
	for _, e := range entropies {
		least = min(least, e)
	}
	return least, norms, nil
}

// spike returns n numbers of mean 0 and norm σ, one of them above the others,
// which are equal.
func spike(n int, σ float64) []float64 {
	u := make([]float64, n)
	for i := range u {
		u[i] = -σ / math.Sqrt(float64(n)*float64(n-1))
	}
	u[0] = σ * math.Sqrt(float64(n-1)/float64(n))
	return u
}

func charts(runs map[variant]*run, rate float64) []paper.Chart {
	loss := paper.Chart{Title: fmt.Sprintf("Training loss at the rate %g", rate), X: "step", Y: "loss", LogY: true}
	entropy := paper.Chart{Title: fmt.Sprintf("Attention entropy at the rate %g", rate), X: "step", Y: "lowest mean entropy of a layer"}
	for _, v := range variants {
		l, e := paper.Series{Name: string(v)}, paper.Series{Name: string(v)}
		for i, x := range runs[v].losses {
			if x-x == 0 && x > 0 {
				l.X, l.Y = append(l.X, float64(i)), append(l.Y, x)
			}
		}
		for i, layers := range runs[v].entropies {
			least := math.Inf(1)
			for _, x := range layers {
				least = min(least, x)
			}
			e.X, e.Y = append(e.X, float64(i)), append(e.Y, least)
		}
		loss.Series, entropy.Series = append(loss.Series, l), append(entropy.Series, e)
	}
	return []paper.Chart{loss, entropy}
}
