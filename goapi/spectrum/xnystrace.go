package spectrum

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// nystrom are the inner products that XNysTrace consists of, for a sketch.
type nystrom struct {
	n       int
	r       *mat.Dense // R
	core    *mat.Dense // ΩᵀHΩ
	gram    *mat.Dense // ΩᵀΩ
	epsilon float64
}

func (s *sketch[T]) nystrom() (*nystrom, error) {
	if err := s.orthogonalize(); err != nil {
		return nil, err
	}
	p := &nystrom{n: s.n, r: s.r, epsilon: device.Epsilon[T]()}
	var err error
	if p.core, err = s.inner(s.ω, s.y); err != nil {
		return nil, err
	}
	p.gram, err = s.inner(s.ω, s.ω)
	return p, err
}

// first returns those of the first k vectors alone.
func (p *nystrom) first(k int) *nystrom {
	return &nystrom{n: p.n, epsilon: p.epsilon, r: leading(p.r, k), core: leading(p.core, k), gram: leading(p.gram, k)}
}

// xnys is the leave-one-out form of the Nyström approximation HΩ(ΩᵀHΩ)⁻¹ΩᵀH
// (Epperly, Tropp and Webber, SIAM J. Matrix Anal. 2024), for positive
// semidefinite operators; each product serves twice.
func (t *tracer[T]) xnys(k int) (Estimate, error) {
	s := &sketch[T]{tracer: t, law: device.Normal}
	if err := s.grow(k); err != nil {
		return Estimate{}, err
	}
	p, err := s.nystrom()
	if err != nil {
		return Estimate{}, err
	}
	return p.estimate(t.products)
}

func (p *nystrom) estimate(products int) (Estimate, error) {
	k, _ := p.r.Dims()
	sym := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			sym.SetSym(i, j, (p.core.At(i, j)+p.core.At(j, i))/2)
		}
	}
	values, vectors := eigh(sym)
	largest := slices.Max(values)
	if slices.Min(values) < -1e3*p.epsilon*max(largest, -slices.Min(values)) {
		return Estimate{}, device.Argument("operator", "is not positive semidefinite; use xtrace")
	}
	if !(largest > 0) {
		return Estimate{Products: products, Method: XNysTrace}, nil
	}
	// N^-½ and N⁻¹ from the eigenvectors; eigenvalues at rounding level count
	// as that level.
	half, scaled := mat.NewDense(k, k, nil), mat.NewDense(k, k, nil)
	for l, λ := range values {
		for i := range k {
			half.Set(i, l, vectors.At(i, l)/math.Sqrt(max(λ, p.epsilon*largest)))
			scaled.Set(i, l, vectors.At(i, l)/max(λ, p.epsilon*largest))
		}
	}
	var b, inverse, rn, gg, gramInverse mat.Dense
	b.Mul(p.r, half)
	inverse.Mul(scaled, vectors.T())
	rn.Mul(&b, half.T())
	gg.Mul(rn.T(), &rn)
	if err := gramInverse.Inverse(p.gram); err != nil {
		var c mat.Condition
		if !asCondition(err, &c) {
			return Estimate{}, err
		}
	}
	whole := mat.Norm(&b, 2)
	whole *= whole
	samples, without := make([]float64, k), make([]float64, k)
	for i := range k {
		a := inverse.At(i, i)
		samples[i] = whole - gg.At(i, i)/a + float64(p.n-k+1)*gramInverse.At(i, i)/a
		// The same without probe j as well, for the jackknife.
		for j := range k {
			if j == i {
				continue
			}
			c, d := inverse.At(i, j), inverse.At(j, j)
			det := a*d - c*c
			o, f, g := gramInverse.At(i, i), gramInverse.At(i, j), gramInverse.At(j, j)
			known := whole - (d*gg.At(i, i)-2*c*gg.At(i, j)+a*gg.At(j, j))/det
			rest := float64(p.n-k+2) * (o*g - f*f) / g * d / det
			without[j] += (known + rest) / float64(k-1)
		}
	}
	e := combined(samples, without, 1.0/2, products)
	e.Method = XNysTrace
	return e, nil
}
