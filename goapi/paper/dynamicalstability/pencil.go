package dynamicalstability

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// pencil is C^(-1/2)·D·C^(-1/2) on r×r matrices, in a basis in which H is
// diag(λ): there C multiplies entry (j,k) by (λⱼ+λₖ)/2.
type pencil[T device.Float] struct {
	a     device.Matrix[T] // n×r gradients
	root  device.Matrix[T] // r×r entries of C^(-1/2)
	outer device.Matrix[T] // r×r, (1-p)·λⱼλₖ: the product HYH, entry by entry
	p     float64
}

func newPencil[T device.Float](q device.Queue[T], a device.Dense[T], λ []float64, p float64) (*pencil[T], error) {
	r := len(λ)
	root, outer := device.NewDense[T](r, r), device.NewDense[T](r, r)
	for j := range r {
		for k := range r {
			root.Set(j, k, T(math.Sqrt(2/(λ[j]+λ[k]))))
			outer.Set(j, k, T((1-p)*λ[j]*λ[k]))
		}
	}
	op := &pencil[T]{a: q.Alloc(a.Rows, r), root: q.Alloc(r, r), outer: q.Alloc(r, r), p: p}
	q.Upload(op.a, a)
	q.Upload(op.root, root)
	q.Upload(op.outer, outer)
	return op, q.Sync() // the eigensolver has a queue of its own
}

func (op *pencil[T]) Dim() int { return op.a.Cols * op.a.Cols }

func (op *pencil[T]) Apply(ctx context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	defer q.Scope()()
	n, r := op.a.Rows, op.a.Cols
	y, z, ay, d := q.Alloc(r, r), q.Alloc(r, r), q.Alloc(n, r), q.Alloc(n, 1)
	for i := range src.Rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		q.Copy(y, src.Row(i).Reshape(r, r))
		q.Mul(op.root, y, y)
		q.Gemm(device.NoTrans, device.NoTrans, 1, op.a, y, 0, ay)
		q.Dot(device.PerRow, ay, op.a, d) // aᵢᵀYaᵢ
		q.ScaleBy(device.PerRow, d, op.a, ay)
		q.Mul(op.outer, y, z)
		q.Gemm(device.Transp, device.NoTrans, T(op.p/float64(n)), op.a, ay, 1, z)
		q.Mul(op.root, z, dst.Row(i).Reshape(r, r))
	}
	return nil
}
