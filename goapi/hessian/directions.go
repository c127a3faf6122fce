package hessian

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// Layout of blocks of k directions. The derivative of a layer's outputs (or
// inputs) along all directions is a matrix with one row for each sample,
// direction j in columns [j·width,(j+1)·width). Without moving an element it
// is a matrix of k·rows rows, one for each sample and direction, so that both
// the products with stacked directions and those with the weights that all
// directions share are single matrix products.

// across returns the view with one row for each sample and direction.
func across[T device.Float](a device.Matrix[T], width int) device.Matrix[T] {
	return a.Reshape(a.Rows*a.Cols/width, width)
}

// panel returns the columns of direction j.
func panel[T device.Float](a device.Matrix[T], j, width int) device.Matrix[T] {
	return a.Slice(0, a.Rows, j*width, (j+1)*width)
}

// directions are some of the directions of one product, layer by layer, for the
// layers that have them.
type directions[T device.Float] struct {
	k      int
	α      T // the sums of the product are scaled with it
	layers []block[T]
}

// block are the parts of k directions, and of their products, that belong to
// one layer. A single direction and its product stay where the caller has them.
type block[T device.Float] struct {
	nn.Layer
	v    device.Matrix[T] // k·out×in, weights of the directions below each other
	vb   device.Matrix[T] // 1×k·out, their biases
	wide device.Matrix[T] // out×k·in, their weights side by side, where needed
	h    device.Matrix[T] // like v, the sums of the product
	hb   device.Matrix[T] // like vb, not scaled
	hw   device.Matrix[T] // like wide, more sums of the product
}

// none reports whether the directions have no part in the layer.
func (b *block[T]) none() bool { return b.v.IsZero() }

// newDirections arranges the rows of src, which has all parameters of the
// layers of the part. dst, of which all is 0, is for the products.
func (m *Network[T]) newDirections(q device.Queue[T], dst, src device.Matrix[T]) *directions[T] {
	k := src.Rows
	d := &directions[T]{k: k, α: T(1 / float64(m.data.count())), layers: make([]block[T], len(m.layers))}
	for l := range d.layers {
		b := &d.layers[l]
		b.Layer = m.layers[l]
		if !m.part.has(l, b.Layer) {
			continue
		}
		// Offsets count from the first parameter of the operator's layers.
		at := m.part.offset
		b.Weights, b.Bias, b.End = b.Weights-at, b.Bias-at, b.End-at
		b.hb = q.Alloc(1, k*b.Out)
		if k == 1 {
			b.v, b.vb = nn.LayerViews(src, b.Layer)
			b.h, _ = nn.LayerViews(dst, b.Layer)
			if m.mixes(l) {
				b.wide, b.hw = b.v, b.h
			}
			continue
		}
		b.v, b.vb, b.h = q.Alloc(k*b.Out, b.In), q.Alloc(1, k*b.Out), q.Alloc(k*b.Out, b.In)
		if m.mixes(l) {
			b.wide, b.hw = q.Alloc(b.Out, k*b.In), q.Alloc(b.Out, k*b.In)
		}
		for j := range k {
			w, bias := nn.LayerViews(src.Row(j), b.Layer)
			q.Copy(b.v.RowRange(j*b.Out, (j+1)*b.Out), w)
			q.Copy(panel(b.vb, j, b.Out), bias)
			if !b.wide.IsZero() {
				q.Copy(panel(b.wide, j, b.In), w)
			}
		}
	}
	return d
}

// mixes reports whether the product of layer l has terms with the derivative of
// its input, which differs from 0 if a layer before it has directions.
func (m *Network[T]) mixes(l int) bool { return m.kind == Hessian && l > m.part.first }

// store completes the products in the rows of dst.
func (d *directions[T]) store(q device.Queue[T], dst device.Matrix[T]) {
	const no = device.NoTrans
	for l := range d.layers {
		b := &d.layers[l]
		if b.none() {
			continue
		}
		for j := range d.k {
			w, bias := nn.LayerViews(dst.Row(j), b.Layer)
			if d.k > 1 {
				more := device.Matrix[T]{}
				if !b.hw.IsZero() {
					more = panel(b.hw, j, b.In)
				}
				q.Add(1, no, b.h.RowRange(j*b.Out, (j+1)*b.Out), 1, no, more, w)
			}
			q.Add(d.α, no, panel(b.hb, j, b.Out), 0, no, device.Matrix[T]{}, bias)
		}
	}
}

// blockSize returns how many numbers newDirections allocates for k directions.
func (m *Network[T]) blockSize(k int) int64 {
	size := 0
	for l, layer := range m.layers {
		if !m.part.has(l, layer) {
			continue
		}
		size += layer.Out
		if k > 1 {
			size += 2*(layer.End-layer.Weights) - layer.Out
			if m.mixes(l) {
				size += 2 * (layer.Bias - layer.Weights)
			}
		}
	}
	return int64(k * size)
}

// forward computes u = x·Vᵀ + b for every direction: rows×k·out.
func (b *block[T]) forward(q device.Queue[T], x, u device.Matrix[T]) {
	q.Gemm(device.NoTrans, device.Transp, 1, x, b.v, 0, u)
	q.AddBy(device.PerCol, 1, b.vb, u, u)
}

// backward adds α times the outer products of u (rows×k·out) and the layer's
// inputs x to the sums of the weights.
func (b *block[T]) backward(q device.Queue[T], α T, u, x device.Matrix[T]) {
	q.Gemm(device.Transp, device.NoTrans, α, u, x, 1, b.h)
}

// sumBias adds u to the sums of the biases.
func (b *block[T]) sumBias(q device.Queue[T], u device.Matrix[T]) {
	defer q.Scope()()
	sum := q.Alloc(1, u.Cols)
	q.Reduce(device.Sum, device.PerCol, u, sum)
	q.Add(1, device.NoTrans, sum, 1, device.NoTrans, b.hb, b.hb)
}
