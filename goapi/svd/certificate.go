package svd

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Certificate says how far a decomposition can be off.
//
// Residual is ‖A - U·diag(S)·Vᵀ‖_F/‖A‖_F. For a truncated decomposition it is
// the relative error of the approximation of rank k.
//
// ErrorBound is an upper bound of |S[i] - σᵢ| in the units of A, where σᵢ are
// exact singular values of A: the i-th largest for a full decomposition, k
// different ones for a randomized one, whose Ritz values lie below the ones
// they approximate.
//
// OrthogonalityU and OrthogonalityV are upper bounds of ‖UᵀU - I‖₂ and
// ‖VᵀV - I‖₂.
//
// The norms are not computed in full but from eight or ten random vectors: Residual of
// a full decomposition is an unbiased estimate, and the bounds hold with
// probability 1 - 10⁻¹⁰ (Halko, Martinsson and Tropp, 2011, section 4.3).
//
// All singular values without vectors leave nothing to check: ErrorBound is
// then the a priori bound of a backward stable algorithm and the other fields
// are NaN. With the vectors of one side alone ErrorBound is the same, Residual
// an estimate of ‖VᵀAᵀA·V - diag(S²)‖_F/‖A‖_F² or of ‖UᵀAAᵀU - diag(S²)‖_F/
// ‖A‖_F², and the orthogonality of the other side NaN. Truncated methods
// compute both sides in any case and certify them before one is dropped.
type Certificate struct {
	Residual       float64
	OrthogonalityU float64
	OrthogonalityV float64
	ErrorBound     float64

	// RelativeBound, of method jacobi alone, is an upper bound of
	// |S[i] - σᵢ|/σᵢ for all i; 0 if there is none, as for rank-deficient
	// matrices. It is a priori, from the condition number of the scaled
	// triangle, which is computed.
	RelativeBound float64
}

// With p random vectors ω, ‖B‖₂ ≤ α·√(2/π)·max‖B·ω‖ but for a chance of α^-p,
// here 10⁻¹⁰.
const probes = 10

var (
	halko     = math.Pow(10, 10.0/probes) * math.Sqrt(2/math.Pi)
	halkoTall = math.Pow(10, 10.0/device.TallProbes) * math.Sqrt(2/math.Pi)
)

// probe returns for B·Ω (r×probes) the estimate of ‖B‖_F and the bound of
// ‖B‖₂.
func probe[T device.Float](q device.Queue[T], b device.Matrix[T]) (estimate, bound float64, err error) {
	defer q.Scope()()
	// The size is divided out: squares of rounding errors of tiny matrices
	// would underflow.
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.MaxAbs, device.Whole, b, out) })
	if err != nil || largest == 0 || largest-largest != 0 { // NaN stays NaN
		return largest, largest, err
	}
	n, host := q.Alloc(1, probes), make([]T, probes)
	w := q.Alloc(b.Rows, b.Cols)
	_, e := math.Frexp(largest)
	multiply(q, b, -e, w)
	q.Reduce(device.SumSquares, device.PerCol, w, n)
	q.Download(device.Vector(host), n)
	if err := q.Sync(); err != nil {
		return 0, 0, err
	}
	sum, most := 0.0, 0.0
	for _, s := range host {
		sum += float64(s)
		most = max(most, float64(s))
	}
	return math.Ldexp(math.Sqrt(sum/probes), e), math.Ldexp(halko*math.Sqrt(most), e), nil
}

// orthogonality bounds ‖B·Bᵀ - I‖₂ for rows (NoTrans) or ‖BᵀB - I‖₂ for
// columns (Transp).
func orthogonality[T device.Float](q device.Queue[T], t device.Trans, b device.Matrix[T], seed, stream uint64) (float64, error) {
	defer q.Scope()()
	if f, ok := q.(device.TallMuler[T]); ok && t == device.Transp && b.Rows >= through*b.Cols {
		if gram, ok := f.TryTallGram(b, device.Dense[float64]{}); ok {
			return lossOf(gram) + gramSlack(b.Rows, b.Cols), q.Sync() // all of it, in one pass
		}
	}
	k, n := b.Rows, b.Cols
	if t == device.Transp {
		k, n = n, k
	}
	ω, long, short := q.Alloc(k, probes), q.Alloc(n, probes), q.Alloc(k, probes)
	q.Random(device.Normal, seed, stream, ω)
	q.Gemm(!t, device.NoTrans, 1, b, ω, 0, long)
	q.Copy(short, ω)
	q.Gemm(t, device.NoTrans, 1, b, long, -1, short)
	_, bound, err := probe(q, short)
	return bound + device.Epsilon[T](), err // rounding errors of these products may hide as much
}

