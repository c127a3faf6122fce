package spectrum

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// rangeMoments are the inner products that XTrace consists of, for a sketch.
type rangeMoments struct {
	n       int
	r, m    *mat.Dense // R and QᵀHQ
	w, v    *mat.Dense // QᵀΩ and (HQ)ᵀΩ
	squares []float64  // ‖ω‖²
}

func (s *sketch[T]) rangeMoments() (*rangeMoments, error) {
	if err := s.image(); err != nil {
		return nil, err
	}
	p := &rangeMoments{n: s.n, r: s.r}
	var err error
	if p.m, err = s.inner(s.basis, s.z); err != nil {
		return nil, err
	}
	if p.w, err = s.inner(s.basis, s.ω); err != nil {
		return nil, err
	}
	if p.v, err = s.inner(s.z, s.ω); err != nil {
		return nil, err
	}
	p.squares, err = s.rowDots(s.ω, s.ω)
	return p, err
}

// first returns the moments of the first k vectors alone.
func (p *rangeMoments) first(k int) *rangeMoments {
	return &rangeMoments{p.n, leading(p.r, k), leading(p.m, k), leading(p.w, k), leading(p.v, k), p.squares[:k]}
}

// xtrace averages k leave-one-out estimates (Epperly, Tropp and Webber, SIAM
// J. Matrix Anal. 2024): each takes the range of all products but one exactly
// and the one left out as Hutchinson's probe. All of them come from one QR
// factorization.
func (t *tracer[T]) xtrace(k int) (Estimate, error) {
	s := &sketch[T]{tracer: t, law: device.Normal}
	if err := s.grow(k); err != nil {
		return Estimate{}, err
	}
	p, err := s.rangeMoments()
	if err != nil {
		return Estimate{}, err
	}
	return p.estimate(t.products), nil
}

func (p *rangeMoments) estimate(products int) Estimate {
	s, ok := leaveOneOut(p.r)
	if !ok { // the products do not span k directions: their trace is exact
		return Estimate{Value: mat.Trace(p.m), Products: products, Method: XTrace}
	}
	k, _ := p.r.Dims()
	var sw, ss, ms, sms, smw, wms, sv mat.Dense
	sw.Mul(s.T(), p.w)
	ss.Mul(s.T(), s)
	ms.Mul(p.m, s)
	sms.Mul(s.T(), &ms)
	var mw mat.Dense
	mw.Mul(p.m, p.w)
	smw.Mul(s.T(), &mw)
	wms.Mul(p.w.T(), &ms)
	sv.Mul(s.T(), p.v)
	samples, without := make([]float64, k), make([]float64, k)
	x, mx := mat.NewVecDense(k, nil), mat.NewVecDense(k, nil)
	trace := mat.Trace(p.m)
	for i := range k {
		si, wi, ri, vi := s.ColView(i), p.w.ColView(i), p.r.ColView(i), p.v.ColView(i)
		a := sw.At(i, i)
		x.AddScaledVec(wi, -a, si)
		mx.MulVec(p.m, x)
		scale := float64(p.n-k+1) / (p.squares[i] - mat.Dot(wi, wi) + a*a)
		samples[i] = trace - sms.At(i, i) + scale*(a*mat.Dot(si, ri)-mat.Dot(vi, x)+mat.Dot(x, mx))

		// The same without probe j as well, for the jackknife.
		whole, ww, vw := mat.Dot(wi, ri), mat.Dot(wi, wi), mat.Dot(vi, wi)
		wmw := mat.Dot(wi, mw.ColView(i))
		for j := range k {
			if j == i {
				continue
			}
			// Coordinates (c,d) of the projection of w on span{sᵢ,sⱼ}.
			g := ss.At(i, j)
			det := 1 - g*g
			b := sw.At(j, i)
			c, d := (a-g*b)/det, (b-g*a)/det
			known := trace - (sms.At(i, i)+sms.At(j, j)-g*(sms.At(i, j)+sms.At(j, i)))/det
			square := p.squares[i] - (ww - a*c - b*d)
			rest := whole - 2*(vw-c*sv.At(i, i)-d*sv.At(j, i)) +
				wmw - c*(smw.At(i, i)+wms.At(i, i)) - d*(smw.At(j, i)+wms.At(i, j)) +
				c*c*sms.At(i, i) + d*d*sms.At(j, j) + c*d*(sms.At(i, j)+sms.At(j, i))
			without[j] += (known + float64(p.n-k+2)/square*rest) / float64(k-1)
		}
	}
	e := combined(samples, without, 1.0/3, products)
	e.Method = XTrace
	return e
}

// leaveOneOut returns R^-T with columns of unit length; column i is the
// direction of the range that only vector i contributes. ok is false if R is
// singular to working accuracy.
func leaveOneOut(r *mat.Dense) (s *mat.Dense, ok bool) {
	k, _ := r.Dims()
	largest := largestDiagonal(r)
	for i := range k {
		if !(math.Abs(r.At(i, i)) > 1e-14*largest) {
			return nil, false
		}
	}
	identity := mat.NewDense(k, k, nil)
	for i := range k {
		identity.Set(i, i, 1)
	}
	s = mat.NewDense(k, k, nil)
	if err := s.Solve(r.T(), identity); err != nil {
		var condition mat.Condition
		if !asCondition(err, &condition) {
			return nil, false
		}
	}
	for i := range k {
		col := mat.Col(nil, i, s)
		size := mat.Norm(mat.NewVecDense(k, col), 2)
		for j := range col {
			s.Set(j, i, col[j]/size)
		}
	}
	return s, true
}

func asCondition(err error, c *mat.Condition) bool {
	e, ok := err.(mat.Condition)
	*c = e
	return ok
}
