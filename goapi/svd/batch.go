package svd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"

	"github.com/ritz-go/ritz/goapi/device"
)

// BatchStatus tells how the decomposition of one matrix of Batch or EighBatch
// ended.
type BatchStatus int

const (
	Done         BatchStatus = device.BatchDone
	NotFinite    BatchStatus = device.BatchNotFinite    // the matrix holds a NaN or an infinity
	NotConverged BatchStatus = device.BatchNotConverged // in 30 sweeps; the results may be of use all the same
	NotSymmetric BatchStatus = device.BatchNotSymmetric // EighBatch alone
)

func (s BatchStatus) String() string {
	switch s {
	case Done:
		return "done"
	case NotFinite:
		return "not finite"
	case NotConverged:
		return "not converged"
	case NotSymmetric:
		return "not symmetric"
	}
	return fmt.Sprintf("BatchStatus(%d)", int(s))
}

// BatchOptions of Batch. The zero value computes values and vectors.
type BatchOptions struct {
	// Vectors leaves out U, Vt or both; "" means Both.
	Vectors Vectors
}

// BatchResult holds the decompositions of Count matrices of M×N as stacks:
// matrix i stands behind matrix i-1, row by row. K = min(M,N).
type BatchResult[T device.Float] struct {
	Count, M, N int

	U  []T // Count×M×K, orthonormal columns; nil unless wanted
	S  []T // Count×K, descending
	Vt []T // Count×K×N, orthonormal rows; nil unless wanted

	// Status of each matrix. The results of one that is not finite are NaN.
	Status []BatchStatus

	// ErrorBound bounds the error of the singular values of each matrix, in
	// its units; NaN for a matrix that is not Done.
	ErrorBound []float64

	// Certificate holds the largest numbers of all matrices that are Done.
	// Residual and the two losses of orthogonality are Frobenius norms,
	// computed in full and not from random vectors; ErrorBound is relative
	// to the largest singular value of the matrix.
	Certificate Certificate

	results []T // U, S and Vt are parts of it
	vectors Vectors
}

// Matrix returns the decomposition of matrix i. It shares the elements.
func (r *BatchResult[T]) Matrix(i int) (u device.Dense[T], s []T, vt device.Dense[T]) {
	k := min(r.M, r.N)
	s = r.S[i*k : (i+1)*k]
	if r.U != nil {
		u = device.Dense[T]{Rows: r.M, Cols: k, Stride: k, Data: r.U[i*r.M*k : (i+1)*r.M*k]}
	}
	if r.Vt != nil {
		vt = device.Dense[T]{Rows: k, Cols: r.N, Stride: r.N, Data: r.Vt[i*k*r.N : (i+1)*k*r.N]}
	}
	return u, s, vt
}

// Err returns nil if all matrices are Done, and else an error that names the
// first one that is not; it matches device.ErrNotFinite or
// device.ErrNotConverged.
func (r *BatchResult[T]) Err() error { return firstFailure(r.Status) }

func firstFailure(status []BatchStatus) error {
	first, failed := -1, 0
	for i, s := range status {
		if s != Done {
			if first < 0 {
				first = i
			}
			failed++
		}
	}
	if first < 0 {
		return nil
	}
	return &BatchError{Matrix: first, Status: status[first], Failed: failed, Count: len(status)}
}

// BatchError says which matrix of a batch is the first that is not Done, and
// how many are not.
type BatchError struct {
	Matrix        int // counted from 0
	Status        BatchStatus
	Failed, Count int
}

func (e *BatchError) Error() string {
	s := fmt.Sprintf("matrix %d of the batch is %v", e.Matrix, e.Status)
	if e.Status == NotConverged {
		s = fmt.Sprintf("the decomposition of matrix %d of the batch has not converged", e.Matrix)
	}
	if e.Failed > 1 {
		s += fmt.Sprintf(", the first of %d among %d", e.Failed, e.Count)
	}
	return s
}

// Is makes the error match the one of a single decomposition.
func (e *BatchError) Is(target error) bool {
	switch e.Status {
	case NotFinite:
		return target == device.ErrNotFinite
	case NotConverged:
		return target == device.ErrNotConverged
	case NotSymmetric:
		return target == device.ErrArgument
	}
	return false
}