// gramSlack bounds by how much the rounding errors of its Gram matrix hide that
// the columns of an m×n matrix are not orthonormal. An entry is a sum of sums
// of about √m terms; their rounding errors, taken as independent, are 1/8 of
// this.
func gramSlack(m, n int) float64 {
	terms := 2*math.Sqrt(float64(m)) + 100
	return 8 * device.Epsilon[float64]() * math.Sqrt(terms*float64(n))
}

// stretch bounds how much the singular values of U·S·Vᵀ can differ from S in
// relative terms because U and V are not quite orthonormal (Ostrowski).
func (c *Certificate) stretch() float64 {
	return math.Sqrt((1+c.OrthogonalityU)*(1+c.OrthogonalityV)) - 1
}

func norms[T device.Float](q device.Queue[T], a, s device.Matrix[T]) (frobenius, largest float64, err error) {
	square, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, a, out) })
	if err != nil {
		return 0, 0, err
	}
	largest, err = scalar(q, func(out device.Matrix[T]) { q.Copy(out, s.Slice(0, 1, 0, 1)) })
	return math.Sqrt(square), largest, err
}

func (f *Factors[T]) orthogonality(q device.Queue[T], seed uint64) (u, v float64, err error) {
	if u, err = orthogonality(q, device.Transp, f.U, seed, streamProbesU); err != nil {
		return
	}
	v, err = orthogonality(q, device.NoTrans, f.Vt, seed, streamProbesV)
	return
}

// residual returns estimate and bound of A - U·S·Vᵀ.
func residual[T device.Float](q device.Queue[T], a device.Matrix[T], f *Factors[T], seed uint64) (estimate, bound float64, err error) {
	defer q.Scope()()
	ω, aω, vω := q.Alloc(a.Cols, probes), q.Alloc(a.Rows, probes), q.Alloc(f.Vt.Rows, probes)
	q.Random(device.Normal, seed, streamProbesA, ω)
	q.Gemm(device.NoTrans, device.NoTrans, 1, f.Vt, ω, 0, vω)
	q.ScaleBy(device.PerRow, f.S, vω, vω)
	if err := subtract(q, a, ω, f.U, vω, aω); err != nil {
		return 0, 0, err
	}
	return probe(q, aω)
}

// subtract computes out = A·X - B·Y for A and B of one height.
func subtract[T device.Float](q device.Queue[T], a, x, b, y, out device.Matrix[T]) error {
	defer q.Scope()()
	if f, ok := q.(device.TallMuler[T]); ok && a.Rows >= through*a.Cols && b.Cols <= a.Cols {
		second := q.Alloc(out.Rows, out.Cols)
		hx, hy := device.NewDense[T](x.Rows, x.Cols), device.NewDense[T](y.Rows, y.Cols)
		q.Download(hx, x)
		q.Download(hy, y)
		none := device.Dense[float64]{}
		if f.TryTallMul(a, none, device.Convert[float64](hx), out, nil) && f.TryTallMul(b, none, device.Convert[float64](hy), second, nil) {
			q.Add(1, device.NoTrans, out, -1, device.NoTrans, second, out)
			return q.Sync()
		}
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, a, x, 0, out)
	q.Gemm(device.NoTrans, device.NoTrans, -1, b, y, 1, out)
	return q.Sync()
}

// certify fills in the certificate of a decomposition with all singular values.
func (f *Factors[T]) certify(q device.Queue[T], a device.Matrix[T], seed uint64) error {
	if f.U.IsZero() || f.Vt.IsZero() {
		return f.certifySide(q, a, seed)
	}
	c := &f.Certificate
	frobenius, largest, err := norms(q, a, f.S)
	if err != nil {
		return err
	}
	if c.OrthogonalityU, c.OrthogonalityV, err = f.orthogonality(q, seed); err != nil {
		return err
	}
	estimate, bound, err := residual(q, a, f, seed)
	if err != nil {
		return err
	}
	c.ErrorBound = bound + largest*c.stretch()
	c.Residual = relative(estimate, frobenius)
	return nil
}

