package svd

import (
	"context"
	"errors"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// EighBatchOptions of EighBatch. The zero value computes eigenvalues and
// eigenvectors.
type EighBatchOptions struct {
	// ValuesOnly leaves out Vt.
	ValuesOnly bool
}

// EighBatchResult holds the eigendecompositions Aᵢ = Vᵢᵀ·diag(wᵢ)·Vᵢ of Count
// symmetric N×N matrices as stacks: matrix i stands behind matrix i-1, row by
// row.
type EighBatchResult[T device.Float] struct {
	Count, N int

	Values []T // Count×N, each ascending
	Vt     []T // Count×N×N, row j belongs to value j; nil with ValuesOnly

	// Status of each matrix. The results of one that is not finite or not
	// symmetric are NaN.
	Status []BatchStatus

	// ErrorBound bounds the error of the eigenvalues of each matrix, in its
	// units; NaN for a matrix that is not Done.
	ErrorBound []float64

	// Certificate holds the largest numbers of all matrices that are Done.
	// Residual and Orthogonality are Frobenius norms, computed in full and not
	// from random vectors; they are NaN with ValuesOnly. ErrorBound is relative
	// to the largest magnitude of an eigenvalue of the matrix.
	Certificate EigenCertificate

	results    []T // Vt and Values are parts of it
	valuesOnly bool
}

// Matrix returns the decomposition of matrix i. It shares the elements.
func (r *EighBatchResult[T]) Matrix(i int) (values []T, vt device.Dense[T]) {
	n := r.N
	if r.Vt != nil {
		vt = device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: r.Vt[i*n*n : (i+1)*n*n]}
	}
	return r.Values[i*n : (i+1)*n], vt
}

// Err returns nil if all matrices are Done, and else a *BatchError that names
// the first one that is not; it matches device.ErrNotFinite,
// device.ErrArgument for a matrix that is not symmetric, or
// device.ErrNotConverged.
func (r *EighBatchResult[T]) Err() error { return firstFailure(r.Status) }

// EighBatch computes the eigenvalues and eigenvectors of the count symmetric
// matrices of n×n that stand row-major one behind the other in a, which is not
// changed. As with Eigh, both triangles are read: what is decomposed is the mean
// of a matrix and its transpose, which may differ by rounding errors, n·eps
// times its largest entry; the entry of largest magnitude in each eigenvector is
// positive.
//
// CPUs take a matrix to tridiagonal form by reflections and from there by
// implicit QL steps, with SIMD kernels one in each lane of a vector register: up
// to 64×64, and from eight matrices on up to 128×128, at about 13·n³ operations
// each. GPUs take matrices up to 64×64 into the shared memory of a few warps and
// make them diagonal by two-sided Jacobi rotations, about 40·n³. Results do not
// depend on the position of a matrix nor on the number of threads. Larger ones,
// and all on devices without such a kernel, are decomposed one by one.
//
// A matrix with a NaN or an infinity, one that is not symmetric, and one that
// does not converge are flagged in Status and are no error; Err makes one of
// them. Errors: *device.ShapeError, device.ErrEmpty for matrices without
// elements, the failures of the device, and the error of ctx, which is looked at
// between blocks. No matrices at all give an empty result.
func EighBatch[T device.Float](ctx context.Context, dev device.Device, a []T, count, n int, o EighBatchOptions) (*EighBatchResult[T], error) {
	if err := checkStack(a, count, n, n); err != nil {
		return nil, err
	}
	r := &EighBatchResult[T]{Count: count, N: n, Status: make([]BatchStatus, count), ErrorBound: make([]float64, count), valuesOnly: o.ValuesOnly}
	if err := r.decompose(ctx, dev, a); err != nil {
		return nil, err
	}
	return r, nil
}

