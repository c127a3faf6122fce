package svd

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// through is how many times taller than wide a matrix must be for
// decomposeThrough: its passes over the matrix are then most of the work.
const through = 5

// throughPasses decomposes a tall matrix by decomposeThrough and certifies the
// result by what that measured.
func (f *Factors[T]) throughPasses(ctx context.Context, q device.Queue[T], a device.Matrix[T], o Options) (done bool, err error) {
	if o.Method != Full && o.Method != Tall || o.Rank != a.Cols || f.U.IsZero() || f.Vt.IsZero() {
		return false, nil
	}
	defer q.Scope()()
	found := passes{seed: o.Seed}
	if done, err := decomposeThrough(ctx, q, a, f.U, f.S, f.Vt, &found); err != nil || !done {
		return done, err
	}
	c := &f.Certificate
	c.OrthogonalityU = lossOf(found.check.Gram) + gramSlack(a.Rows, a.Cols)
	t := newTally(q, 1+probed)
	v := orthogonality(t, device.NoTrans, f.Vt, o.Seed, streamProbesV)
	largest := t.numbers(1, func(out device.Matrix[T]) { q.Copy(out, f.S.Slice(0, 1, 0, 1)) })
	if err := t.fetch(); err != nil {
		return true, err
	}
	c.OrthogonalityV = v()
	sum, most := 0.0, 0.0
	for _, s := range found.check.Squares {
		sum += s
		most = max(most, s)
	}
	c.Residual = relative(math.Sqrt(sum/device.TallProbes), math.Sqrt(found.square))
	c.ErrorBound = halkoTall*math.Sqrt(most) + float64(largest[0])*c.stretch()
	f.Method = Tall
	err = f.plausible(q, max(a.Rows, a.Cols))
	if errors.Is(err, device.ErrNotConverged) {
		return false, nil // the other methods
	}
	return true, err
}

// A matrix whose condition number squared is at most this loses nothing that
// matters in its Gram matrix: the loss of orthogonality, some eps64·κ², stays
// near rounding, of float32 if the result is float32.
const (
	flat        = 64
	flatRounded = 1e7
)

// passes is what decomposeThrough measures of its result, in the same passes.
type passes struct {
	seed   uint64
	square float64           // ‖A‖_F²
	check  *device.TallCheck // U
}

// decomposeThrough decomposes a tall matrix in three passes over it on devices
// that have kernels for that. It is Cholesky QR, twice, in which neither
// orthonormal factor is ever stored: with AᵀA = R₁ᵀR₁ the second pass adds up
// the Gram matrix of A·R₁⁻¹, which gives R₂, and from the decomposition
// R₂·R₁ = P·S·Vᵀ the third computes U = (A·R₁⁻¹)·(R₂⁻¹·P), recomputing
// A·R₁⁻¹. All small matrices are float64, so that for float32 the Gram matrix
// loses nothing. The second pass is left out for matrices of small condition,
// but made up for if UᵀU shows that it was needed. done is false if the device
// cannot do it, the matrix is too ill-conditioned (above about 10⁷), it has
// numbers that are not finite or whose squares are out of range.
func decomposeThrough[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T], found *passes) (done bool, err error) {
	f, ok := q.(device.TallMuler[T])
	if !ok || a.Rows < through*a.Cols {
		return false, nil
	}
	gram, ok := f.TryTallGram(a, device.Dense[float64]{})
	if !ok || !safeSquares[T](gram) {
		return false, q.Sync()
	}
	n := a.Cols
	if found != nil {
		for i := range n {
			found.square += gram.At(i, i)
		}
	}
	w := q.Device().F64()
	defer w.Close()
	l1, x := w.Alloc(n, n), w.Alloc(n, n)
	if ok, err := cholesky(w, gram, l1); !ok {
		return false, err
	}
	w.AddDiag(1, x)
	w.Trsm(device.Right, device.Lower, device.Transp, 1, l1, x)
	inverse := device.NewDense[float64](n, n)
	w.Download(inverse, x)
	if err := errors.Join(w.Sync(), ctx.Err()); err != nil {
		return false, err
	}
	limit := float64(flat)
	if device.Epsilon[T]() > 1e-10 {
		limit = flatRounded
	}
	if !u.IsZero() && conditionSquared(gram, inverse) <= limit {
		t := triangle{r: w.Alloc(n, n), last: l1}
		w.Add(1, device.Transp, l1, 0, device.NoTrans, device.Matrix[float64]{}, t.r)
		check, err := multiplyThrough(ctx, q, f, w, t, a, u, s, vt, found)
		if err != nil || lossOf(check.Gram) <= 10*device.Epsilon[T]()*math.Sqrt(float64(n)) {
			return true, err
		}
	}
	if gram, ok = f.TryTallGram(a, inverse); !ok || !(lossOf(gram) < 0.1) {
		return false, q.Sync()
	}
	t := triangle{r: w.Alloc(n, n), last: w.Alloc(n, n), inverse: inverse}
	if ok, err := cholesky(w, gram, t.last); !ok {
		return false, err
	}
	w.Gemm(device.Transp, device.Transp, 1, t.last, l1, 0, t.r)
	if u.IsZero() && vt.IsZero() {
		sw := w.Alloc(1, n)
		w.SVD(t.r, device.Matrix[float64]{}, sw, device.Matrix[float64]{})
		return true, recast(w, sw, q, s)
	}
	_, err = multiplyThrough(ctx, q, f, w, t, a, u, s, vt, found)
	return err == nil, err
}