// certifyLeading adapts the certificate of all singular values to their
// leading part f.
func (f *Factors[T]) certifyLeading(q device.Queue[T], a device.Matrix[T], seed uint64) error {
	switch {
	case f.U.IsZero() && f.Vt.IsZero():
		return nil
	case f.U.IsZero() || f.Vt.IsZero():
		bound := f.Certificate.ErrorBound
		err := f.certifySide(q, a, seed)
		f.Certificate.ErrorBound = bound
		return err
	}
	estimate, _, err := residual(q, a, f, seed)
	if err != nil {
		return err
	}
	frobenius, _, err := norms(q, a, f.S)
	f.Certificate.Residual = relative(estimate, frobenius)
	return err
}

// certifySide is certify for the vectors of one side alone. Random
// combinations of them, Y = A·V·Ω or Aᵀ·U·Ω, tell whether they belong to A:
// each entry of YᵀY - ΩᵀS²Ω off the diagonal has the mean square
// ‖VᵀAᵀA·V - S²‖_F².
func (f *Factors[T]) certifySide(q device.Queue[T], a device.Matrix[T], seed uint64) error {
	defer q.Scope()()
	if err := f.certifyValues(q, max(a.Rows, a.Cols)); err != nil {
		return err
	}
	frobenius, _, err := norms(q, a, f.S)
	if err != nil || frobenius == 0 {
		return err
	}
	c, k := &f.Certificate, f.S.Cols
	ω, x := q.Alloc(k, probes), q.Alloc(max(a.Rows, a.Cols), probes)
	q.Random(device.Normal, seed, streamProbesA, ω)
	var y device.Matrix[T]
	if f.U.IsZero() {
		if c.OrthogonalityV, err = orthogonality(q, device.NoTrans, f.Vt, seed, streamProbesV); err != nil {
			return err
		}
		x, y = x.RowRange(0, a.Cols), q.Alloc(a.Rows, probes)
		q.Gemm(device.Transp, device.NoTrans, 1, f.Vt, ω, 0, x)
		q.Gemm(device.NoTrans, device.NoTrans, T(1/frobenius), a, x, 0, y)
	} else {
		if c.OrthogonalityU, err = orthogonality(q, device.Transp, f.U, seed, streamProbesU); err != nil {
			return err
		}
		x, y = x.RowRange(0, a.Rows), q.Alloc(a.Cols, probes)
		q.Gemm(device.NoTrans, device.NoTrans, 1, f.U, ω, 0, x)
		q.Gemm(device.Transp, device.NoTrans, T(1/frobenius), a, x, 0, y)
	}
	q.ScaleBy(device.PerRow, f.S, ω, ω)
	q.Add(T(1/frobenius), device.NoTrans, ω, 0, device.NoTrans, device.Matrix[T]{}, ω)
	d, host := q.Alloc(probes, probes), device.NewDense[T](probes, probes)
	q.Syrk(device.Transp, 1, y, 0, d)
	q.Syrk(device.Transp, -1, ω, 1, d)
	q.Download(host, d)
	if err := q.Sync(); err != nil {
		return err
	}
	sum := 0.0
	for i := range probes {
		for j := range i {
			sum += float64(host.At(i, j)) * float64(host.At(i, j))
		}
	}
	c.Residual = math.Sqrt(sum / (probes * (probes - 1) / 2))
	return nil
}

// plausible returns an error if the certificate shows more than rounding
// errors: backward stable methods stay a hundred times below what it allows.
func (f *Factors[T]) plausible(q device.Queue[T], dim int) error {
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Copy(out, f.S.Slice(0, 1, 0, 1)) })
	if err != nil {
		return err
	}
	c, allowed := f.Certificate, 100*float64(dim+10)*device.Epsilon[T]()
	worst := relative(c.ErrorBound, largest)
	for _, e := range []float64{c.Residual, c.OrthogonalityU, c.OrthogonalityV} {
		if e > worst { // NaN where a side is missing
			worst = e
		}
	}
	if worst <= allowed {
		return nil
	}
	return &device.NotConvergedError{Method: "the decomposition", Iterations: 1, Achieved: worst, Wanted: allowed}
}

