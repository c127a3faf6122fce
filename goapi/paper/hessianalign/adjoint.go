package hessianalign

import "github.com/ritz-go/ritz/goapi/device"

// adjoint collects the derivatives of a scalar with respect to what Evaluate
// computed of a domain, then carries them on to the head and the features.
type adjoint[T device.Float] struct {
	m *Domain[T]
	x device.Matrix[T] // n×D, of the features; the column of ones is ignored
	p device.Matrix[T] // n×C, of the probabilities
	g device.Matrix[T] // C×D, of the gradient
}

func newAdjoint[T device.Float](q device.Queue[T], m *Domain[T]) *adjoint[T] {
	return &adjoint[T]{m: m, x: q.Alloc(m.x.Rows, m.x.Cols), p: q.Alloc(m.p.Rows, m.p.Cols), g: q.Alloc(m.g.Rows, m.g.Cols)}
}

// product takes in the derivative dq of a stack of products H·V, and adds the
// derivative with respect to V to dv unless that is zero.
func (a *adjoint[T]) product(q device.Queue[T], v, dq, dv device.Matrix[T]) {
	defer q.Scope()()
	const no, tr = device.NoTrans, device.Transp
	m := a.m
	n, scale := m.x.Rows, T(1/float64(m.x.Rows))
	s, ds := q.Alloc(n, v.Rows), q.Alloc(n, v.Rows)
	m.weigh(q, v, s)
	q.Gemm(no, no, scale, s, dq, 1, a.x)
	q.Gemm(no, tr, scale, m.x, dq, 0, ds)
	// S = P∘(U - r), r = rowsum(P∘U); s becomes U again, ds the derivative of U.
	q.Gemm(no, tr, 1, m.x, v, 0, s)
	r, dr, work := q.Alloc(n, 1), q.Alloc(n, 1), q.Alloc(n, m.p.Cols)
	blocks := m.blocks(s)
	for i, d := range m.blocks(ds) {
		u := blocks[i]
		q.Dot(device.PerRow, m.p, u, r)
		q.AddBy(device.PerRow, -1, r, u, work)
		q.Mul(d, work, work)
		q.Add(1, no, a.p, 1, no, work, a.p) // dP += dS∘(U-r)
		q.Mul(d, m.p, d)                    // dU = dS∘P
		q.Reduce(device.Sum, device.PerRow, d, dr)
		q.ScaleBy(device.PerRow, dr, u, work)
		q.Add(1, no, a.p, -1, no, work, a.p) // dP += dr∘U with dr = -rowsum(dS∘P)
		q.ScaleBy(device.PerRow, dr, m.p, work)
		q.Add(1, no, d, -1, no, work, d) // dU += dr∘P
	}
	q.Gemm(no, no, 1, ds, v, 1, a.x)
	if !dv.IsZero() {
		q.Gemm(tr, no, 1, ds, m.x, 1, dv)
	}
}

// diagonal takes in the derivative of the diagonal of H.
func (a *adjoint[T]) diagonal(q device.Queue[T], dd device.Matrix[T]) {
	defer q.Scope()()
	m := a.m
	weight, slope := q.Alloc(m.p.Rows, m.p.Cols), q.Alloc(m.p.Rows, m.p.Cols)
	m.variance(q, weight)
	q.Fill(1, slope)
	q.Add(-2, device.NoTrans, m.p, 1, device.NoTrans, slope, slope) // 1-2P
	a.square(q, weight, slope, dd)
}

// variance takes in the derivative of the variance of the samples' gradients.
func (a *adjoint[T]) variance(q device.Queue[T], dv device.Matrix[T]) {
	defer q.Scope()()
	m := a.m
	weight, slope, mean := q.Alloc(m.p.Rows, m.p.Cols), q.Alloc(m.p.Rows, m.p.Cols), q.Alloc(m.g.Rows, m.g.Cols)
	q.Mul(m.excess, m.excess, weight)
	q.Add(2, device.NoTrans, m.excess, 0, device.NoTrans, device.Matrix[T]{}, slope)
	a.square(q, weight, slope, dv)
	q.Mul(m.g, dv, mean)
	q.Add(-2, device.NoTrans, mean, 1, device.NoTrans, a.g, a.g)
}

// square takes in the derivative d of weightᵀ(X∘X)/n, for a weight whose
// derivative by the same entry of P is slope.
func (a *adjoint[T]) square(q device.Queue[T], weight, slope, d device.Matrix[T]) {
	defer q.Scope()()
	const no, tr = device.NoTrans, device.Transp
	m := a.m
	scale := 1 / float64(m.x.Rows)
	wide, narrow := q.Alloc(m.x.Rows, m.x.Cols), q.Alloc(m.p.Rows, m.p.Cols)
	q.Mul(m.x, m.x, wide)
	q.Gemm(no, tr, T(scale), wide, d, 0, narrow)
	q.Mul(narrow, slope, narrow)
	q.Add(1, no, a.p, 1, no, narrow, a.p)
	q.Gemm(no, no, T(2*scale), weight, d, 0, wide)
	q.Mul(wide, m.x, wide)
	q.Add(1, no, a.x, 1, no, wide, a.x)
}

// finish carries everything, and the derivative of the risk, on to the logits,
// adds the derivative with respect to the head w to dw and stores that with
// respect to the features in dz.
func (a *adjoint[T]) finish(q device.Queue[T], risk float64, w, dw, dz device.Matrix[T]) {
	defer q.Scope()()
	const no, tr = device.NoTrans, device.Transp
	m := a.m
	scale := 1 / float64(m.x.Rows)
	q.Gemm(no, tr, T(scale), m.x, a.g, 1, a.p)
	q.Gemm(no, no, T(scale), m.excess, a.g, 1, a.x)
	mean := q.Alloc(m.p.Rows, 1)
	q.Dot(device.PerRow, a.p, m.p, mean)
	q.AddBy(device.PerRow, -1, mean, a.p, a.p)
	q.Mul(a.p, m.p, a.p)                                // of the logits
	q.Add(T(risk*scale), no, m.excess, 1, no, a.p, a.p) // and of the risk
	q.Gemm(tr, no, 1, a.p, m.x, 1, dw)
	q.Gemm(no, no, 1, a.p, w, 1, a.x)
	q.Copy(dz, a.x.Slice(0, a.x.Rows, 0, a.x.Cols-1))
}
