package hessianalign

import (
	"context"

	"github.com/ritz-go/ritz/goapi/device"
)

// study is one evaluation of a penalty and, if adjoints are there, of its
// derivatives.
type study[T device.Float] struct {
	ctx      context.Context
	q        device.Queue[T]
	p        Penalty
	domains  []*Domain[T]
	w, dw    device.Matrix[T]
	adjoints []*adjoint[T]
	risks    []float64 // derivatives with respect to the risks
}

// penalty returns the penalty of the evaluated domains and takes weight times
// its derivatives into the adjoints.
func (s *study[T]) penalty(risks []float64, weight float64) (float64, error) {
	α, β := s.p.Alpha, s.p.Beta
	switch s.p.Kind {
	case HGP:
		first, err := s.products(α, weight)
		if err != nil {
			return 0, err
		}
		second, err := s.gradients(β, weight)
		return first + second, err
	case Diagonal:
		first, err := s.diagonals(α, weight)
		if err != nil {
			return 0, err
		}
		second, err := s.gradients(β, weight)
		return first + second, err
	case IGA:
		return s.gradients(β, weight)
	case Fish:
		return s.inner(β, weight)
	case IRM:
		return s.scaling(α, weight)
	case VREx:
		return s.spread(risks, α, weight), nil
	case Fishr:
		return s.variances(α, weight)
	case CORAL:
		return s.moments(α, weight)
	}
	return 0, nil
}

// count is the number of domains.
func (s *study[T]) count() float64 { return float64(len(s.domains)) }

// perDomain allocates a C×D matrix for each domain.
func (s *study[T]) perDomain() []device.Matrix[T] {
	all := make([]device.Matrix[T], len(s.domains))
	for e := range all {
		all[e] = s.q.Alloc(s.w.Rows, s.w.Cols)
	}
	return all
}

// deviations replaces values by their differences from center, or from their
// mean if that is zero, and returns α·mean‖·‖².
func (s *study[T]) deviations(values []device.Matrix[T], center device.Matrix[T], α float64) (float64, error) {
	const no = device.NoTrans
	if center.IsZero() {
		center = s.q.Alloc(s.w.Rows, s.w.Cols)
		for _, v := range values {
			s.q.Add(T(1/s.count()), no, v, 1, no, center, center)
		}
	}
	sum := 0.0
	for _, v := range values {
		s.q.Add(1, no, v, -1, no, center, v)
		square, err := read(s.q, device.SumSquares, v, α/s.count())
		if err != nil {
			return 0, err
		}
		sum += square
	}
	return sum, nil
}

// scaled multiplies a matrix in place.
func (s *study[T]) scaled(factor float64, a device.Matrix[T]) device.Matrix[T] {
	s.q.Add(T(factor), device.NoTrans, a, 0, device.NoTrans, device.Matrix[T]{}, a)
	return a
}

// addTo adds factor·a to a derivative.
func (s *study[T]) addTo(derivative device.Matrix[T], factor float64, a device.Matrix[T]) {
	s.q.Add(T(factor), device.NoTrans, a, 1, device.NoTrans, derivative, derivative)
}

// gradients is β·mean‖Gₑ-Ḡ‖².
func (s *study[T]) gradients(β, weight float64) (float64, error) {
	defer s.q.Scope()()
	d := s.perDomain()
	for e, m := range s.domains {
		s.q.Copy(d[e], m.g)
	}
	value, err := s.deviations(d, device.Matrix[T]{}, β)
	for e, a := range s.adjoints {
		s.addTo(a.g, 2*β*weight/s.count(), d[e])
	}
	return value, err
}

