package hessianalign

import (
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Domain is the head on the samples of one domain, on a device.
type Domain[T device.Float] struct {
	x      device.Matrix[T] // n×D, (features, 1)
	y      device.Matrix[T] // n×C, the classes; the label itself for a single logit
	logits device.Matrix[T] // n×C
	p      device.Matrix[T] // n×C, probabilities
	excess device.Matrix[T] // n×C, P-Y
	g      device.Matrix[T] // C×D, the gradient
}

// NewDomain makes a domain of samples with d features and the given labels, for
// a head with so many outputs: classes of a softmax, or 1 for a single logit,
// whose labels are 0 and 1. Its memory, n·(2d+5·outputs) numbers, belongs to
// the open scope of q. The features are zero until they are set.
func NewDomain[T device.Float](q device.Queue[T], d int, labels []int, outputs int) (*Domain[T], error) {
	n := len(labels)
	switch {
	case d < 1:
		return nil, device.Argument("features", "are %d, must be at least 1", d)
	case outputs < 1:
		return nil, device.Argument("outputs", "are %d, must be at least 1", outputs)
	case n == 0:
		return nil, fmt.Errorf("domain without samples: %w", device.ErrEmpty)
	}
	classes := max(2, outputs)
	y := device.NewDense[T](n, outputs)
	for i, label := range labels {
		switch {
		case label < 0 || label >= classes:
			return nil, device.Argument("labels", "sample %d is of class %d, must be of 0 to %d", i, label, classes-1)
		case outputs == 1:
			y.Set(i, 0, T(label))
		default:
			y.Set(i, label, 1)
		}
	}
	m := &Domain[T]{
		x: q.Alloc(n, d+1), y: q.Alloc(n, outputs), logits: q.Alloc(n, outputs),
		p: q.Alloc(n, outputs), excess: q.Alloc(n, outputs), g: q.Alloc(outputs, d+1),
	}
	q.Upload(m.y, y)
	q.Fill(1, m.x.Slice(0, n, d, d+1))
	return m, q.Sync()
}

// Features returns the n×d features, to be written by whatever computes them.
func (m *Domain[T]) Features() device.Matrix[T] {
	return m.x.Slice(0, m.x.Rows, 0, m.x.Cols-1)
}

// SetFeatures copies features from Go memory. Errors: those of bad input.
func (m *Domain[T]) SetFeatures(q device.Queue[T], z device.Dense[T]) error {
	if err := device.CheckInput("features", z); err != nil {
		return err
	}
	f := m.Features()
	if z.Rows != f.Rows || z.Cols != f.Cols {
		return &device.ShapeError{Op: "features", Detail: fmt.Sprintf("they are %d×%d, the domain has %d×%d", z.Rows, z.Cols, f.Rows, f.Cols)}
	}
	q.Upload(f, z)
	return q.Sync()
}

// Gradient returns the gradient of the risk, C×D, after Evaluate.
func (m *Domain[T]) Gradient() device.Matrix[T] { return m.g }

// Logits returns the n×C outputs of the head, after Evaluate.
func (m *Domain[T]) Logits() device.Matrix[T] { return m.logits }

// Evaluate computes the logits of the head w (C×D, the biases its last column),
// the probabilities and the gradient, and returns the mean cross-entropy. It
// costs 4·n·C·D operations.
func (m *Domain[T]) Evaluate(q device.Queue[T], w device.Matrix[T]) (risk float64, err error) {
	if err := device.CheckSame("head", w, m.g); err != nil {
		return 0, err
	}
	defer q.Scope()()
	const no, tr = device.NoTrans, device.Transp
	n := m.x.Rows
	q.Gemm(no, tr, 1, m.x, w, 0, m.logits)
	loss := q.Alloc(n, 1)
	if m.y.Cols == 1 {
		m.logistic(q, loss)
	} else {
		m.softmax(q, loss)
	}
	q.Add(1, no, m.p, -1, no, m.y, m.excess)
	q.Gemm(tr, no, T(1/float64(n)), m.excess, m.x, 0, m.g)
	return read(q, device.Sum, loss, 1/float64(n))
}

// softmax computes p and each sample's loss log Σexp(a) - a_label.
func (m *Domain[T]) softmax(q device.Queue[T], loss device.Matrix[T]) {
	const no = device.NoTrans
	top, sum := q.Alloc(m.x.Rows, 1), q.Alloc(m.x.Rows, 1)
	q.Reduce(device.Max, device.PerRow, m.logits, top)
	q.AddBy(device.PerRow, -1, top, m.logits, m.p)
	q.Dot(device.PerRow, m.p, m.y, loss) // a_label - max
	q.Map(device.Exp, m.p, m.p)
	q.Reduce(device.Sum, device.PerRow, m.p, sum)
	q.Map(device.Log, sum, top)
	q.Add(-1, no, loss, 1, no, top, loss)
	q.Map(device.Inv, sum, sum)
	q.ScaleBy(device.PerRow, sum, m.p, m.p)
}

// logistic computes p = σ(a) = (1 + tanh(a/2))/2 and each sample's loss
// max(a,0) + log(1 + exp(-|a|)) - y·a.
func (m *Domain[T]) logistic(q device.Queue[T], loss device.Matrix[T]) {
	const no = device.NoTrans
	one, e := q.Alloc(m.x.Rows, 1), q.Alloc(m.x.Rows, 1)
	q.Fill(1, one)
	q.Add(0.5, no, m.logits, 0, no, device.Matrix[T]{}, m.p)
	q.Map(device.Tanh, m.p, m.p)
	q.Add(0.5, no, m.p, 0.5, no, one, m.p)
	q.Map(device.Abs, m.logits, e)
	q.Add(-1, no, e, 0, no, device.Matrix[T]{}, e)
	q.Map(device.Exp, e, e)
	q.Add(1, no, e, 1, no, one, e)
	q.Map(device.Log, e, loss)
	q.Map(device.Relu, m.logits, e)
	q.Add(1, no, loss, 1, no, e, loss)
	q.Mul(m.y, m.logits, e)
	q.Add(1, no, loss, -1, no, e, loss)
}

// read returns scale times the reduction of a matrix.
func read[T device.Float](q device.Queue[T], r device.Reduction, a device.Matrix[T], scale float64) (float64, error) {
	defer q.Scope()()
	one, out := q.Alloc(1, 1), device.NewDense[T](1, 1)
	q.Reduce(r, device.Whole, a, one)
	q.Download(out, one)
	return scale * float64(out.Data[0]), q.Sync()
}
