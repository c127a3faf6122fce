package spectrum

import (
	"context"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// BlockTridiagonal is the result of m steps of block Lanczos with p vectors:
// V·H·Vᵀ = T with the orthonormal rows of V, T of bandwidth p.
type BlockTridiagonal[T device.Float] struct {
	Block    int              // p
	T        *mat.SymDense    // of order m·p, less where the space was used up
	Start    *mat.Dense       // p×p lower triangular: start = Start·V₁
	Last     *mat.Dense       // lower triangular: the residual of the last block is Last·V_{m+1}; nil if the basis spans the space
	Basis    device.Matrix[T] // V on the device
	Products int
}

// Eigen returns the Ritz values, ascending, and their coordinates in columns.
func (b *BlockTridiagonal[T]) Eigen() ([]float64, *mat.Dense) {
	if b.T == nil {
		return nil, new(mat.Dense)
	}
	return eigh(b.T)
}

// Residuals returns ‖H·y-θ·y‖₂ for each Ritz pair in the order of Eigen, up to
// rounding: some eigenvalue of H lies within it of θ.
func (b *BlockTridiagonal[T]) Residuals() []float64 {
	if b.T == nil {
		return nil
	}
	size := b.T.SymmetricDim()
	residuals := make([]float64, size)
	if b.Last == nil {
		return residuals
	}
	_, z := eigh(b.T)
	p, _ := b.Last.Dims() // fewer than a block where only so many directions were left
	var r mat.Dense
	r.Mul(b.Last.T(), z.Slice(size-p, size, 0, size))
	for i := range residuals {
		residuals[i] = mat.Norm(r.ColView(i), 2)
	}
	return residuals
}

// BlockLanczos runs at most steps steps from the p rows of start, which need
// not be orthonormal; they belong to q, as does the basis of the result. Every
// step applies the operator to p vectors at once and is re-orthogonalized in
// full. Directions that vanish, of a start or of a Krylov space that is
// invariant, are replaced by random ones, so that eigenvalues of multiplicity p
// are found p times and all of them at the end. Errors as for Lanczos; more
// than one vector shows whether op is symmetric.
func BlockLanczos[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], start device.Matrix[T], steps int) (*BlockTridiagonal[T], error) {
	if err := checkStart(op, start, steps, max(1, start.Rows)); err != nil {
		return nil, err
	}
	n, p := op.Dim(), start.Rows
	if p > n {
		return nil, device.Argument("start", "has %d vectors, more than the dimension %d", p, n)
	}
	if err := q.Sync(); err != nil {
		return nil, err
	}
	room := min(n, min(steps, n)*p) // rows of the basis
	if n-room < p {
		room = n // a narrower block completes the space
	}
	b := &BlockTridiagonal[T]{Block: p, Basis: q.Alloc(room, n)}
	defer q.Scope()()
	images := q.Alloc(p, n)
	stream, eps, next := uint64(1)<<32, device.Epsilon[T](), b.Basis.RowRange(0, p)
	err := b.begin(q, start, next, &stream)
	if err != nil {
		return nil, err
	}
	b.T = mat.NewSymDense(room, nil)
	scale, before := 0.0, 0 // before: first row of the last block but one
	for lo := 0; ; {
		hi := lo + next.Rows
		w, rows := images.RowRange(0, next.Rows), min(next.Rows, n-hi)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := op.Apply(ctx, q, w, next); err != nil {
			return nil, err
		}
		if lo == 0 {
			if err := checkSymmetry(q, w, next); err != nil {
				return nil, blame(q, w, b.Products, err)
			}
		}
		from := before
		found := func(along device.Dense[T]) (tiny float64, err error) {
			if err := device.CheckInput("inner products", along); err != nil {
				return 0, blame(q, w, b.Products, err)
			}
			b.Products += next.Rows
			b.store(along, before, lo, hi, &scale)
			return 10 * eps * math.Sqrt(float64(n)) * scale, nil
		}
		if rows < next.Rows { // not all of w goes on
			along, err := inner(q, w, b.Basis.RowRange(before, hi))
			if err != nil {
				return nil, err
			}
			tiny, err := found(along)
			if err != nil {
				return nil, err
			}
			from, found = hi, func(device.Dense[T]) (float64, error) { return tiny, nil }
		}
		if hi == n {
			return b, q.Sync()
		}
		b.Last, err = orthonormalize(q, b.Basis.RowRange(0, hi), w.RowRange(0, rows), from, found, 0, &stream)
		switch {
		case errors.Is(err, errNoDirection):
			return nil, device.Argument("operator", "has a product that is not finite or not deterministic")
		case err != nil:
			return nil, err
		case hi == room:
			return b, q.Sync()
		}
		next = b.Basis.RowRange(hi, min(hi+rows, room))
		q.Copy(next, w.RowRange(0, next.Rows))
		before, lo = lo, hi
	}
}

// begin stores the orthonormalized start in v.
func (b *BlockTridiagonal[T]) begin(q device.Queue[T], start, v device.Matrix[T], stream *uint64) error {
	q.Copy(v, start)
	size, err := norm(q, start)
	if err != nil {
		return err
	}
	if !(size > 0) || math.IsInf(size, 0) {
		return device.Argument("start", "is zero or not finite")
	}
	b.Start, err = orthonormalizeRows(q, b.Basis.RowRange(0, 0), v, 10*device.Epsilon[T]()*size, 0, stream)
	return err
}

// inner returns the inner products of the rows of x with those of y.
func inner[T device.Float](q device.Queue[T], x, y device.Matrix[T]) (device.Dense[T], error) {
	defer q.Scope()()
	c, host := q.Alloc(x.Rows, y.Rows), device.NewDense[T](x.Rows, y.Rows)
	q.Gemm(device.NoTrans, device.Transp, 1, x, y, 0, c)
	q.Download(host, c)
	return host, q.Sync()
}

// store puts into T the coefficients of the images of the rows [lo,hi) of the
// basis along the rows from before on.
func (b *BlockTridiagonal[T]) store(along device.Dense[T], before, lo, hi int, scale *float64) {
	for j := range hi - lo {
		for i := before; i <= lo+j; i++ {
			x := float64(along.At(j, i-before))
			if i >= lo { // the block on the diagonal: its halves differ by rounding
				x = (x + float64(along.At(i-lo, lo+j-before))) / 2
			}
			b.T.SetSym(i, lo+j, x)
			*scale = max(*scale, math.Abs(x))
		}
	}
}
