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

// estimates are what probes say of a matrix: an estimate of its Frobenius norm
// and a bound of its spectral norm. They hold their values once the tally has
// been fetched.
type estimates func() (estimate, bound float64)

// probe returns for B·Ω (r×probes) the estimate of ‖B‖_F and the bound of
// ‖B‖₂.
func probe[T device.Float](t *tally[T], b device.Matrix[T]) estimates {
	q := t.q
	defer q.Scope()()
	// The size is divided out: squares of rounding errors of tiny matrices
	// would underflow.
	inverse, w := q.Alloc(1, probes), device.Room(q, b.Rows, b.Cols)
	size := t.numbers(probes, func(out device.Matrix[T]) {
		q.Reduce(device.MaxAbs, device.PerCol, b, out)
		q.Map(device.Inv, out, inverse)
		q.Map(device.InfToZero, inverse, inverse)
	})
	square := t.numbers(probes, func(out device.Matrix[T]) {
		q.ScaleBy(device.PerCol, inverse, b, w)
		q.Reduce(device.SumSquares, device.PerCol, w, out)
	})
	rows := float64(b.Rows)
	return func() (estimate, bound float64) {
		norm, most := make([]float64, probes), 0.0
		for j := range norm {
			s := float64(square[j])
			if s == 0 { // of numbers whose inverse overflows
				s = rows
			}
			if size[j] != 0 {
				norm[j] = float64(size[j]) * math.Sqrt(s)
			}
			most = max(most, norm[j]) // NaN stays NaN
		}
		if most == 0 || most-most != 0 {
			return most, most
		}
		sum := 0.0
		for _, x := range norm {
			sum += (x / most) * (x / most)
		}
		return most * math.Sqrt(sum/probes), halko * most
	}
}

// probed is how many numbers probe takes.
const probed = 2 * probes

