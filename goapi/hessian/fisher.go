package hessian

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// addFisher adds the products of the empirical Fisher matrix of one chunk to
// the sums of d. The gradient of sample i in layer l is the outer product of
// δₗ and hₗ₋₁, so that its inner product with a direction is
// ⟨δₗ, V·hₗ₋₁ + v⟩, summed over the layers, and no gradient is formed.
func (m *Network[T]) addFisher(q device.Queue[T], d *directions[T], t tangents[T], p *nn.Pass[T]) {
	defer q.Scope()()
	rows := p.Z.Rows
	inner := q.Alloc(d.k, rows) // ⟨g, direction⟩ of every sample
	part := q.Alloc(1, rows)
	for l := range d.layers {
		b := &d.layers[l]
		if b.none() {
			continue
		}
		u := shaped(t.z[l], rows, d.k*b.Out)
		b.forward(q, p.Inputs[l], u)
		for j := range d.k {
			q.Dot(device.PerRow, p.Deltas[l], panel(u, j, b.Out), part)
			q.Add(1, device.NoTrans, inner.Row(j), 1, device.NoTrans, part, inner.Row(j))
		}
	}
	for l := range d.layers {
		b := &d.layers[l]
		if b.none() {
			continue
		}
		u := shaped(t.z[l], rows, d.k*b.Out)
		for j := range d.k {
			q.ScaleBy(device.PerRow, inner.Row(j), p.Deltas[l], panel(u, j, b.Out))
		}
		b.backward(q, d.α, u, p.Inputs[l])
		b.sumBias(q, u)
	}
}