// The device gets blocks of so many elements for each processor: few enough
// that the results are still in its cache when they are copied, unless that
// would be too few matrices to keep all lanes busy. A device with memory of its
// own gets as many as fill the largest.
const (
	blockElements  = 1 << 16
	leastInBlock   = 128
	deviceElements = 1 << 24
)

// Batch decomposes the count matrices of m×n that stand row-major one behind
// the other in a, which is not changed. The signs are those of Compute.
//
// Matrices up to 64×64 are decomposed by one-sided Jacobi rotations, one
// matrix in each lane of a vector register on CPUs and in the shared memory of
// a few warps on GPUs, at about 60·m·n² operations each; their results do not depend on their position nor on the
// number of threads. Larger ones, and all on devices without such a kernel,
// are decomposed one by one.
//
// A matrix with a NaN or an infinity, or one that does not converge, is
// flagged in Status and is no error. Errors: *device.ShapeError,
// device.ErrEmpty for matrices without elements, the failures of the device,
// and the error of ctx, which is looked at between blocks. No matrices at all
// give an empty result.
func Batch[T device.Float](ctx context.Context, dev device.Device, a []T, count, m, n int, o BatchOptions) (*BatchResult[T], error) {
	if err := checkStack(a, count, m, n); err != nil {
		return nil, err
	}
	var err error
	if o.Vectors, err = o.Vectors.complete(); err != nil {
		return nil, err
	}
	r := &BatchResult[T]{Count: count, M: m, N: n, Status: make([]BatchStatus, count), ErrorBound: make([]float64, count), vectors: o.Vectors}
	if err := r.decompose(ctx, dev, a); err != nil {
		return nil, err
	}
	return r, nil
}

// Again is Batch of another stack of as many matrices of the same shape, with
// the same options, whose decompositions take the place of those that r holds:
// U, S, Vt, Status and ErrorBound are overwritten. To take memory from the
// system for results of some megabytes takes as long as to decompose 65,536
// matrices of 4×4, and several times that on a virtual machine; a loop over
// stacks saves it. Errors are those of Batch, and leave r with any content.
func (r *BatchResult[T]) Again(ctx context.Context, dev device.Device, a []T) error {
	if r == nil || len(r.Status) != r.Count || len(r.ErrorBound) != r.Count || r.Count > 0 && r.results == nil {
		return device.Argument("result", "is not one of Batch")
	}
	if err := checkStack(a, r.Count, r.M, r.N); err != nil {
		return err
	}
	r.Certificate = Certificate{}
	return r.decompose(ctx, dev, a)
}

// decompose fills in r.
func (r *BatchResult[T]) decompose(ctx context.Context, dev device.Device, a []T) error {
	count, m, n := r.Count, r.M, r.N
	q := device.NewQueue[T](dev)
	defer q.Close()
	shared := r.room(q)
	if count == 0 {
		return nil
	}
	return inBlocks(ctx, q, count, m*n, func(lo, hi int) error {
		done, err := r.block(q, a, lo, hi, shared)
		if err == nil && !done {
			err = r.oneByOne(ctx, q, a, lo, hi)
		}
		return err
	})
}

// inBlocks calls do for blocks of count matrices of so many elements, smaller
// ones where the memory of the device does not suffice.
func inBlocks[T device.Float](ctx context.Context, q device.Queue[T], count, elements int, do func(lo, hi int) error) error {
	block := runtime.GOMAXPROCS(0) * max(leastInBlock, blockElements/elements)
	if _, shares := q.(device.Lender[T]); !shares {
		block = max(leastInBlock, deviceElements/elements)
	}
	block = min(block, count)
	for lo := 0; lo < count; {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(count, lo+block)
		err := do(lo, hi)
		if errors.Is(err, device.ErrOutOfMemory) && block > leastInBlock {
			block = max(leastInBlock, block/4)
			continue
		}
		if err != nil {
			return err
		}
		lo = hi
	}
	return q.Sync()
}