// orthogonality bounds ‖B·Bᵀ - I‖₂ for rows (NoTrans) or ‖BᵀB - I‖₂ for
// columns (Transp), by at most `probed` numbers of t.
func orthogonality[T device.Float](t *tally[T], tr device.Trans, b device.Matrix[T], seed, stream uint64) func() float64 {
	q := t.q
	defer q.Scope()()
	if f, ok := q.(device.TallMuler[T]); ok && tr == device.Transp && b.Rows >= through*b.Cols {
		if gram, ok := f.TryTallGram(b, device.Dense[float64]{}); ok {
			loss := lossOf(gram) + gramSlack(b.Rows, b.Cols) // all of it, in one pass
			return func() float64 { return loss }
		}
	}
	k, n := b.Rows, b.Cols
	if tr == device.Transp {
		k, n = n, k
	}
	ω, long, short := device.Room(q, k, probes), device.Room(q, n, probes), device.Room(q, k, probes)
	q.Random(device.Normal, seed, stream, ω)
	q.Gemm(!tr, device.NoTrans, 1, b, ω, 0, long)
	q.Copy(short, ω)
	q.Gemm(tr, device.NoTrans, 1, b, long, -1, short)
	lack := probe(t, short)
	return func() float64 {
		_, bound := lack()
		return bound + device.Epsilon[T]() // rounding errors of these products may hide as much
	}
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

// norms returns ‖a‖_F² and s[0].
func norms[T device.Float](t *tally[T], a, s device.Matrix[T]) (square, largest []T) {
	return t.reduce(device.SumSquares, a), t.numbers(1, func(out device.Matrix[T]) { t.q.Copy(out, s.Slice(0, 1, 0, 1)) })
}

// orthogonality is that of both sides.
func (f *Factors[T]) orthogonality(t *tally[T], seed uint64) (u, v func() float64) {
	return orthogonality(t, device.Transp, f.U, seed, streamProbesU), orthogonality(t, device.NoTrans, f.Vt, seed, streamProbesV)
}

// residual returns estimate and bound of A - U·S·Vᵀ.
func residual[T device.Float](t *tally[T], a device.Matrix[T], f *Factors[T], seed uint64) estimates {
	q := t.q
	defer q.Scope()()
	ω, aω, vω := device.Room(q, a.Cols, probes), device.Room(q, a.Rows, probes), device.Room(q, f.Vt.Rows, probes)
	q.Random(device.Normal, seed, streamProbesA, ω)
	q.Gemm(device.NoTrans, device.NoTrans, 1, f.Vt, ω, 0, vω)
	q.ScaleBy(device.PerRow, f.S, vω, vω)
	subtract(q, a, ω, f.U, vω, aω)
	return probe(t, aω)
}

// subtract computes out = A·X - B·Y for A and B of one height.
func subtract[T device.Float](q device.Queue[T], a, x, b, y, out device.Matrix[T]) {
	defer q.Scope()()
	if f, ok := q.(device.TallMuler[T]); ok && a.Rows >= through*a.Cols && b.Cols <= a.Cols {
		second := q.Alloc(out.Rows, out.Cols)
		hx, hy := device.NewDense[T](x.Rows, x.Cols), device.NewDense[T](y.Rows, y.Cols)
		q.Download(hx, x)
		q.Download(hy, y)
		none := device.Dense[float64]{}
		if f.TryTallMul(a, none, device.Convert[float64](hx), out, nil) && f.TryTallMul(b, none, device.Convert[float64](hy), second, nil) {
			q.Add(1, device.NoTrans, out, -1, device.NoTrans, second, out)
			return
		}
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, a, x, 0, out)
	q.Gemm(device.NoTrans, device.NoTrans, -1, b, y, 1, out)
}

// certify fills in the certificate of a decomposition with all singular values.
func (f *Factors[T]) certify(q device.Queue[T], a device.Matrix[T], seed uint64) error {
	if f.U.IsZero() || f.Vt.IsZero() {
		return f.certifySide(q, a, seed)
	}
	defer q.Scope()()
	c, t := &f.Certificate, newTally(q, 2+3*probed)
	square, largest := norms(t, a, f.S)
	u, v := f.orthogonality(t, seed)
	lack := residual(t, a, f, seed)
	if err := t.fetch(); err != nil {
		return err
	}
	estimate, bound := lack()
	c.OrthogonalityU, c.OrthogonalityV = u(), v()
	c.ErrorBound = bound + float64(largest[0])*c.stretch()
	c.Residual = relative(estimate, math.Sqrt(float64(square[0])))
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
	defer q.Scope()()
	t := newTally(q, 1+probed)
	square, lack := t.reduce(device.SumSquares, a), residual(t, a, f, seed)
	if err := t.fetch(); err != nil {
		return err
	}
	estimate, _ := lack()
	f.Certificate.Residual = relative(estimate, math.Sqrt(float64(square[0])))
	return nil
}

// certifySide is certify for the vectors of one side alone. Random
// combinations of them, Y = A·V·Ω or Aᵀ·U·Ω, tell whether they belong to A:
// each entry of YᵀY - ΩᵀS²Ω off the diagonal has the mean square
// ‖VᵀAᵀA·V - S²‖_F².
func (f *Factors[T]) certifySide(q device.Queue[T], a device.Matrix[T], seed uint64) error {
	defer q.Scope()()
	t := newTally(q, 2+probed)
	square, largest := norms(t, a, f.S)
	if err := t.fetch(); err != nil {
		return err
	}
	f.Certificate = valuesCertificate[T](max(a.Rows, a.Cols), float64(largest[0]))
	frobenius := math.Sqrt(float64(square[0]))
	if frobenius == 0 {
		return nil
	}
	c, k := &f.Certificate, f.S.Cols
	ω, x := q.Alloc(k, probes), q.Alloc(max(a.Rows, a.Cols), probes)
	q.Random(device.Normal, seed, streamProbesA, ω)
	var y device.Matrix[T]
	var set *float64 // what lack tells
	var lack func() float64
	if f.U.IsZero() {
		set, lack = &c.OrthogonalityV, orthogonality(t, device.NoTrans, f.Vt, seed, streamProbesV)
		x, y = x.RowRange(0, a.Cols), q.Alloc(a.Rows, probes)
		q.Gemm(device.Transp, device.NoTrans, 1, f.Vt, ω, 0, x)
		q.Gemm(device.NoTrans, device.NoTrans, T(1/frobenius), a, x, 0, y)
	} else {
		set, lack = &c.OrthogonalityU, orthogonality(t, device.Transp, f.U, seed, streamProbesU)
		x, y = x.RowRange(0, a.Rows), q.Alloc(a.Cols, probes)
		q.Gemm(device.NoTrans, device.NoTrans, 1, f.U, ω, 0, x)
		q.Gemm(device.Transp, device.NoTrans, T(1/frobenius), a, x, 0, y)
	}
	q.ScaleBy(device.PerRow, f.S, ω, ω)
	q.Add(T(1/frobenius), device.NoTrans, ω, 0, device.NoTrans, device.Matrix[T]{}, ω)
	d, host := device.Room(q, probes, probes), device.NewDense[T](probes, probes)
	q.Syrk(device.Transp, 1, y, 0, d)
	q.Syrk(device.Transp, -1, ω, 1, d)
	q.Download(host, d)
	if err := t.fetch(); err != nil {
		return err
	}
	*set = lack()
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
	c, t := &f.Certificate, newTally(q, f.S.Cols+1+3*probed)
	values := t.numbers(f.S.Cols, func(out device.Matrix[T]) { q.Copy(out, f.S) })
	u, v := f.orthogonality(t, seed)
	first := t.reduce(device.SumSquares, f.misfit(q, a, across))
	second := lag(t, a, f, across, seed)
	if err := t.fetch(); err != nil {
		return err
	}
	_, bound := second()
	c.OrthogonalityU, c.OrthogonalityV = u(), v()
	c.ErrorBound = max(math.Sqrt(float64(first[0])), bound) + float64(values[0])*c.stretch()

	// ‖A - U·S·Vᵀ‖² = ‖A‖² - ΣS² unless the difference drowns in rounding.
	rest := square
	for _, σ := range values {
		rest -= float64(σ) * float64(σ)
	}
	if rest > 1e3*device.Epsilon[T]()*square {
		c.Residual = relative(math.Sqrt(rest), math.Sqrt(square))
		return nil
	}
	t = newTally(q, probed)
	lack := residual(t, a, f, seed)
	if err := t.fetch(); err != nil {
		return err
	}
	estimate, _ := lack()
	c.Residual = relative(estimate, math.Sqrt(square))
	return nil
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
func lag[T device.Float](t *tally[T], a device.Matrix[T], f *Factors[T], across device.Trans, seed uint64) estimates {
	q := t.q
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
	return probe(t, d)
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
