package svd

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// through is how many times taller than wide a matrix must be for
// decomposeThrough: its passes over the matrix are then most of the work.
const through = 5

// decomposeThrough decomposes a tall matrix in three passes over it on devices
// that have kernels for that. It is Cholesky QR, twice, in which neither
// orthonormal factor is ever stored: with AᵀA = R₁ᵀR₁ the second pass adds up
// the Gram matrix of A·R₁⁻¹, which gives R₂, and from the decomposition
// R₂·R₁ = P·S·Vᵀ the third computes U = (A·R₁⁻¹)·(R₂⁻¹·P), recomputing
// A·R₁⁻¹. All small matrices are float64, so that for float32 the Gram matrix
// loses nothing. done is false, and nothing was computed, if the device cannot
// do it or the matrix is too ill-conditioned (above about 10⁷).
func decomposeThrough[T device.Float](ctx context.Context, q device.Queue[T], a, u, s, vt device.Matrix[T]) (done bool, err error) {
	f, ok := q.(device.TallMuler[T])
	if !ok || a.Rows < through*a.Cols {
		return false, nil
	}
	gram, ok := f.TryTallGram(a, device.Dense[float64]{})
	if !ok {
		return false, q.Sync()
	}
	n := a.Cols
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
	if gram, ok = f.TryTallGram(a, inverse); !ok || !(lossOf(gram) < 0.1) {
		return false, q.Sync()
	}
	l2 := w.Alloc(n, n)
	if ok, err := cholesky(w, gram, l2); !ok {
		return false, err
	}
	r, sw := w.Alloc(n, n), w.Alloc(1, n)
	w.Gemm(device.Transp, device.Transp, 1, l2, l1, 0, r)
	if u.IsZero() && vt.IsZero() {
		w.SVD(r, device.Matrix[float64]{}, sw, device.Matrix[float64]{})
		return true, recast(w, sw, q, s)
	}
	p, vtw := w.Alloc(n, n), w.Alloc(n, n)
	if _, err := direct(ctx, w, Full, r, p, sw, vtw); err != nil {
		return false, err
	}
	// Signs are cheaper to turn here than in U.
	if err := fixSigns(w, p, vtw); err != nil {
		return false, err
	}
	if u.IsZero() {
		return true, errors.Join(recast(w, sw, q, s), recast(w, vtw, q, vt))
	}
	w.Trsm(device.Left, device.Lower, device.Transp, 1, l2, p)
	small := device.NewDense[float64](n, n)
	w.Download(small, p)
	if err := errors.Join(w.Sync(), ctx.Err()); err != nil {
		return false, err
	}
	f.TryTallMul(a, inverse, small, u)
	if !vt.IsZero() {
		err = recast(w, vtw, q, vt)
	}
	return true, errors.Join(err, recast(w, sw, q, s))
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
