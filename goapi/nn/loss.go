package nn

import "github.com/ritz-go/ritz/goapi/device"

// Evaluate computes Out after Forward and adds the sum of the samples' losses
// to the 1×1 matrix total, unless that is the zero Matrix. The softmax is
// shifted by the largest output of each sample, so that it cannot overflow.
// Without a total, b.Y is needed for SquaredError only.
func (p *Pass[T]) Evaluate(q device.Queue[T], b Batch[T], total device.Matrix[T]) {
	if b.Loss == SquaredError {
		q.Add(1, device.NoTrans, p.Z, -1, device.NoTrans, b.Y, p.Out)
		if !total.IsZero() {
			addSum(q, 0.5, device.SumSquares, p.Out, total)
		}
		return
	}
	defer q.Scope()()
	rows := p.Z.Rows
	t := q.Alloc(1, rows)
	q.Reduce(device.Max, device.PerRow, p.Z, t)
	q.AddBy(device.PerRow, -1, t, p.Z, p.Out)
	target := q.Alloc(1, rows)
	if !total.IsZero() {
		q.Dot(device.PerRow, p.Out, b.Y, target)
	}
	q.Map(device.Exp, p.Out, p.Out)
	q.Reduce(device.Sum, device.PerRow, p.Out, t)
	if !total.IsZero() {
		// -log softmax[label] = log Σ exp(z-max) - (z[label]-max)
		losses := q.Alloc(1, rows)
		q.Map(device.Log, t, losses)
		q.Add(1, device.NoTrans, losses, -1, device.NoTrans, target, losses)
		addSum(q, 1, device.Sum, losses, total)
	}
	q.Map(device.Inv, t, t)
	q.ScaleBy(device.PerRow, t, p.Out, p.Out)
}

// addSum adds α times a reduction of all of a to total.
func addSum[T device.Float](q device.Queue[T], α T, r device.Reduction, a, total device.Matrix[T]) {
	defer q.Scope()()
	s := q.Alloc(1, 1)
	q.Reduce(r, device.Whole, a, s)
	q.Add(α, device.NoTrans, s, 1, device.NoTrans, total, total)
}

// LossCurvature overwrites u, k vectors of outputs side by side for each sample,
// with their products with the Hessian of the sample's loss with respect to its
// outputs: u - for SquaredError, out∘(u - ⟨out,u⟩) for CrossEntropy with out =
// [Pass.Out].
func LossCurvature[T device.Float](q device.Queue[T], loss Loss, out, u device.Matrix[T]) {
	if loss != SquaredError {
		device.SoftmaxTangent(q, out, u)
	}
}