// Again is EighBatch of another stack of as many matrices of the same size, with
// the same options, whose decompositions take the place of those that r holds:
// Values, Vt, Status and ErrorBound are overwritten. See BatchResult.Again.
// Errors are those of EighBatch, and leave r with any content.
func (r *EighBatchResult[T]) Again(ctx context.Context, dev device.Device, a []T) error {
	if r == nil || len(r.Status) != r.Count || len(r.ErrorBound) != r.Count || r.Count > 0 && r.results == nil {
		return device.Argument("result", "is not one of EighBatch")
	}
	if err := checkStack(a, r.Count, r.N, r.N); err != nil {
		return err
	}
	r.Certificate = EigenCertificate{}
	return r.decompose(ctx, dev, a)
}

// decompose fills in r.
func (r *EighBatchResult[T]) decompose(ctx context.Context, dev device.Device, a []T) error {
	q := device.NewQueue[T](dev)
	defer q.Close()
	values, vt := r.room(q)
	if r.Count == 0 {
		return nil
	}
	return inBlocks(ctx, q, r.Count, r.N*r.N, func(lo, hi int) error {
		done, err := r.block(q, a, lo, hi, values, vt)
		if err == nil && !done {
			err = r.oneByOne(ctx, dev, a, lo, hi)
		}
		return err
	})
}

// room makes room for the results, unless r has it, and returns it as matrices
// of q with a row for each decomposition if q shares Go's memory.
func (r *EighBatchResult[T]) room(q device.Queue[T]) (values, vt device.Matrix[T]) {
	n, vectors := r.N, 0
	if !r.valuesOnly {
		vectors = r.Count * n * n
	}
	all, size := device.Matrix[T]{}, vectors+r.Count*n
	_, shares := q.(device.Lender[T])
	switch {
	case shares && r.results == nil:
		m, take := device.Output(q, 1, size)
		all, r.results = m, take().Data
	case shares:
		all, _ = device.OutputTo(q, device.Vector(r.results))
	case r.results == nil:
		r.results = make([]T, size)
	}
	if !r.valuesOnly {
		r.Vt = r.results[:vectors:vectors]
	}
	r.Values = r.results[vectors:]
	if all.IsZero() {
		return values, vt
	}
	values = device.Matrix[T]{Rows: r.Count, Cols: n, LD: n, Off: all.Off + vectors, Buf: all.Buf}
	if vectors > 0 {
		vt = device.Matrix[T]{Rows: r.Count, Cols: n * n, LD: n * n, Off: all.Off, Buf: all.Buf}
	}
	return values, vt
}

// block decomposes the matrices [lo,hi) by the kernel of the device. It reports
// whether there is one. values and vt are the memory of the results, or zero.
func (r *EighBatchResult[T]) block(q device.Queue[T], a []T, lo, hi int, values, vt device.Matrix[T]) (bool, error) {
	kernel, ok := q.(device.BatchEigher[T])
	if !ok {
		return false, nil
	}
	defer q.Scope()()
	n, count := r.N, hi-lo
	checks := q.Alloc(count, 4)
	direct := !values.IsZero()
	switch {
	case direct && r.valuesOnly:
		values = values.RowRange(lo, hi)
	case direct:
		values, vt = values.RowRange(lo, hi), vt.RowRange(lo, hi)
	case r.valuesOnly:
		values = q.Alloc(count, n)
	default:
		values, vt = q.Alloc(count, n), q.Alloc(count, n*n)
	}
	if !kernel.TryEighBatch(n, device.Lend(q, stack(a, lo, hi, n*n)), values, vt, checks) {
		return false, nil
	}
	found := device.NewDense[T](count, 4)
	q.Download(found, checks)
	if !direct {
		q.Download(stack(r.Values, lo, hi, n), values)
		if !r.valuesOnly {
			q.Download(stack(r.Vt, lo, hi, n*n), vt)
		}
	}
	if err := q.Sync(); err != nil {
		return true, err
	}
	slack := r.slack()
	for i := range count {
		c := found.Data[4*i : 4*i+4]
		r.record(lo+i, BatchStatus(c[3]), slack.certificate(float64(c[0]), float64(c[1]), float64(c[2])))
	}
	return true, nil
}