func checkStack[T device.Float](a []T, count, m, n int) error {
	switch {
	case count < 0 || m < 0 || n < 0:
		return &device.ShapeError{Op: "batch", Detail: fmt.Sprintf("negative shape %d×%d×%d", count, m, n)}
	case m == 0 || n == 0:
		return fmt.Errorf("the matrices of the batch are %d×%d: %w", m, n, device.ErrEmpty)
	case len(a)/m/n != count || len(a)%n != 0 || len(a)/n%m != 0:
		return &device.ShapeError{Op: "batch", Detail: fmt.Sprintf("%d elements are not %d matrices of %d×%d", len(a), count, m, n)}
	}
	return nil
}

// stack returns the matrices [lo,hi) of a stack as the rows of a matrix.
func stack[T device.Float](x []T, lo, hi, size int) device.Dense[T] {
	return device.Dense[T]{Rows: hi - lo, Cols: size, Stride: size, Data: x[lo*size : hi*size]}
}

// batchRoom is the memory of the results as matrices of a queue with a row for
// each decomposition, on devices that share Go's memory; else it is zero.
type batchRoom[T device.Float] struct{ u, s, vt device.Matrix[T] }

// room makes room for the results, unless r has it. It is one piece of memory:
// pieces that large come in huge pages, and the first use of memory in small
// ones takes longer than to decompose what small matrices stand there.
func (r *BatchResult[T]) room(q device.Queue[T]) (shared batchRoom[T]) {
	v, k := r.vectors, min(r.M, r.N)
	nu, ns, nv := 0, r.Count*k, 0
	if v.left() {
		nu = r.Count * r.M * k
	}
	if v.right() {
		nv = r.Count * k * r.N
	}
	all, size := device.Matrix[T]{}, nu+ns+nv
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
	data := r.results
	if v.left() {
		r.U = data[:nu:nu]
	}
	r.S = data[nu : nu+ns : nu+ns]
	if v.right() {
		r.Vt = data[nu+ns:]
	}
	if all.IsZero() || nu == 0 != (nv == 0) { // the kernel has both sides or none
		return shared
	}
	part := func(offset, size int) device.Matrix[T] {
		return device.Matrix[T]{Rows: r.Count, Cols: size, LD: size, Off: all.Off + offset, Buf: all.Buf}
	}
	shared.s = part(nu, k)
	if nu > 0 {
		shared.u, shared.vt = part(0, r.M*k), part(nu+ns, k*r.N)
	}
	return shared
}

// block decomposes the matrices [lo,hi) by the kernel of the device. It
// reports whether there is one.
func (r *BatchResult[T]) block(q device.Queue[T], a []T, lo, hi int, shared batchRoom[T]) (bool, error) {
	kernel, ok := q.(device.BatchSVDer[T])
	if !ok {
		return false, nil
	}
	defer q.Scope()()
	m, n, k, count := r.M, r.N, min(r.M, r.N), hi-lo
	checks := q.Alloc(count, 4)
	var u, s, vt device.Matrix[T]
	direct := !shared.s.IsZero()
	switch {
	case direct && shared.u.IsZero():
		s = shared.s.RowRange(lo, hi)
	case direct:
		u, s, vt = shared.u.RowRange(lo, hi), shared.s.RowRange(lo, hi), shared.vt.RowRange(lo, hi)
	default:
		s = q.Alloc(count, k)
		if r.U != nil || r.Vt != nil {
			u, vt = q.Alloc(count, m*k), q.Alloc(count, k*n)
		}
	}
	if !kernel.TrySVDBatch(m, n, device.Lend(q, stack(a, lo, hi, m*n)), u, s, vt, checks) {
		return false, nil
	}
	found := device.NewDense[T](count, 4)
	q.Download(found, checks)
	if !direct {
		q.Download(stack(r.S, lo, hi, k), s)
		if r.U != nil {
			q.Download(stack(r.U, lo, hi, m*k), u)
		}
		if r.Vt != nil {
			q.Download(stack(r.Vt, lo, hi, k*n), vt)
		}
	}
	if err := q.Sync(); err != nil {
		return true, err
	}
	extra := r.allowance()
	for i := range count {
		c := found.Row(i)
		r.record(lo+i, BatchStatus(c[3]), r.certificate(lo+i, c, extra))
	}
	return true, nil
}

// allowance is how much the checks of a kernel can be too small.
type allowance struct{ residual, u, v float64 }

