package sigmareparam

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// The gradients of every parameter are the central differences of the loss.
func TestGradientsByDifferences(t *testing.T) {
	devices.On(t, func(t *testing.T, dev device.Device) {
		s := shape{tokens: 3, patch: 2, width: 4, heads: 2, layers: devices.Size(dev, 2, 1), classes: 3}
		for _, v := range []variant{plainNet, preNorm, reparamNet} {
			t.Run(string(v), func(t *testing.T) { testGradients(t, dev, s, v) })
		}
	})
}

func testGradients(t *testing.T, dev device.Device, s shape, v variant) {
	const samples = 2
	q := device.NewQueue[float64](dev)
	defer q.Close()
	m, err := newModel(t.Context(), q, s, v, samples, 7)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range m.linears() { // biases that matter
		q.Random(device.Normal, 8, uint64(i), l.b)
		if l.reparam != nil {
			q.Fill(1+0.1*float64(i), l.reparam.Gamma)
		}
	}
	x, y, loss := q.Alloc(samples*s.tokens, s.patch), q.Alloc(samples, s.classes), q.Alloc(1, 1)
	q.Random(device.Normal, 9, 0, x)
	q.Upload(y, device.Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: []float64{0, 1, 0, 0, 0, 1}})
	at := func() float64 {
		for _, r := range m.reparams() {
			r.Refresh(q)
		}
		m.forward(q, x)
		m.evaluate(q, y, loss)
		var l [1]float64
		q.Download(device.Vector(l[:]), loss)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		return l[0]
	}
	at()
	m.backward(q)
	for i, p := range m.parameters() {
		g, w := device.NewDense[float64](p.Value.Rows, p.Value.Cols), device.NewDense[float64](p.Value.Rows, p.Value.Cols)
		q.Download(g, p.Gradient)
		q.Download(w, p.Value)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		step := max(1, len(w.Data)/devices.Size(dev, 5, 1))
		for k := 0; k < len(w.Data); k += step {
			const h = 1e-5
			was := w.Data[k]
			move := func(to float64) float64 {
				w.Data[k] = to
				q.Upload(p.Value, w)
				return at()
			}
			d := (move(was+h) - move(was-h)) / (2 * h)
			move(was)
			// A central difference is off by h² and by eps/h.
			if math.Abs(d-g.Data[k]) > 1e-8*max(1, math.Abs(d)) {
				t.Fatalf("parameter %d, element %d: %v, differences give %v", i, k, g.Data[k], d)
			}
		}
	}
}
