package polar

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// Info tells how a polar factor was found.
type Info struct {
	Method      Method           // the scheme that ran; auto tells its choice
	Form        Form             // standard or gram; "" for methods without steps on singular values
	Restarts    []int            // of the Gram form: after which steps x was multiplied out, the last one left out
	Iterations  int              // number of steps
	Steps       []Coefficients   // those of degree five among them, for singular values divided by Scale
	Scale       float64          // what A was divided by; at least its largest singular value, but for rounding of a Frobenius norm
	Losses      []float64        // ‖XXᵀ - I‖_F before each step; nil with NoCertificate
	Flops       float64          // operations of the products, solves and factorizations of the steps; 0 for qdwh and svd
	Precision   device.Precision // in which elements entered the products of the steps
	Certificate *Certificate     // nil with NoCertificate

	taken []step
}

// Result is a polar factor in Go memory.
type Result[T device.Float] struct {
	Q device.Dense[T] // m×n; orthonormal columns if m ≥ n, rows if m ≤ n
	H device.Dense[T] // n×n symmetric with A = Q·H; empty unless asked for
	Info
}

// Compute returns the polar factor of the m×n matrix a. A zero matrix gives
// zeros for the iterations.
//
// Errors: those of bad input; *device.NotConvergedError with the last iterate
// if Tol or Error was not reached in 100 steps; the error of ctx, which is
// looked at in every step. A step of a polynomial costs 3·s²·l + s³ operations,
// s being the smaller and l the larger side, one of halley 3·s²·l + s³/3; see
// Cost for the Gram form. The certificate costs as much as one step or two.
func Compute[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T], o Options) (*Result[T], error) {
	results, err := ComputeBatch(ctx, dev, []device.Dense[T]{a}, o)
	if len(results) == 0 {
		return nil, err
	}
	return results[0], err
}

// crowd is the number of operations of a step up to which matrices of a batch
// are worked on side by side, one on each thread of a CPU: products of small
// matrices do not keep several threads busy.
const crowd = 1 << 30