// certifyTruncated fills in the certificate of a Rayleigh–Ritz result from a
// basis of left vectors (across = NoTrans), for which AᵀU = V·S holds to
// rounding, so that W = A·V - U·S alone decides: A has singular values within
// ‖W‖₂ of S. From a basis of right vectors it is the other way round. square
// is ‖A‖_F².
func certifyTruncated[T device.Float](q device.Queue[T], a device.Matrix[T], f *Factors[T], across device.Trans, square float64, seed uint64) error {
	defer q.Scope()()
	c := &f.Certificate
	values := make([]T, f.S.Cols)
	q.Download(device.Vector(values), f.S)
	var err error
	if c.OrthogonalityU, c.OrthogonalityV, err = f.orthogonality(q, seed); err != nil {
		return err
	}
	w := f.misfit(q, a, across)
	first, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, w, out) })
	if err != nil {
		return err
	}
	second, err := lag(q, a, f, across, seed)
	if err != nil {
		return err
	}
	c.ErrorBound = max(math.Sqrt(first), second) + float64(values[0])*c.stretch()

	// ‖A - U·S·Vᵀ‖² = ‖A‖² - ΣS² unless the difference drowns in rounding.
	rest := square
	for _, σ := range values {
		rest -= float64(σ) * float64(σ)
	}
	if rest > 1e3*device.Epsilon[T]()*square {
		c.Residual = relative(math.Sqrt(rest), math.Sqrt(square))
		return nil
	}
	estimate, _, err := residual(q, a, f, seed)
	c.Residual = relative(estimate, math.Sqrt(square))
	return err
}

// misfit returns A·V - U·S, or (AᵀU - V·S)ᵀ for a basis of right vectors.
func (f *Factors[T]) misfit(q device.Queue[T], a device.Matrix[T], across device.Trans) device.Matrix[T] {
	if across == device.NoTrans {
		w := device.Room(q, f.U.Rows, f.U.Cols)
		q.ScaleBy(device.PerCol, f.S, f.U, w)
		q.Gemm(device.NoTrans, device.Transp, 1, a, f.Vt, -1, w)
		return w
	}
	w := device.Room(q, f.Vt.Rows, f.Vt.Cols)
	q.ScaleBy(device.PerRow, f.S, f.Vt, w)
	q.Gemm(device.Transp, device.NoTrans, 1, f.U, a, -1, w)
	return w
}

// lag bounds the norm of what misfit does not: of AᵀU - V·S, or of A·V - U·S
// for a basis of right vectors.
func lag[T device.Float](q device.Queue[T], a device.Matrix[T], f *Factors[T], across device.Trans, seed uint64) (float64, error) {
	defer q.Scope()()
	ω, u, v := device.Room(q, f.S.Cols, probes), device.Room(q, a.Rows, probes), device.Room(q, a.Cols, probes)
	q.Random(device.Normal, seed, streamProbesL, ω)
	d := v
	if across == device.NoTrans { // AᵀUω - V·Sω
		q.Gemm(device.NoTrans, device.NoTrans, 1, f.U, ω, 0, u)
		q.ScaleBy(device.PerRow, f.S, ω, ω)
		q.Gemm(device.Transp, device.NoTrans, 1, f.Vt, ω, 0, v)
		q.Gemm(device.Transp, device.NoTrans, 1, a, u, -1, v)
	} else { // A·Vω - U·Sω
		q.Gemm(device.Transp, device.NoTrans, 1, f.Vt, ω, 0, v)
		q.ScaleBy(device.PerRow, f.S, ω, ω)
		q.Gemm(device.NoTrans, device.NoTrans, 1, f.U, ω, 0, u)
		q.Gemm(device.NoTrans, device.NoTrans, 1, a, v, -1, u)
		d = u
	}
	_, bound, err := probe(q, d)
	return bound, err
}

// certifyValues fills in the a priori certificate of values without vectors.
// Backward stable algorithms give the values of a matrix within p·eps·σ₁;
// LAPACK's documentation calls p a modestly growing function of the
// dimensions, here the larger of them, which measured errors stay well below.
func (f *Factors[T]) certifyValues(q device.Queue[T], dim int) error {
	largest, err := scalar(q, func(out device.Matrix[T]) { q.Copy(out, f.S.Slice(0, 1, 0, 1)) })
	f.Certificate = valuesCertificate[T](dim, largest)
	return err
}

func valuesCertificate[T device.Float](dim int, largest float64) Certificate {
	return Certificate{
		Residual: math.NaN(), OrthogonalityU: math.NaN(), OrthogonalityV: math.NaN(),
		ErrorBound: float64(max(dim, 10)) * device.Epsilon[T]() * largest,
	}
}

func relative(x, whole float64) float64 {
	if whole == 0 {
		return x
	}
	return x / whole
}