// products is α·mean‖HₑGₑ-h‖².
func (s *study[T]) products(α, weight float64) (float64, error) {
	q := s.q
	defer q.Scope()()
	d := s.perDomain()
	for e, m := range s.domains {
		if err := m.Product(q, m.g, d[e]); err != nil {
			return 0, err
		}
	}
	var h, mean device.Matrix[T] // h as the product of mean Hessian and mean gradient
	if !s.p.MeanOfProducts {
		h, mean = q.Alloc(s.w.Rows, s.w.Cols), q.Alloc(s.w.Rows, s.w.Cols)
		part := q.Alloc(s.w.Rows, s.w.Cols)
		for _, m := range s.domains {
			s.addTo(mean, 1/s.count(), m.g)
		}
		for _, m := range s.domains {
			if err := m.Product(q, mean, part); err != nil {
				return 0, err
			}
			s.addTo(h, 1/s.count(), part)
		}
	}
	value, err := s.deviations(d, h, α)
	if err != nil || s.adjoints == nil {
		return value, err
	}
	factor := 2 * α * weight / s.count()
	if !h.IsZero() && !s.p.Detach {
		dh, dMean := q.Alloc(s.w.Rows, s.w.Cols), q.Alloc(s.w.Rows, s.w.Cols)
		for _, v := range d {
			s.addTo(dh, -factor/s.count(), v)
		}
		for _, a := range s.adjoints {
			a.product(q, mean, dh, dMean)
		}
		for _, a := range s.adjoints {
			s.addTo(a.g, 1/s.count(), dMean)
		}
	}
	for e, a := range s.adjoints {
		a.product(q, s.domains[e].g, s.scaled(factor, d[e]), a.g)
	}
	return value, nil
}

