package sigmareparam

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/optim"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/svd"
)

// study is what the trainings have in common.
type study struct {
	shape
	train, test  nn.Data[float32]
	batch, steps int
	rate         float64
	seed         uint64
}

// side is the width of an MNIST image, patchSide that of a patch.
const (
	side      = 28
	patchSide = 7
)

// run is what came out of a training.
type run struct {
	losses    []float64   // of the batch of each step
	entropies [][]float64 // of each step and layer, mean over samples, heads and tokens
	diverged  int         // step whose gradient was not finite, 0 for none
	accuracy  float64     // on the test set, NaN if diverged
	norm      float64     // largest spectral norm of a weight matrix Ŵ at the end
	behind    float64     // largest relative difference of σ and the spectral norm, for σReparam
}

// lowest returns the least mean entropy of a layer in any step.
func (r *run) lowest() float64 {
	least := math.Inf(1)
	for _, e := range r.entropies {
		for _, v := range e {
			least = min(least, v)
		}
	}
	return least
}

// largest returns the largest loss of a step.
func (r *run) largest() float64 {
	top := 0.0
	for _, l := range r.losses {
		if l > top || l != l {
			top = l
		}
	}
	return top
}

// trainer holds a training on a device.
type trainer struct {
	study
	q       device.Queue[float32]
	m       *model[float32]
	o       *optim.Optimizer[float32]
	x, y    device.Matrix[float32] // of a batch
	hx, hy  device.Dense[float32]
	numbers device.Matrix[float32] // of a step: loss, then entropies
}

// run trains a new model of a variant.
func (s study) run(ctx context.Context, dev device.Device, v variant) (*run, error) {
	q := device.NewQueue[float32](dev)
	defer q.Close()
	m, err := newModel[float32](ctx, q, s.shape, v, s.batch, s.seed)
	if err != nil {
		return nil, err
	}
	t := &trainer{study: s, q: q, m: m,
		x: q.Alloc(s.batch*s.tokens, s.patch), y: q.Alloc(s.batch, s.classes),
		hx: device.NewDense[float32](s.batch*s.tokens, s.patch), hy: device.NewDense[float32](s.batch, s.classes),
		numbers: q.Alloc(1, 1+s.layers)}
	if t.o, err = optim.New(q, optim.Group[float32]{Rule: optim.AdamW{LearningRate: s.rate}, Parameters: m.parameters()}); err != nil {
		return nil, err
	}
	r := &run{accuracy: math.NaN()}
	for step := range s.steps {
		err := t.step(ctx, step, r)
		if errors.Is(err, device.ErrNotFinite) {
			r.diverged = step + 1
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if r.accuracy, err = t.accuracy(ctx); err != nil {
		return nil, err
	}
	return r, t.spectra(ctx, dev, r)
}

// step takes a step and adds its figures to r.
func (t *trainer) step(ctx context.Context, step int, r *run) error {
	for i := range t.batch {
		t.put(i, t.train, int(rng.Uint64(t.seed, samples, uint64(step*t.batch+i))%uint64(t.train.X.Rows)))
	}
	q, m := t.q, t.m
	q.Upload(t.x, t.hx)
	q.Upload(t.y, t.hy)
	for _, p := range m.reparams() {
		p.Step(q)
	}
	m.forward(q, t.x)
	m.evaluate(q, t.y, t.numbers.Slice(0, 1, 0, 1))
	m.entropy(q, t.numbers.Slice(0, 1, 1, t.numbers.Cols))
	read := make([]float32, t.numbers.Cols)
	q.Download(device.Vector(read), t.numbers)
	m.backward(q)
	if err := q.Sync(); err != nil {
		return err
	}
	r.losses = append(r.losses, float64(read[0]))
	if e := read[1]; e-e == 0 { // not of logits that overflowed
		layers := make([]float64, t.layers)
		for i := range layers {
			layers[i] = float64(read[1+i])
		}
		r.entropies = append(r.entropies, layers)
	}
	return t.o.Step(ctx)
}

// samples is the stream of random numbers of the samples.
const samples = 1 << 32

// put makes image k of data sample i of the batch.
func (t *trainer) put(i int, data nn.Data[float32], k int) {
	image, across := data.X.Row(k), side/patchSide
	for token := range t.tokens {
		row := t.hx.Row(i*t.tokens + token)
		for y := range patchSide {
			at := (token/across*patchSide+y)*side + token%across*patchSide
			copy(row[y*patchSide:(y+1)*patchSide], image[at:])
		}
	}
	clear(t.hy.Row(i))
	t.hy.Set(i, data.Labels[k], 1)
}

// accuracy returns the share of test images that are classified right.
func (t *trainer) accuracy(ctx context.Context) (float64, error) {
	right, count := 0, t.test.X.Rows/t.batch*t.batch
	scores := device.NewDense[float32](t.batch, t.classes)
	for lo := 0; lo < count; lo += t.batch {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		for i := range t.batch {
			t.put(i, t.test, lo+i)
		}
		t.q.Upload(t.x, t.hx)
		t.m.forward(t.q, t.x)
		t.q.Download(scores, t.m.scores)
		if err := t.q.Sync(); err != nil {
			return 0, err
		}
		for i := range t.batch {
			best := 0
			for c, v := range scores.Row(i) {
				if v > scores.At(i, best) {
					best = c
				}
			}
			if best == t.test.Labels[lo+i] {
				right++
			}
		}
	}
	return float64(right) / float64(count), nil
}

// spectra measures the spectral norms of all weight matrices by their singular
// values, and how far σ is behind.
func (t *trainer) spectra(ctx context.Context, dev device.Device, r *run) error {
	exact := func(m device.Matrix[float32]) (float64, error) {
		w := device.NewDense[float32](m.Rows, m.Cols)
		t.q.Download(w, m)
		if err := t.q.Sync(); err != nil {
			return 0, err
		}
		f, err := svd.Compute(ctx, dev, w, svd.Options{Vectors: svd.None})
		if err != nil {
			return 0, err
		}
		return float64(f.S[0]), nil
	}
	for _, p := range t.m.reparams() {
		p.Step(t.q) // for the weights after the last step of the optimizer
	}
	σ, err := Sigmas(t.q, t.m.reparams()...)
	if err != nil {
		return err
	}
	for i, l := range t.m.linears() {
		n, err := exact(l.weights())
		if err != nil {
			return err
		}
		r.norm = max(r.norm, n)
		if l.reparam == nil {
			continue
		}
		if n, err = exact(l.w); err != nil {
			return err
		}
		r.behind = max(r.behind, 1-σ[i]/n)
	}
	return nil
}
