package svd

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// deflationLevels is the most levels that deflate takes. The singular values
// of one span a factor of 2·10⁶.
const deflationLevels = 8

// deflationHead is the least share of its largest singular value that a level
// takes: the basis that a Gram matrix gives of those has lost eps/head², 10⁻³,
// of its orthogonality, which Cholesky's second factorization restores.
func deflationHead[T device.Float]() float64 { return math.Sqrt(1e3 * device.Epsilon[T]()) }

// deflate factors a tall matrix A = B·C of any condition number and rank by
// products, with B (m×n) orthonormal and C n×n. It is Cholesky QR with
// deflation: the eigenvectors of AᵀA to the larger eigenvalues give a part of
// the basis, twice, and the others what to go on with, which is computed anew
// from A and made orthogonal to the basis so far. What is zero to working
// accuracy is given any directions. Columns of zeros, equal ones and whatever
// else leaves Cholesky QR nothing to divide by come out as small singular
// values of C.
//
// It takes 7·m·n² operations and some more for what is deflated, all of them
// products of matrices; half of the 4·m·n² of Householder reflections are
// products with vectors. ok is false if it takes too many levels.
func deflate[T device.Float](ctx context.Context, q device.Queue[T], a, basis, c device.Matrix[T]) (ok bool, err error) {
	defer q.Scope()()
	m, n := a.Rows, a.Cols
	rest, open := a, device.Matrix[T]{} // A·Oᵀ less its projection on the basis, and O
	largest, head := 0.0, deflationHead[T]()
	for level, done := 0, 0; done < n; level++ {
		if err := ctx.Err(); err != nil || level == deflationLevels {
			return false, err
		}
		t := n - done
		w, values, λ := q.Alloc(t, t), q.Alloc(1, t), make([]T, t)
		q.Syrk(device.Transp, 1, rest, 0, w)
		q.Eigh(w, values)
		q.Download(device.Vector(λ), values)
		if err := q.Sync(); err != nil {
			return false, err
		}
		// Eigenvalues ascend: what is taken stands last.
		top := math.Sqrt(max(0, float64(λ[t-1])))
		if level == 0 {
			largest = top
		}
		known, block := basis.Slice(0, m, 0, done), basis.Slice(0, m, done, n)
		if top <= 2*device.Epsilon[T]()*math.Sqrt(float64(n))*largest {
			q.Random(device.Normal, 0, streamFresh, block)
			if err := orthogonalizeInPlace(q, known, block); err != nil {
				return false, err
			}
			break
		}
		first := 0
		for math.Sqrt(max(0, float64(λ[first]))) < head*top {
			first++
		}
		h := t - first
		kept, d, inverse := w.RowRange(first, t), q.Alloc(1, h), make([]T, h)
		for i := range inverse {
			inverse[i] = T(1 / math.Sqrt(float64(λ[first+i])))
		}
		q.Upload(d, device.Vector(inverse))
		q.ScaleBy(device.PerRow, d, kept, kept)
		block = block.Slice(0, m, 0, h)
		q.Gemm(device.NoTrans, device.Transp, 1, rest, kept, 0, block)
		if level > 0 {
			err = orthogonalizeInPlace(q, known, block)
		} else if ok, err = choleskyInPlace(q, block); !ok {
			return false, err
		}
		if err != nil {
			return false, err
		}
		done += h
		if first == 0 {
			break
		}
		next := q.Alloc(first, n)
		if level == 0 {
			q.Copy(next, w.RowRange(0, first))
		} else {
			q.Gemm(device.NoTrans, device.NoTrans, 1, w.RowRange(0, first), open, 0, next)
		}
		// Anew from A, so that errors of the levels do not add up.
		known, open, rest = basis.Slice(0, m, 0, done), next, q.Alloc(m, first)
		shares := q.Alloc(done, first)
		q.Gemm(device.NoTrans, device.Transp, 1, a, open, 0, rest)
		q.Gemm(device.Transp, device.NoTrans, 1, known, rest, 0, shares)
		q.Gemm(device.NoTrans, device.NoTrans, -1, known, shares, 1, rest)
	}
	q.Gemm(device.Transp, device.NoTrans, 1, basis, a, 0, c)
	return true, q.Sync()
}

// orthogonalizeInPlace makes the columns of x orthonormal and orthogonal to
// those of known.
func orthogonalizeInPlace[T device.Float](q device.Queue[T], known, x device.Matrix[T]) error {
	defer q.Scope()()
	block := q.Alloc(x.Rows, x.Cols)
	q.Copy(block, x)
	return orthogonalize(q, known, block, x, q.Alloc(known.Cols, x.Cols))
}

// choleskyInPlace makes the columns of x, which are nearly orthonormal,
// orthonormal. ok is false if they are not near enough.
func choleskyInPlace[T device.Float](q device.Queue[T], x device.Matrix[T]) (ok bool, err error) {
	defer q.Scope()()
	l := q.Alloc(x.Cols, x.Cols)
	q.Syrk(device.Transp, 1, x, 0, l)
	q.AddDiag(-1, l)
	loss, err := scalar(q, func(out device.Matrix[T]) { q.Reduce(device.SumSquares, device.Whole, l, out) })
	if err != nil || !(loss < nearly*nearly) {
		return false, err
	}
	q.AddDiag(1, l)
	if ok, err := factorPositive(q, l); !ok {
		return false, err
	}
	q.Trsm(device.Right, device.Lower, device.Transp, 1, l, x)
	return true, q.Sync()
}