// diagonals is α·mean‖Dₑ-D̄‖², D the diagonal of H or its estimate.
func (s *study[T]) diagonals(α, weight float64) (float64, error) {
	q := s.q
	defer q.Scope()()
	d := s.perDomain()
	for e, m := range s.domains {
		err := m.Diagonal(q, d[e])
		if s.p.Probes > 0 {
			err = m.EstimateDiagonal(s.ctx, q, s.p.Probes, s.p.Seed, d[e])
		}
		if err != nil {
			return 0, err
		}
	}
	value, err := s.deviations(d, device.Matrix[T]{}, α)
	if err != nil {
		return 0, err
	}
	for e, a := range s.adjoints {
		s.scaled(2*α*weight/s.count(), d[e])
		if s.p.Probes == 0 {
			a.diagonal(q, d[e])
			continue
		}
		// The estimate is the mean of z∘(Hz).
		err := a.m.eachProbe(s.ctx, q, s.p.Probes, s.p.Seed, func(z device.Matrix[T]) error {
			defer q.Scope()()
			dq := q.Alloc(z.Rows, z.Cols)
			a.m.mulBlocks(q, T(1/float64(s.p.Probes)), d[e], z, dq)
			a.product(q, z, dq, device.Matrix[T]{})
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return value, nil
}

// inner is -β·mean⟨Gₑ,G_f⟩ over e ≠ f.
func (s *study[T]) inner(β, weight float64) (float64, error) {
	q := s.q
	defer q.Scope()()
	pairs := s.count() * (s.count() - 1)
	total := q.Alloc(s.w.Rows, s.w.Cols)
	squares := 0.0
	for _, m := range s.domains {
		s.addTo(total, 1, m.g)
		square, err := read(q, device.SumSquares, m.g, 1)
		if err != nil {
			return 0, err
		}
		squares += square
	}
	all, err := read(q, device.SumSquares, total, 1)
	for e, a := range s.adjoints {
		s.addTo(a.g, -2*β*weight/pairs, total)
		s.addTo(a.g, 2*β*weight/pairs, s.domains[e].g)
	}
	return -β * (all - squares) / pairs, err
}

// scaling is α·mean(⟨W,Gₑ⟩²).
func (s *study[T]) scaling(α, weight float64) (float64, error) {
	q := s.q
	defer q.Scope()()
	product := q.Alloc(s.w.Rows, s.w.Cols)
	value := 0.0
	for e, m := range s.domains {
		q.Mul(s.w, m.g, product)
		c, err := read(q, device.Sum, product, 1)
		if err != nil {
			return 0, err
		}
		value += α * c * c / s.count()
		if s.adjoints != nil {
			factor := 2 * α * weight * c / s.count()
			s.addTo(s.adjoints[e].g, factor, s.w)
			s.addTo(s.dw, factor, m.g)
		}
	}
	return value, nil
}

// spread is α·variance of the risks.
func (s *study[T]) spread(risks []float64, α, weight float64) float64 {
	mean, value := 0.0, 0.0
	for _, r := range risks {
		mean += r / s.count()
	}
	for e, r := range risks {
		value += α * (r - mean) * (r - mean) / s.count()
		s.risks[e] += 2 * α * weight * (r - mean) / s.count()
	}
	return value
}

// variances is α·mean‖vₑ-v̄‖².
func (s *study[T]) variances(α, weight float64) (float64, error) {
	defer s.q.Scope()()
	d := s.perDomain()
	for e, m := range s.domains {
		if err := m.GradientVariance(s.q, d[e]); err != nil {
			return 0, err
		}
	}
	value, err := s.deviations(d, device.Matrix[T]{}, α)
	for e, a := range s.adjoints {
		a.variance(s.q, s.scaled(2*α*weight/s.count(), d[e]))
	}
	return value, err
}

// moments is α·mean(‖μₑ-μ_f‖² + ‖Covₑ-Cov_f‖_F²) of the features over e < f. With
// x = (z,1) both means and covariances are in XᵀX.
func (s *study[T]) moments(α, weight float64) (float64, error) {
	q := s.q
	defer q.Scope()()
	const no, tr = device.NoTrans, device.Transp
	d := s.w.Cols - 1
	means, covs := make([]device.Matrix[T], len(s.domains)), make([]device.Matrix[T], len(s.domains))
	for e, m := range s.domains {
		n := m.x.Rows
		if n < 2 {
			return 0, device.Argument("domains", "number %d has one sample, which has no covariance", e)
		}
		z := m.Features()
		means[e], covs[e] = q.Alloc(1, d), q.Alloc(d, d)
		q.Reduce(device.Sum, device.PerCol, z, means[e])
		s.scaled(1/float64(n), means[e])
		func() {
			defer q.Scope()()
			centered := q.Alloc(n, d)
			q.AddBy(device.PerCol, -1, means[e], z, centered)
			q.Gemm(tr, no, T(1/float64(n-1)), centered, centered, 0, covs[e])
		}()
	}
	pairs := s.count() * (s.count() - 1) / 2
	value := 0.0
	mean, cov := q.Alloc(1, d), q.Alloc(d, d)
	for e := range s.domains {
		for f := range e {
			q.Add(1, no, means[e], -1, no, means[f], mean)
			q.Add(1, no, covs[e], -1, no, covs[f], cov)
			for _, difference := range []device.Matrix[T]{mean, cov} {
				square, err := read(q, device.SumSquares, difference, α/pairs)
				if err != nil {
					return 0, err
				}
				value += square
			}
		}
	}
	for e, a := range s.adjoints {
		// Σ_f (μₑ-μ_f) and Σ_f (Covₑ-Cov_f).
		q.Fill(0, mean)
		q.Fill(0, cov)
		for f := range s.domains {
			if f != e {
				s.addTo(mean, 1, means[e])
				s.addTo(mean, -1, means[f])
				s.addTo(cov, 1, covs[e])
				s.addTo(cov, -1, covs[f])
			}
		}
		n := float64(a.m.x.Rows)
		factor := 2 * α * weight / pairs
		func() {
			defer q.Scope()()
			centered := q.Alloc(a.m.x.Rows, d)
			q.AddBy(device.PerCol, -1, means[e], a.m.Features(), centered)
			dz := a.x.Slice(0, a.x.Rows, 0, d)
			q.Gemm(no, no, T(2*factor/(n-1)), centered, cov, 1, dz)
			q.AddBy(device.PerCol, T(factor/n), mean, dz, dz)
		}()
	}
	return value, nil
}
