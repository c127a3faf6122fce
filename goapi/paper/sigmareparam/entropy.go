package sigmareparam

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// EntropyLowerBound returns the least entropy, in nats, of the softmax of t
// numbers whose distance from their mean is at most σ (Theorem 3.1):
//
//	ln(1 + (t-1)·β) + σ·√(t·(t-1))·β/(1 + (t-1)·β),  β = exp(-σ·√(t/(t-1)))
//
// It is attained by one number above t-1 equal ones. It is 0 for t = 1, and
// NaN for t < 1, σ < 0 or a σ that is NaN.
func EntropyLowerBound(t int, σ float64) float64 {
	switch {
	case t < 1 || !(σ >= 0):
		return math.NaN()
	case t == 1 || math.IsInf(σ, 1):
		return 0
	}
	n := float64(t)
	β := math.Exp(-σ * math.Sqrt(n/(n-1)))
	return math.Log1p((n-1)*β) + σ*math.Sqrt(n*(n-1))*β/(1+(n-1)*β)
}

// Entropies stores in out (1×rows) the entropies, in nats, of the softmax of
// the rows of logits, and in p, of the shape of the logits, the softmax itself;
// p may be the logits. A logit -Inf is a masked entry and contributes 0; the
// entropy of a row without others is NaN.
//
// The entropy is ln Σexp(L-m) - Σp·(L-m) with m the largest logit, in which
// nothing overflows.
func Entropies[T device.Float](q device.Queue[T], logits, p, out device.Matrix[T]) {
	defer q.Scope()()
	const no = device.NoTrans
	rows, cols := logits.Rows, logits.Cols
	largest, sum, dot := q.Alloc(1, rows), q.Alloc(1, rows), q.Alloc(1, rows)
	shifted := q.Alloc(rows, cols)
	q.Reduce(device.Max, device.PerRow, logits, largest)
	q.AddBy(device.PerRow, -1, largest, logits, shifted)
	q.Map(device.Exp, shifted, p)
	q.Reduce(device.Sum, device.PerRow, p, sum)
	q.Map(device.Inv, sum, dot)
	q.ScaleBy(device.PerRow, dot, p, p)
	q.Map(device.InfToZero, shifted, shifted) // 0·(-Inf) of a masked entry
	q.Dot(device.PerRow, p, shifted, dot)
	q.Map(device.Log, sum, sum)
	q.Add(1, no, sum, -1, no, dot, out)
}

// AttentionEntropy returns the entropies, in nats, of the softmax of each row
// of logits (T×T or any rows×keys). visible says how many keys, from the first
// on, each row sees, as under a causal mask; nil means all. A row that sees no
// key has the entropy 0.
//
// Errors: those of bad input, with the row and column of a NaN or an infinity;
// device.ErrShape or device.ErrArgument for a visible that does not fit.
func AttentionEntropy[T device.Float](logits device.Dense[T], visible []int) ([]float64, error) {
	if err := device.CheckInput("logits", logits); err != nil {
		return nil, err
	}
	if visible != nil && len(visible) != logits.Rows {
		return nil, &device.ShapeError{Op: "visible", Detail: "does not have a number for each row of the logits"}
	}
	entropies := make([]float64, logits.Rows)
	for i := range entropies {
		row := logits.Row(i)
		if visible != nil {
			if visible[i] < 0 || visible[i] > len(row) {
				return nil, device.Argument("visible", "is %d for row %d, must be between 0 and %d", visible[i], i, len(row))
			}
			row = row[:visible[i]]
		}
		entropies[i] = entropy(row)
	}
	return entropies, nil
}

func entropy[T device.Float](row []T) float64 {
	if len(row) == 0 {
		return 0
	}
	top := math.Inf(-1)
	for _, v := range row {
		top = max(top, float64(v))
	}
	sum, dot := 0.0, 0.0
	for _, v := range row {
		d := float64(v) - top
		e := math.Exp(d)
		sum += e
		dot += e * d
	}
	// Rounding could leave a negative zero or less of a single token.
	return max(0, math.Log(sum)-dot/sum)
}
