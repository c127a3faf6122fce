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

// directions hold the blocks of one product, layer by layer, for the layers
// that have them, and the derivatives of a chunk, which each chunk overwrites.
type directions[T device.Float] struct {
	k      int
	layers []block[T]
	rz     []device.Matrix[T] // rows×k·out of each layer, from the first that has directions on
	rh     []device.Matrix[T] // rows×k·in, of the layers after it; the same as rz before it without φ
}

// block are the parts of k directions, and of their products, that belong to
// one layer.
type block[T device.Float] struct {
	nn.Layer
	v    device.Matrix[T] // k·out×in, weights of the directions below each other
	vb   device.Matrix[T] // 1×k·out, their biases
	wide device.Matrix[T] // out×k·in, their weights side by side, where needed
	h    device.Matrix[T] // like v, the sums of the product
	hb   device.Matrix[T] // like vb
	hw   device.Matrix[T] // like wide, more sums of the product
}

// none reports whether the directions have no part in the layer.
func (b *block[T]) none() bool { return b.v.IsZero() }

// newDirections arranges the rows of src, which has all parameters of the
// layers of the part, for chunks of so many rows at most.
func (m *Network[T]) newDirections(q device.Queue[T], src device.Matrix[T], rows int) *directions[T] {
	k := src.Rows
	n := len(m.layers)
	d := &directions[T]{k: k, layers: make([]block[T], n), rz: make([]device.Matrix[T], n), rh: make([]device.Matrix[T], n)}
	for l := range d.layers {
		b := &d.layers[l]
		b.Layer = m.layers[l]
		if m.works(l) {
			d.rz[l] = q.Alloc(rows, k*b.Out)
		}
		if m.bends(l) {
			d.rh[l] = q.Alloc(rows, k*b.In)
		}
		if !m.part.has(l, b.Layer) {
			continue
		}
		// Offsets count from the first parameter of the operator's layers.
		at := m.part.offset
		b.Weights, b.Bias, b.End = b.Weights-at, b.Bias-at, b.End-at
		b.v, b.h = q.Alloc(k*b.Out, b.In), q.Alloc(k*b.Out, b.In)
		b.vb, b.hb = q.Alloc(1, k*b.Out), q.Alloc(1, k*b.Out)
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

// works reports whether a chunk has a derivative of layer l's outputs.
func (m *Network[T]) works(l int) bool {
	return l >= m.part.first && (m.kind != Fisher || m.part.has(l, m.layers[l]))
}

// bends reports whether the derivative of layer l's inputs is another one than
// that of the outputs before it.
func (m *Network[T]) bends(l int) bool {
	return m.kind != Fisher && l > m.part.first && m.arch.Activation != nn.Identity
}

// mixes reports whether the product of layer l has terms with the derivative of
// its input, which differs from 0 if a layer before it has directions.
func (m *Network[T]) mixes(l int) bool { return m.kind == Hessian && l > m.part.first }

// directionSize returns how many numbers newDirections allocates for each
// direction and chunks of so many rows, and Apply beside it.
func (m *Network[T]) directionSize(rows int64) int64 {
	size := int64(0)
	for l, layer := range m.layers {
		if m.works(l) {
			size += rows * int64(layer.Out)
		}
		if m.bends(l) {
			size += rows * int64(layer.In)
		}
		if !m.part.has(l, layer) {
			continue
		}
		size += 2 * int64(layer.End-layer.Weights)
		if m.mixes(l) {
			size += 2 * int64(layer.Bias-layer.Weights)
		}
	}
	if !m.part.whole() {
		size += 2 * int64(m.part.span())
	}
	return size
}

// store writes α times the sums to the rows of dst.
func (d *directions[T]) store(q device.Queue[T], α T, dst device.Matrix[T]) {
	const no = device.NoTrans
	for l := range d.layers {
		b := &d.layers[l]
		if b.none() {
			continue
		}
		for j := range d.k {
			w, bias := nn.LayerViews(dst.Row(j), b.Layer)
			more := device.Matrix[T]{}
			if !b.hw.IsZero() {
				more = panel(b.hw, j, b.In)
			}
			q.Add(α, no, b.h.RowRange(j*b.Out, (j+1)*b.Out), α, no, more, w)
			q.Add(α, no, panel(b.hb, j, b.Out), 0, no, device.Matrix[T]{}, bias)
		}
	}
}

// forward computes u = x·Vᵀ + b for every direction: rows×k·out.
func (b *block[T]) forward(q device.Queue[T], x, u device.Matrix[T]) {
	q.Gemm(device.NoTrans, device.Transp, 1, x, b.v, 0, u)
	q.AddBy(device.PerCol, 1, b.vb, u, u)
}

// backward adds the outer products of u (rows×k·out) and the layer's inputs x
// to the sums.
func (b *block[T]) backward(q device.Queue[T], u, x device.Matrix[T]) {
	defer q.Scope()()
	q.Gemm(device.Transp, device.NoTrans, 1, u, x, 1, b.h)
	sum := q.Alloc(1, u.Cols)
	q.Reduce(device.Sum, device.PerCol, u, sum)
	q.Add(1, device.NoTrans, sum, 1, device.NoTrans, b.hb, b.hb)
}
