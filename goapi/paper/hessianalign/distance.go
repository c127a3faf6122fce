package hessianalign

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// tile is the number of samples of each domain whose products are in memory at
// a time.
const tile = 1024

// FrobeniusDistance returns ‖Hₐ-H_b‖_F and ‖Hₐ‖_F of two domains with the same
// head, after Evaluate of both, without forming a Hessian: with xᵢ, pᵢ of one
// and xⱼ, qⱼ of the other domain
//
//	⟨Hₐ,H_b⟩ = mean over i, j of tr(ΛᵢΛⱼ)·(xᵢ·xⱼ)²,
//	tr(ΛᵢΛⱼ) = p·q - p²·q - p·q² + (p·q)².
//
// It costs 2·(nₐ+n_b)²·(D+3C) operations, in tiles of 1024 samples. The distance
// of equal domains is zero to about the root of the rounding error.
func FrobeniusDistance[T device.Float](ctx context.Context, q device.Queue[T], a, b *Domain[T]) (distance, norm float64, err error) {
	if err := device.CheckSame("domains", a.g, b.g); err != nil {
		return 0, 0, err
	}
	var products [3]float64
	for i, pair := range [3][2]*Domain[T]{{a, a}, {a, b}, {b, b}} {
		if products[i], err = inner(ctx, q, pair[0], pair[1]); err != nil {
			return 0, 0, err
		}
	}
	return math.Sqrt(max(0, products[0]-2*products[1]+products[2])), math.Sqrt(products[0]), nil
}

// inner returns the Frobenius product of the Hessians of two domains.
func inner[T device.Float](ctx context.Context, q device.Queue[T], a, b *Domain[T]) (float64, error) {
	const no, tr = device.NoTrans, device.Transp
	defer q.Scope()()
	na, nb, c := a.x.Rows, b.x.Rows, a.y.Cols
	pa, pb := q.Alloc(na, c), q.Alloc(nb, c) // squares of the probabilities
	q.Mul(a.p, a.p, pa)
	q.Mul(b.p, b.p, pb)
	sum := 0.0
	for i := 0; i < na; i += tile {
		for j := 0; j < nb; j += tile {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			part, err := func() (float64, error) {
				defer q.Scope()()
				i1, j1 := min(i+tile, na), min(j+tile, nb)
				weight, product := q.Alloc(i1-i, j1-j), q.Alloc(i1-i, j1-j)
				q.Gemm(no, tr, 1, a.p.RowRange(i, i1), b.p.RowRange(j, j1), 0, product)
				q.Mul(product, product, weight)
				q.Add(1, no, weight, 1, no, product, weight)
				q.Gemm(no, tr, -1, pa.RowRange(i, i1), b.p.RowRange(j, j1), 1, weight)
				q.Gemm(no, tr, -1, a.p.RowRange(i, i1), pb.RowRange(j, j1), 1, weight)
				q.Gemm(no, tr, 1, a.x.RowRange(i, i1), b.x.RowRange(j, j1), 0, product)
				q.Mul(product, product, product)
				q.Mul(weight, product, weight)
				return read(q, device.Sum, weight, 1)
			}()
			if err != nil {
				return 0, err
			}
			sum += part
		}
	}
	return sum / float64(na) / float64(nb), nil
}

// difference is Hₐ - H_b as an operator on vectors of C·D.
type difference[T device.Float] struct{ a, b *Domain[T] }

func (d difference[T]) Dim() int { return d.a.g.Len() }

func (d difference[T]) Apply(_ context.Context, q device.Queue[T], dst, src device.Matrix[T]) error {
	defer q.Scope()()
	k, c, width := src.Rows, d.a.g.Rows, d.a.g.Cols
	v, first, second := q.Alloc(k, c*width), q.Alloc(k*c, width), q.Alloc(k*c, width)
	q.Copy(v, src)
	stack := v.Reshape(k*c, width)
	if err := d.a.Product(q, stack, first); err != nil {
		return err
	}
	if err := d.b.Product(q, stack, second); err != nil {
		return err
	}
	q.Add(1, device.NoTrans, first, -1, device.NoTrans, second, first)
	q.Copy(dst, first.Reshape(k, c*width))
	return nil
}

// SpectralDistance returns ‖Hₐ-H_b‖₂ of two domains with the same head, after
// Evaluate of both and Sync of the queue, by a restarted Lanczos method. An
// eigenvalue of the difference is within residual of it.
func SpectralDistance[T device.Float](ctx context.Context, dev device.Device, a, b *Domain[T], seed uint64) (distance, residual float64, err error) {
	if err := device.CheckSame("domains", a.g, b.g); err != nil {
		return 0, 0, err
	}
	e, err := spectrum.Eigs(ctx, dev, difference[T]{a, b}, spectrum.EigsOptions{K: 1, Which: spectrum.LargestMagnitude, Seed: seed})
	if e == nil {
		return 0, 0, err
	}
	return math.Abs(e.Values[0]), e.Residuals[0], err
}

// TransferBound returns ½δ²·‖H_T-H_S‖₂: if the risks of a source and a target
// domain are quadratic with a common minimum, a head within δ of it loses at
// most so much more on the target than on the source (Zhang et al. 2021).
// source and target are evaluated at that minimum.
func TransferBound[T device.Float](ctx context.Context, dev device.Device, source, target *Domain[T], δ float64, seed uint64) (float64, error) {
	if !(δ >= 0) || math.IsInf(δ, 0) {
		return 0, device.Argument("radius", "is %v, must not be negative", δ)
	}
	distance, residual, err := SpectralDistance(ctx, dev, source, target, seed)
	return δ * δ / 2 * (distance + residual), err
}