// The checks are rounded themselves: squares of columns of r elements, of
// which a column of alike ones collects all errors of a sum in four parts, and
// elements of the residual, sums of k products, the errors of which add up
// like random numbers.
func (r *BatchResult[T]) allowance() allowance {
	eps, k := device.Epsilon[T](), math.Sqrt(float64(min(r.M, r.N)))
	sum := func(r int) float64 { return k * (float64(r)/4 + 3) * eps / 2 }
	return allowance{2 * eps * k, sum(r.M), sum(r.N)}
}

// certificate makes one of what the kernel found about matrix i. It is cheap,
// as the matrix may be of 2×2.
func (r *BatchResult[T]) certificate(i int, checks []T, extra allowance) Certificate {
	_, s, _ := r.Matrix(i)
	largest := float64(s[0])
	if r.U == nil && r.Vt == nil {
		return valuesCertificate[T](max(r.M, r.N), largest)
	}
	c := Certificate{Residual: float64(checks[0]), OrthogonalityU: float64(checks[1]) + extra.u, OrthogonalityV: float64(checks[2]) + extra.v}
	square := 0.0 // of ‖A‖_F/σ₁
	switch inv := 1 / largest; {
	case largest == 0:
		return c
	case math.IsInf(inv, 1):
		square = float64(len(s))
	default:
		for _, x := range s {
			square += float64(x) * inv * (float64(x) * inv)
		}
	}
	c.ErrorBound = largest * (math.Sqrt(square)*(c.Residual+extra.residual) + c.stretch())
	return c
}

// record notes how the decomposition of matrix i ended.
func (r *BatchResult[T]) record(i int, status BatchStatus, c Certificate) {
	r.Status[i] = status
	if status != Done {
		r.ErrorBound[i] = math.NaN()
		return
	}
	r.ErrorBound[i] = c.ErrorBound
	if largest := float64(r.S[i*min(r.M, r.N)]); largest > 0 {
		c.ErrorBound /= largest
	}
	w := &r.Certificate
	w.Residual = max(w.Residual, c.Residual) // NaN, where there are no vectors, wins
	w.OrthogonalityU = max(w.OrthogonalityU, c.OrthogonalityU)
	w.OrthogonalityV = max(w.OrthogonalityV, c.OrthogonalityV)
	w.ErrorBound = max(w.ErrorBound, c.ErrorBound)
}

// oneByOne decomposes the matrices [lo,hi) one after the other.
func (r *BatchResult[T]) oneByOne(ctx context.Context, q device.Queue[T], a []T, lo, hi int) error {
	for i := lo; i < hi; i++ {
		x := device.Dense[T]{Rows: r.M, Cols: r.N, Stride: r.N, Data: a[i*r.M*r.N : (i+1)*r.M*r.N]}
		status := Done
		var c Certificate
		err := device.CheckInput("matrix", x)
		if err == nil {
			c, err = r.one(ctx, q, x, i)
		}
		switch {
		case errors.Is(err, device.ErrNotFinite):
			status = NotFinite
			r.spoil(i)
		case errors.Is(err, device.ErrNotConverged):
			status = NotConverged
			r.spoil(i)
		case err != nil:
			return err
		}
		r.record(i, status, c)
	}
	return nil
}

func (r *BatchResult[T]) one(ctx context.Context, q device.Queue[T], x device.Dense[T], i int) (Certificate, error) {
	defer q.Scope()()
	v := Both
	if r.U == nil && r.Vt == nil {
		v = None
	}
	f, err := Factor(ctx, q, device.Lend(q, x), Options{Method: Full, Vectors: v})
	if err != nil {
		return Certificate{}, err
	}
	u, s, vt := r.Matrix(i)
	q.Download(device.Vector(s), f.S)
	if r.U != nil {
		q.Download(u, f.U)
	}
	if r.Vt != nil {
		q.Download(vt, f.Vt)
	}
	return f.Certificate, q.Sync()
}

// spoil makes the results of matrix i NaN.
func (r *BatchResult[T]) spoil(i int) {
	u, s, vt := r.Matrix(i)
	for _, x := range [][]T{u.Data, s, vt.Data} {
		for j := range x {
			x[j] = T(math.NaN())
		}
	}
}
