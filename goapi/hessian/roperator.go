package hessian

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// addCurvature adds the products of the Hessian or the Gauss-Newton matrix of
// one chunk of samples to the sums of d, by Pearlmutter's R-operator
// (Pearlmutter 1994; Schraudolph 2002 for Gauss-Newton). R is the derivative
// along a direction (V, v):
//
//	Rzₗ = hₗ₋₁·Vₗᵀ + vₗ + Rhₗ₋₁·Wₗᵀ      Rhₗ = φ'(zₗ)∘Rzₗ
//	Rδ_L = (∂²ℓ/∂z²)·Rz_L
//	Rδₗ = (Rδₗ₊₁·Wₗ₊₁ + δₗ₊₁·Vₗ₊₁)∘φ'(zₗ) + eₗ∘φ”(zₗ)∘Rzₗ
//	H·V = Rδₗᵀ·hₗ₋₁ + δₗᵀ·Rhₗ₋₁
//
// The Gauss-Newton matrix leaves out all terms with δ or e. Rzₗ = 0 before
// the first layer that has directions.
func (m *Network[T]) addCurvature(q device.Queue[T], d *directions[T], t tangents[T], p *nn.Pass[T], loss nn.Loss) {
	rows, top, first := p.Z.Rows, len(m.layers)-1, m.part.first
	rz := make([]device.Matrix[T], top+1)
	rh := make([]device.Matrix[T], top+1) // rh[l] belongs to the input of layer l

	for l := first; l <= top; l++ {
		b := &d.layers[l]
		w, _ := nn.LayerViews(m.θ, m.layers[l])
		rz[l] = shaped(t.z[l], rows, d.k*b.Out)
		β := T(0)
		bias := device.Matrix[T]{}
		if !b.none() {
			q.Gemm(device.NoTrans, device.Transp, 1, p.Inputs[l], b.v, 0, rz[l])
			bias, β = b.vb, 1
		}
		if l > first {
			q.Gemm(device.NoTrans, device.Transp, 1, across(rh[l], b.In), w, β, across(rz[l], b.Out))
		}
		if l < top && len(p.Slopes) > 0 {
			rh[l+1] = shaped(t.h[l+1], rows, d.k*b.Out)
			device.TangentForward(q, bias, p.Slopes[l], rz[l], rh[l+1])
			continue
		}
		if !bias.IsZero() {
			q.AddBy(device.PerCol, 1, bias, rz[l], rz[l])
		}
		if l < top {
			rh[l+1] = rz[l]
		}
	}

	rδ := rz[top]
	nn.LossCurvature(q, loss, p.Out, rδ)
	summed := false // the biases' sums of layer l
	for l := top; ; l-- {
		b := &d.layers[l]
		if !b.none() {
			b.backward(q, d.α, rδ, p.Inputs[l])
			if !summed {
				b.sumBias(q, rδ)
			}
		}
		if l == first {
			return
		}
		if !b.hw.IsZero() {
			q.Gemm(device.Transp, device.NoTrans, d.α, p.Deltas[l], rh[l], 1, b.hw)
		}
		rδ = m.throughLayer(q, d, p, l, rδ, rz[l-1], rh[l])
		summed = len(p.Slopes) > 0
	}
}

// throughLayer returns Rδ of layer l-1 for that of layer l, and adds its sums to
// those of the biases unless φ is the identity. rz is Rz of layer l-1; rh, Rh of
// the same layer, is used up and overwritten with the result.
func (m *Network[T]) throughLayer(q device.Queue[T], d *directions[T], p *nn.Pass[T], l int, rδ, rz, rh device.Matrix[T]) device.Matrix[T] {
	b := &d.layers[l]
	w, _ := nn.LayerViews(m.θ, m.layers[l])
	re := rh
	β := T(0)
	if !b.wide.IsZero() {
		q.Gemm(device.NoTrans, device.NoTrans, 1, p.Deltas[l], b.wide, 0, re)
		β = 1
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, across(rδ, b.Out), w, β, across(re, b.In))
	if len(p.Slopes) == 0 {
		return re
	}
	c := device.Matrix[T]{}
	if len(p.Curvatures) > 0 {
		c = p.Curvatures[l-1]
	} else {
		rz = c
	}
	device.TangentBackward(q, p.Slopes[l-1], c, rz, re, d.layers[l-1].hb)
	return re
}