// ComputeBatch returns the polar factors of several matrices, which may have
// different shapes. Each result is bit for bit that of Compute. On a CPU small
// matrices are worked on side by side. With an error the results up to and
// including the one that did not converge are returned.
//
// Errors are those of Compute and name the matrix by its index; those of bad
// input come before any work.
func ComputeBatch[T device.Float](ctx context.Context, dev device.Device, as []device.Dense[T], o Options) ([]*Result[T], error) {
	if _, err := o.complete(1, 1); err != nil {
		return nil, err
	}
	for i, a := range as {
		err := device.CheckInput("matrix", a)
		if err != nil && len(as) > 1 {
			err = device.CheckInput(fmt.Sprintf("matrix %d", i), a)
		}
		if err != nil {
			return nil, err
		}
	}
	workers := 1
	if dev != nil && len(as) > 1 {
		workers = max(1, min(dev.Info().Threads, len(as)))
	}
	for _, a := range as {
		if !small(a.Rows, a.Cols) {
			workers = 1
		}
	}
	results, errs := make([]*Result[T], len(as)), make([]error, len(as))
	var next atomic.Int64
	var failed atomic.Bool
	work := func() {
		q := device.NewQueue[T](dev)
		defer q.Close()
		var z *Orthogonalizer[T]
		end := func() {}
		for !failed.Load() {
			i := int(next.Add(1)) - 1
			if i >= len(as) {
				break
			}
			if z == nil || as[i].Rows != z.rows || as[i].Cols != z.cols {
				end()
				end = q.Scope()
				if z, errs[i] = newFor(q, as, i, o); errs[i] != nil {
					failed.Store(true)
					break
				}
			}
			if results[i], errs[i] = compute(ctx, z, as[i]); errs[i] != nil {
				failed.Store(true)
			}
		}
		end()
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
	for i, err := range errs {
		if err == nil {
			continue
		}
		if len(as) > 1 {
			err = fmt.Errorf("matrix %d: %w", i, err)
		}
		if results[i] != nil {
			i++
		}
		return results[:i], err
	}
	return results, nil
}

// newFor returns the Orthogonalizer for the shape of matrix i, which keeps its
// matrices only if the next one has that shape, too.
func newFor[T device.Float](q device.Queue[T], as []device.Dense[T], i int, o Options) (*Orthogonalizer[T], error) {
	a := as[i]
	if i+1 < len(as) && as[i+1].Rows == a.Rows && as[i+1].Cols == a.Cols {
		return NewOrthogonalizer(q, a.Rows, a.Cols, o)
	}
	return &Orthogonalizer[T]{q: q, o: o, rows: a.Rows, cols: a.Cols}, nil
}

// small reports whether a step takes no more than crowd operations.
func small(rows, cols int) bool {
	s, l := min(rows, cols), max(rows, cols)
	return s*s <= crowd/(3*l)
}

func compute[T device.Float](ctx context.Context, z *Orthogonalizer[T], a device.Dense[T]) (*Result[T], error) {
	q, o := z.q, z.o
	defer q.Scope()()
	in := device.Lend(q, a)
	out, factor := device.Output(q, a.Rows, a.Cols)
	info, err := z.Orthogonalize(ctx, in, out)
	if info == nil {
		return nil, err
	}
	r := &Result[T]{Q: factor(), Info: *info}
	if o.H {
		h := q.Alloc(a.Cols, a.Cols)
		symmetricFactor(q, in, out, h)
		r.H = device.NewDense[T](a.Cols, a.Cols)
		q.Download(r.H, h)
	}
	if failed := q.Sync(); failed != nil {
		return nil, failed
	}
	if o.H { // its elements can be too large for T even if those of a are not
		if failed := device.CheckInput("the symmetric factor", r.H); failed != nil {
			return nil, failed
		}
	}
	return r, err
}

// symmetricFactor computes H = (QᵀA + AᵀQ)/2.
func symmetricFactor[T device.Float](q device.Queue[T], a, factor, h device.Matrix[T]) {
	defer q.Scope()()
	w := q.Alloc(h.Rows, h.Cols)
	q.Gemm(device.Transp, device.NoTrans, 1, factor, a, 0, w)
	q.Add(0.5, device.NoTrans, w, 0.5, device.Transp, w, h)
}

// Orthogonalize stores the polar factor of a in out; both are on the device
// of q, of one shape, and may be the same matrix. The error is like that of
// Compute; with device.ErrNotConverged, out holds the last iterate and the
// Info is valid. After another error the content of out is undefined.
func Orthogonalize[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T], o Options) (*Info, error) {
	if err := device.CheckSame("Orthogonalize", a, out); err != nil {
		// A queue that has failed gives out matrices without elements.
		if failed := q.Sync(); failed != nil {
			return nil, failed
		}
		return nil, err
	}
	if a.Len() == 0 {
		return nil, device.ErrEmpty
	}
	o, err := o.complete(min(a.Rows, a.Cols), device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	switch o.Method {
	case SVD:
		return bySVD(ctx, q, a, out)
	case QDWH:
		return accurate(ctx, q, a, out, o)
	}
	return iterate(ctx, q, a, out, o)
}

// bySVD computes U·Vᵀ from a singular value decomposition.
func bySVD[T device.Float](ctx context.Context, q device.Queue[T], a, out device.Matrix[T]) (*Info, error) {
	defer q.Scope()()
	a = apart(q, a, out)
	f, err := svd.Factor(ctx, q, a, svd.Options{})
	if err != nil {
		return nil, err
	}
	q.Gemm(device.NoTrans, device.NoTrans, 1, f.U, f.Vt, 0, out)
	largest := make([]T, 1)
	q.Download(device.Vector(largest), f.S.Slice(0, 1, 0, 1))
	if err := q.Sync(); err != nil {
		return nil, err
	}
	info := &Info{Method: SVD, Scale: float64(largest[0]), Certificate: new(Certificate)}
	return info, certifyFactor(q, a, out, info)
}

// apart returns a, or a copy of it if that is where out is.
func apart[T device.Float](q device.Queue[T], a, out device.Matrix[T]) device.Matrix[T] {
	if !same(a, out) {
		return a
	}
	kept := q.Alloc(a.Rows, a.Cols)
	q.Copy(kept, a)
	return kept
}
