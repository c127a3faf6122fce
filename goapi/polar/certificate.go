package polar

import (
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Certificate says how good a polar factor is.
//
// Orthogonality is an upper bound of ‖QQᵀ - I‖_F, or of ‖QᵀQ - I‖_F for tall
// matrices: what is found, in float64 where Q is nearly orthogonal, and
// (l·√s + s)·2⁻⁵³ at most, which is as much as rounding errors of the s² sums
// of l products may hide in any order of summation. It is no estimate.
//
// ErrorBound bounds ‖Q - UVᵀ‖₂, from Q and A alone: the symmetric factor
// H = AQᵀ is not quite symmetric and Q·(its transpose) not quite A, and what is
// missing, divided by the singular values that it concerns, is how far Q is
// rotated. To that is added what rounding may hide, about eps·κ: the polar
// factor itself is that sensitive to A. The three norms in it are bounded from
// products with random vectors, which are the same in each call: over their
// choice, one of these bounds fails with a probability of 10⁻⁴ in sum. What
// can be told of float32 matrices is computed in float64.
//
// While Q is far from orthogonal (muon and other methods that do not
// converge), the bound is what the steps leave at the smallest singular value
// and at the largest, with the rounding errors that they amplify.
//
// Bounds of 1 or more say that singular values are missing from Q: A is
// rank-deficient to working accuracy, or the steps were too few. For turbo A is
// the scaled matrix.
type Certificate struct {
	Orthogonality float64
	ErrorBound    float64
}

const (
	// nearly is the part of an error asked for that an iterate may leave;
	// rounding gets the rest.
	nearly = 0.95
	// likely is the part that one leaves whose steps were chosen to leave half.
	likely = 0.6
	// coarse is the smallest singular value of Q that is looked for when Q
	// is far from orthogonal and there is no other.
	coarse = 0.6
	// near is the orthogonality from which the theory of small rotations
	// applies.
	near = 0.1
)

// certify fills in the certificate of the factor out of a, whose Gram matrix
// is in e.gram. Rounding in the steps may have added hidden to the error.
func (e *engine[T]) certify(a, out device.Matrix[T], info *Info, wanted, hidden float64) error {
	defer e.q.Scope()()
	loss, err := e.distance()
	if err != nil {
		return err
	}
	r := e.gramRounding(e.l)
	if single := e.eps > device.Epsilon[float64](); single && (loss <= near || r > near) {
		return certifyDouble(e.q, a, out, info, wanted, hidden)
	}
	// ‖Q‖₂² is at most 1 + ‖QQᵀ-I‖_F itself; the sum of squares is rounded, too.
	loss = (loss*(1+float64(e.s)*e.eps) + r) / (1 - r)
	c := info.Certificate
	c.Orthogonality = loss
	if loss > near {
		c.ErrorBound, err = e.unfinished(info, loss, wanted, hidden)
		return err
	}
	left := math.Inf(1) // what the steps leave, if it is known to be no more than was asked for
	for _, part := range []float64{likely, nearly} {
		if wanted == 0 || largest(info.taken)-1 > part*wanted {
			continue
		}
		ok, err := e.above(1-part*wanted, 1+loss)
		if ok && err == nil {
			ok, err = e.below(1+part*wanted, 1+loss)
		}
		if err != nil {
			return err
		}
		if ok {
			left = part * wanted
			break
		}
	}
	c.ErrorBound, err = e.rotated(a, out, loss, left)
	return err
}

// certifyFactor is certify for a factor that no engine holds.
func certifyFactor[T device.Float](q device.Queue[T], a, out device.Matrix[T], info *Info) error {
	e := newEngine(q, a.Rows, a.Cols)
	e.form(out)
	return e.certify(a, out, info, 0, 0)
}

// certifyDouble is certify in float64.
func certifyDouble[T device.Float](q device.Queue[T], a, out device.Matrix[T], info *Info, wanted, hidden float64) error {
	w := q.Device().F64()
	defer w.Close()
	a64, out64 := w.Alloc(a.Rows, a.Cols), w.Alloc(a.Rows, a.Cols)
	if err := device.Recast(q, a, w, a64); err != nil {
		return err
	}
	if err := device.Recast(q, out, w, out64); err != nil {
		return err
	}
	e := newEngine(w, a.Rows, a.Cols)
	e.form(out64)
	return e.certify(a64, out64, info, wanted, hidden)
}

// gramRounding bounds the Frobenius norm of the rounding errors of X·Xᵀ for an
// s×k matrix of norm 1. For each product x·xᵀ of a column they are u‖x‖² at
// most, and for each addition u times the norm of the sum of the columns in it,
// which is a Gram matrix itself: √s, or √j for j < s of them. No order of
// summation is assumed but that it is the same for all elements; one after the
// other is the worst.
func (e *engine[T]) gramRounding(k int) float64 {
	s := float64(e.s)
	return e.eps / 2 * ((float64(k)-s/3+1)*math.Sqrt(s) + s)
}

// unfinished bounds the error of U·f(Σ)·Vᵀ for the steps f that were taken.
func (e *engine[T]) unfinished(info *Info, loss, wanted, hidden float64) (float64, error) {
	reach := 1. // of the singular values before the steps
	if info.Method.frobenius() {
		reach += e.eps / 2 * float64(e.s+e.l) // the scale is a sum of squares
	}
	least, most := image(info.taken, reach)
	if least < 0 || len(info.taken) == 0 { // a sign may have changed, which the Gram matrix does not tell
		return 1 + math.Sqrt(1+loss), nil
	}
	top := most - 1
	below := 1.0
	levels := []float64{coarse}
	if wanted > 0 && nearly*wanted < 1-coarse {
		levels = []float64{1 - nearly*wanted, coarse}
	}
	if loss < 1 {
		below = 1 - math.Sqrt(1-loss)
	}
	for _, f := range levels {
		if below <= 1-f {
			continue
		}
		ok, err := e.above(f, (most+hidden)*(most+hidden))
		if err != nil {
			return 0, err
		}
		if ok {
			below = 1 - f
			break
		}
	}
	return min(2+top, max(below, top)+hidden), nil
}

// hidden bounds what rounding may have added to the error: sixteen times the
// estimate, for the sums in a product have many errors.
func (i *Info) hidden(eps float64) float64 {
	return 16 * eps * growth(i.taken, cuts(len(i.taken), i.Form, i.Restarts))
}

// above reports whether all singular values of the matrix with the Gram matrix
// e.gram, whose norm is at most square, exceed f, from whether gram - f²·I has a
// Cholesky factor. What rounding may hide in both is taken off: a factorization
// sums as a product does.
func (e *engine[T]) above(f, square float64) (bool, error) {
	e.q.Copy(e.p, e.gram)
	return e.definite(-f*f - square*(e.gramRounding(e.l)+e.gramRounding(e.s)))
}

// below reports whether none of them exceeds f.
func (e *engine[T]) below(f, square float64) (bool, error) {
	e.q.Add(-1, device.NoTrans, e.gram, 0, device.NoTrans, device.Matrix[T]{}, e.p)
	return e.definite(f*f - square*e.gramRounding(e.l) - f*f*e.gramRounding(e.s))
}

// definite reports whether p + shift·I has a Cholesky factor, which replaces p.
func (e *engine[T]) definite(shift float64) (bool, error) {
	e.q.AddDiag(T(shift), e.p)
	e.q.Cholesky(e.p)
	e.squared = false
	err := e.q.Sync()
	if errors.Is(err, device.ErrNotPositiveDefinite) {
		return false, nil
	}
	return err == nil, err
}

// Norms are bounded by random vectors, as many as outside: the largest of the
// norms of a matrix times them, times unlikely, is below its norm with a
// probability of 3·10⁻⁵.
const (
	outside  = 8
	unlikely = 3
)

// rotated bounds ‖Q - UVᵀ‖₂ for almost orthonormal Q.
//
// Q = Q̂·P with Q̂ orthonormal and P close to I, and with H + K = A·Q̂ᵀ, H
// symmetric and K skew, the factor is Q̂ rotated by the W of H·W + W·H = K, to
// first order. With H = L·Lᵀ, M = L⁻¹·K·L⁻ᵀ has elements, in the basis of
// singular vectors, Kᵢⱼ/√(σᵢσⱼ), and Wᵢⱼ = Mᵢⱼ·√(σᵢσⱼ)/(σᵢ+σⱼ), which is a
// Schur product with a positive definite matrix with diagonal 1/2: thus
// ‖W‖₂ ≤ ‖M‖₂/2. What A has outside of the span of Q, R = A - (H+K)·Q, moves
// the factor by H⁻¹·R.
func (e *engine[T]) rotated(a, out device.Matrix[T], loss, left float64) (float64, error) {
	q, s := e.q, e.s
	most := 1 + math.Sqrt(1+loss) // two matrices with such norms are never farther apart
	e.more()
	if e.x.IsZero() {
		e.iterates()
	}
	w := e.y
	if same(w, out) {
		w = e.x
	}
	v, y, norms := q.Alloc(s, outside), q.Alloc(s, outside), q.Alloc(1, outside)
	q.AddDiag(-1, e.gram) // E = QQᵀ - I
	q.Random(device.Normal, 3, 2, v)
	for range 2 {
		q.Gemm(device.NoTrans, device.NoTrans, 1, e.gram, v, 0, y)
		v, y = y, v
	}
	E, _, err := e.columns(v, norms)
	if err != nil {
		return 0, err
	}
	// On the diagonal a sum of l squares may hide l·u; elsewhere signs cancel.
	E = min(loss, math.Sqrt(unlikely*E)+float64(e.l)*e.eps/2*(1+loss))
	bound := min(left, E*(0.5+E)) // ‖P - I‖ and more of the second order

	if unit, err := e.normalize(a, w); err != nil || unit == 0 {
		return most, err
	}
	norm, err := e.frobenius(w)
	if err != nil {
		return 0, err
	}
	c := e.acc // A·Qᵀ
	if e.left {
		q.Gemm(device.NoTrans, device.Transp, 1, w, out, 0, c)
	} else {
		q.Gemm(device.Transp, device.NoTrans, 1, out, w, 0, c)
	}
	if none := (device.Matrix[T]{}); loss > 100*float64(s)*e.eps {
		// A·Q̂ᵀ = C·(I-E/2) and A·Q̂ᵀ·Q̂ = C·(I-E)·Q to first order.
		if e.left {
			q.Gemm(device.NoTrans, device.NoTrans, 1, c, e.gram, 0, e.tmp)
		} else {
			q.Gemm(device.NoTrans, device.NoTrans, 1, e.gram, c, 0, e.tmp)
		}
		q.Add(1, device.NoTrans, c, -1, device.NoTrans, e.tmp, e.gram)
		q.Add(1, device.NoTrans, c, -0.5, device.NoTrans, e.tmp, c)
	} else {
		// Leaving that out turns W by Eᵢⱼ·(σⱼ-σᵢ)/(σᵢ+σⱼ)/4, which grows with
		// log s at most.
		bound += min(loss, E*(1+math.Log(float64(s)))) / 4
		q.Add(1, device.NoTrans, c, 0, device.NoTrans, none, e.gram)
	}
	q.Add(0.5, device.NoTrans, c, -0.5, device.Transp, c, e.tmp) // K
	q.Add(0.5, device.NoTrans, c, 0.5, device.Transp, c, e.p)    // H
	q.Cholesky(e.p)
	if err := q.Sync(); errors.Is(err, device.ErrNotPositiveDefinite) {
		return most, nil
	} else if err != nil {
		return 0, err
	}
	if e.l > s {
		part, err := e.beyond(w, out)
		if err != nil {
			return 0, err
		}
		bound += part
	}
	// ‖M‖₂ from M²·Ω, and on the way the trace of H⁻¹ from L⁻ᵀ·Ω and its
	// Frobenius norm, which is that of (LᵀL)⁻¹, too.
	both := q.Alloc(s, 2*outside)
	x, z := both.Slice(0, s, 0, outside), both.Slice(0, s, outside, 2*outside)
	q.Random(device.Normal, 3, 3, v)
	q.Trsm(device.Left, device.Lower, device.Transp, 1, e.p, v)
	_, trace, err := e.columns(v, norms)
	if err != nil {
		return 0, err
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, e.tmp, v, 0, x)
	q.Copy(z, v)
	q.Trsm(device.Left, device.Lower, device.NoTrans, 1, e.p, both)
	_, inverse, err := e.columns(z, norms)
	if err != nil {
		return 0, err
	}
	q.Copy(v, x)
	q.Trsm(device.Left, device.Lower, device.Transp, 1, e.p, v)
	q.Gemm(device.NoTrans, device.NoTrans, 1, e.tmp, v, 0, y)
	q.Trsm(device.Left, device.Lower, device.NoTrans, 1, e.p, y)
	square, _, err := e.columns(y, norms)
	if err != nil {
		return 0, err
	}
	// The rounding errors of A·Qᵀ, taken as independent, give a random matrix
	// N, and ‖L⁻¹·N·L⁻ᵀ‖₂ is about ‖L⁻¹‖₂·‖L⁻¹‖_F times the size of its
	// elements: eps times that of the rows of A, or for many more columns than
	// rows u·√l times ‖A‖_F/s, for no partial sum of A·Qᵀ has a norm above ‖A‖_F.
	size := e.eps / 2 * max(2, math.Sqrt(float64(e.l)/float64(s))) * norm / math.Sqrt(float64(s))
	hidden := size * math.Sqrt(inverse) * trace
	bound += math.Sqrt(unlikely*square)/2 + hidden
	if !(bound < 0.5) { // no small rotation
		return most, nil
	}
	return bound * (1 + bound), nil
}

// beyond estimates ‖H⁻¹·R‖₂ for what A has outside of the span of Q, from
// random vectors; e.gram is A·Q̂ᵀ and e.p the factor of H.
func (e *engine[T]) beyond(a, out device.Matrix[T]) (float64, error) {
	defer e.q.Scope()()
	q, s, l := e.q, e.s, e.l
	// The products with A and with Q go from the larger side to the smaller
	// and back.
	down, up := device.NoTrans, device.Transp
	if !e.left {
		down, up = up, down
	}
	long, short, second := q.Alloc(l, outside), q.Alloc(s, outside), q.Alloc(s, outside)
	norms := q.Alloc(1, outside)
	// With B = H⁻¹·R: B·Bᵀ·B·Ω, whose largest column bounds ‖B‖³.
	b := func() {
		q.Gemm(down, device.NoTrans, 1, out, long, 0, second)
		q.Gemm(down, device.NoTrans, 1, a, long, 0, short)
		q.Gemm(device.Trans(!e.left), device.NoTrans, -1, e.gram, second, 1, short)
		q.Trsm(device.Left, device.Lower, device.NoTrans, 1, e.p, short)
		q.Trsm(device.Left, device.Lower, device.Transp, 1, e.p, short)
	}
	q.Random(device.Normal, 3, 1, long)
	b()
	q.Trsm(device.Left, device.Lower, device.NoTrans, 1, e.p, short)
	q.Trsm(device.Left, device.Lower, device.Transp, 1, e.p, short)
	q.Gemm(up, device.NoTrans, 1, a, short, 0, long)
	q.Gemm(device.Trans(e.left), device.NoTrans, 1, e.gram, short, 0, second)
	q.Gemm(up, device.NoTrans, -1, out, second, 1, long)
	b()
	most, _, err := e.columns(short, norms)
	return math.Cbrt(unlikely * most), err
}

// columns returns the largest norm of the columns of v and the root of the mean
// of their squares.
func (e *engine[T]) columns(v, norms device.Matrix[T]) (largest, mean float64, err error) {
	var host [outside]T
	e.q.Reduce(device.SumSquares, device.PerCol, v, norms)
	e.q.Download(device.Vector(host[:]), norms)
	if err := e.q.Sync(); err != nil {
		return 0, 0, err
	}
	for _, n := range host {
		largest, mean = max(largest, float64(n)), mean+float64(n)/outside
	}
	return math.Sqrt(largest), math.Sqrt(mean), nil
}
