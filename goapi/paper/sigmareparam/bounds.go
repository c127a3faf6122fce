package sigmareparam

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// LogitNorms are upper bounds of the distance of the rows of logits
// L = s·X·W_K·W_Qᵀ·Xᵀ from their means, sharpest first. With any of them,
// EntropyLowerBound holds for every row of softmax(L).
type LogitNorms struct {
	Centered float64 // the largest such distance itself
	Spectral float64 // ‖L‖₂
	Product  float64 // |s|·‖W_K·W_Qᵀ‖₂·‖X·Xᵀ‖₂, the one of the paper
}

// Norms returns the norms for tokens x (T×d), key and query weights wk and wq
// (d×n) and a scale s of the logits, 1/√n in most models. The spectral norms
// are those of singular value decompositions plus their error bounds.
func Norms[T device.Float](ctx context.Context, dev device.Device, x, wk, wq device.Dense[T], s float64) (*LogitNorms, error) {
	for _, m := range []struct {
		name string
		a    device.Dense[T]
	}{{"tokens", x}, {"key weights", wk}, {"query weights", wq}} {
		if err := device.CheckInput(m.name, m.a); err != nil {
			return nil, err
		}
	}
	switch {
	case s-s != 0:
		return nil, device.Argument("scale", "is %v, must be a finite number", s)
	case wk.Rows != x.Cols || wq.Rows != x.Cols || wk.Cols != wq.Cols:
		return nil, &device.ShapeError{Op: "Norms", Detail: "weights must have a row for each of the tokens' features, and one number of columns"}
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	const no, tr = device.NoTrans, device.Transp
	tokens, k, w := device.Lend(q, x), q.Alloc(x.Rows, wk.Cols), q.Alloc(x.Rows, wk.Cols)
	q.Gemm(no, no, 1, tokens, device.Lend(q, wk), 0, k)
	q.Gemm(no, no, 1, tokens, device.Lend(q, wq), 0, w)
	l := q.Alloc(x.Rows, x.Rows)
	q.Gemm(no, tr, T(s), k, w, 0, l)
	logits := device.NewDense[T](l.Rows, l.Cols)
	q.Download(logits, l)
	product := q.Alloc(x.Cols, x.Cols)
	q.Gemm(no, tr, 1, device.Lend(q, wk), device.Lend(q, wq), 0, product)
	weights := device.NewDense[T](product.Rows, product.Cols)
	q.Download(weights, product)
	if err := q.Sync(); err != nil {
		return nil, err
	}
	norms := &LogitNorms{Centered: centered(logits)}
	var of [3]float64
	for i, m := range []device.Dense[T]{logits, weights, x} {
		var err error
		if of[i], err = spectral(ctx, dev, m); err != nil {
			return nil, err
		}
	}
	norms.Spectral, norms.Product = of[0], math.Abs(s)*of[1]*of[2]*of[2]
	return norms, nil
}

// spectral returns an upper bound of ‖a‖₂.
func spectral[T device.Float](ctx context.Context, dev device.Device, a device.Dense[T]) (float64, error) {
	f, err := svd.Compute(ctx, dev, a, svd.Options{Vectors: svd.None})
	if err != nil {
		return 0, err
	}
	return float64(f.S[0]) + f.Certificate.ErrorBound, nil
}

// centered returns the largest distance of a row from its mean.
func centered[T device.Float](l device.Dense[T]) float64 {
	largest := 0.0
	for i := range l.Rows {
		mean, sum := 0.0, 0.0
		for _, v := range l.Row(i) {
			mean += float64(v) / float64(l.Cols)
		}
		for _, v := range l.Row(i) {
			sum += (float64(v) - mean) * (float64(v) - mean)
		}
		largest = max(largest, math.Sqrt(sum))
	}
	return largest
}