// eigenSlack is by how much the checks of a kernel, which are rounded
// themselves, can be too small, for all matrices of a batch. What it is for
// residuals and orthogonality is that of BatchResult.
type eigenSlack struct {
	valuesOnly                        bool
	bound                             float64 // of eigenvalues without vectors
	residual, relative, orthogonality float64
}

func (r *EighBatchResult[T]) slack() eigenSlack {
	eps, n, root := device.Epsilon[T](), float64(r.N), math.Sqrt(float64(r.N))
	return eigenSlack{r.valuesOnly, valuesCertificate[T](r.N, 1).ErrorBound, 2 * eps * root, 1 + 4*eps, root * (n/4 + 3) * eps / 2}
}

// certificate makes one of what a kernel found about a matrix; its ErrorBound is
// relative to the largest magnitude of an eigenvalue.
//
// With the rows of V nearly orthonormal, ‖V·Vᵀ - I‖ = δ, the eigenvalues of
// Vᵀ·diag(w)·V are those of w but for factors within 1 ± δ (Ostrowski), and A is
// that matrix but for the residual (Weyl).
func (s *eigenSlack) certificate(residual, loss, norm float64) EigenCertificate {
	if s.valuesOnly {
		return EigenCertificate{Residual: math.NaN(), Orthogonality: math.NaN(), ErrorBound: s.bound}
	}
	c := EigenCertificate{Residual: residual, Orthogonality: loss + s.orthogonality}
	if norm > 0 {
		c.ErrorBound = norm*s.relative*(residual+s.residual) + c.Orthogonality
	}
	return c
}

// record notes how the decomposition of matrix i ended. The bound of c is
// relative.
func (r *EighBatchResult[T]) record(i int, status BatchStatus, c EigenCertificate) {
	grain := math.SmallestNonzeroFloat64
	if device.Epsilon[T]() > 1e-10 {
		grain = math.SmallestNonzeroFloat32
	}
	r.Status[i] = status
	if status != Done {
		r.ErrorBound[i] = math.NaN()
		return
	}
	w := r.Values[i*r.N : (i+1)*r.N]
	if largest := max(math.Abs(float64(w[0])), math.Abs(float64(w[len(w)-1]))); largest > 0 {
		r.ErrorBound[i] = c.ErrorBound*largest + grain // of values that are denormal
	} else {
		r.ErrorBound[i] = 0
	}
	worst := &r.Certificate
	worst.Residual = max(worst.Residual, c.Residual) // NaN, where there are no vectors, wins
	worst.Orthogonality = max(worst.Orthogonality, c.Orthogonality)
	worst.ErrorBound = max(worst.ErrorBound, c.ErrorBound)
}

// oneByOne decomposes the matrices [lo,hi) one after the other.
func (r *EighBatchResult[T]) oneByOne(ctx context.Context, dev device.Device, a []T, lo, hi int) error {
	for i := lo; i < hi; i++ {
		n := r.N
		x := device.Dense[T]{Rows: n, Cols: n, Stride: n, Data: a[i*n*n : (i+1)*n*n]}
		one, err := Eigh(ctx, dev, x, EighOptions{ValuesOnly: r.valuesOnly})
		status := Done
		switch {
		case errors.Is(err, device.ErrNotFinite):
			status = NotFinite
		case errors.Is(err, device.ErrNotConverged):
			status = NotConverged
		case errors.Is(err, device.ErrArgument):
			status = NotSymmetric
		case err != nil:
			return err
		}
		values, vt := r.Matrix(i)
		if status != Done {
			for _, x := range [][]T{values, vt.Data} {
				for j := range x {
					x[j] = T(math.NaN())
				}
			}
			r.record(i, status, EigenCertificate{})
			continue
		}
		copy(values, one.Values)
		copy(vt.Data, one.Vt.Data)
		c := one.Certificate
		if largest := max(math.Abs(float64(values[0])), math.Abs(float64(values[n-1]))); largest > 0 {
			c.ErrorBound /= largest
		}
		if r.valuesOnly {
			c.Residual, c.Orthogonality = math.NaN(), math.NaN()
		}
		r.record(i, status, c)
	}
	return nil
}