// safeSquares reports whether the diagonal of a Gram matrix, sums of squares,
// shows finite numbers far from overflow and underflow.
func safeSquares[T device.Float](gram device.Dense[float64]) bool {
	largest := 0.0
	for i := range gram.Rows {
		largest = max(largest, gram.At(i, i)) // NaN stays
	}
	safe := safeSize[T]()
	return largest <= safe*safe && largest >= 1/(safe*safe)
}

// conditionSquared estimates the square of the condition number of a triangle
// from its Gram matrix and its inverse: a lower bound that is rarely off by
// more than a few per cent.
func conditionSquared(gram, inverse device.Dense[float64]) float64 {
	return largestEigenvalue(gram.Rows, func(x, y []float64) {
		for i := range y {
			y[i] = 0
			for j, v := range gram.Row(i) {
				y[i] += v * x[j]
			}
		}
	}) * largestEigenvalue(inverse.Rows, func(x, y []float64) {
		z := make([]float64, len(x)) // inverseᵀ·x
		for i, v := range x {
			for j, e := range inverse.Row(i) {
				z[j] += v * e
			}
		}
		for i := range y {
			y[i] = 0
			for j, v := range inverse.Row(i) {
				y[i] += v * z[j]
			}
		}
	})
}

// largestEigenvalue makes a few steps of the power method for a symmetric
// positive definite matrix.
func largestEigenvalue(n int, apply func(x, y []float64)) float64 {
	x, y := make([]float64, n), make([]float64, n)
	rng.Normal(0, streamStart, 0, x)
	norm := 0.0
	for range 12 {
		norm = 0
		for _, v := range x {
			norm += v * v
		}
		norm = math.Sqrt(norm)
		for i := range x {
			x[i] /= norm
		}
		apply(x, y)
		x, y = y, x
	}
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum)
}

// triangle is a QR factorization A = ((A·X)·L⁻ᵀ)·R of a tall matrix.
type triangle struct {
	inverse device.Dense[float64] // X, the zero Dense for the identity
	last, r device.Matrix[float64]
}

// multiplyThrough decomposes R = P·S·Vᵀ and computes U = (A·X)·(L⁻ᵀ·P); one of
// u and vt may be zero.
func multiplyThrough[T device.Float](ctx context.Context, q device.Queue[T], f device.TallMuler[T], w device.Queue[float64], t triangle, a, u, s, vt device.Matrix[T], found *passes) (*device.TallCheck, error) {
	n := a.Cols
	p, sw, vtw := w.Alloc(n, n), w.Alloc(1, n), w.Alloc(n, n)
	if _, err := direct(ctx, w, Full, t.r, p, sw, vtw); err != nil {
		return nil, err
	}
	// Signs are cheaper to turn here than in U.
	fixSigns(w, p, vtw)
	err := recast(w, sw, q, s)
	if !vt.IsZero() {
		err = errors.Join(err, recast(w, vtw, q, vt))
	}
	if err != nil || u.IsZero() {
		return nil, err
	}
	w.Trsm(device.Left, device.Lower, device.Transp, 1, t.last, p)
	small := device.NewDense[float64](n, n)
	w.Download(small, p)
	if err := errors.Join(w.Sync(), ctx.Err()); err != nil {
		return nil, err
	}
	var check *device.TallCheck
	if found != nil || t.inverse.Data == nil {
		check = &device.TallCheck{W: device.NewDense[float64](n, device.TallProbes)}
		seed := uint64(0)
		if found != nil {
			seed = found.seed
			found.check = check
		}
		rng.Normal(seed, streamProbesA, 0, check.W.Data)
		if found != nil {
			if check.Z, err = expand(q, s, vt, check.W); err != nil {
				return nil, err
			}
		} else {
			check.Z = device.NewDense[float64](n, device.TallProbes) // UᵀU alone matters
		}
	}
	f.TryTallMul(a, t.inverse, small, u, check)
	return check, q.Sync()
}

// expand returns S·Vᵀ·W.
func expand[T device.Float](q device.Queue[T], s, vt device.Matrix[T], w device.Dense[float64]) (device.Dense[float64], error) {
	σ, v := make([]T, vt.Rows), device.NewDense[T](vt.Rows, vt.Cols)
	q.Download(device.Vector(σ), s)
	q.Download(v, vt)
	z := device.NewDense[float64](vt.Rows, w.Cols)
	if err := q.Sync(); err != nil {
		return z, err
	}
	for i := range z.Rows {
		row := z.Row(i)
		for l, e := range v.Row(i) {
			for j, x := range w.Row(l) {
				row[j] += float64(e) * x
			}
		}
		for j := range row {
			row[j] *= float64(σ[i])
		}
	}
	return z, nil
}

// cholesky stores the lower factor of a Gram matrix. ok is false if it is not
// positive definite to working accuracy.
func cholesky(w device.Queue[float64], gram device.Dense[float64], l device.Matrix[float64]) (ok bool, err error) {
	w.Upload(l, gram)
	w.Cholesky(l)
	err = w.Sync()
	if errors.Is(err, device.ErrNotPositiveDefinite) {
		return false, nil
	}
	return err == nil, err
}

// lossOf returns ‖G - I‖_F.
func lossOf(g device.Dense[float64]) float64 {
	sum := 0.0
	for i := range g.Rows {
		for j, v := range g.Row(i) {
			if i == j {
				v--
			}
			sum += v * v
		}
	}
	return math.Sqrt(sum)
}

// recast copies a small matrix from one queue to another of the same device.
func recast[T device.Float](w device.Queue[float64], from device.Matrix[float64], q device.Queue[T], to device.Matrix[T]) error {
	host := device.NewDense[float64](from.Rows, from.Cols)
	w.Download(host, from)
	if err := w.Sync(); err != nil {
		return err
	}
	q.Upload(to, device.Convert[T](host))
	return q.Sync()
}
