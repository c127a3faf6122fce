package nn

import (
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Data are n samples in Go memory. Labels make it a classification problem,
// Targets a least squares problem; give one of the two.
type Data[T device.Float] struct {
	X       device.Dense[T] // n×inputs
	Labels  []int           // n classes, each in [0, outputs)
	Targets device.Dense[T] // n×outputs
}

// Loss is the loss function that belongs to a kind of data.
type Loss int

const (
	CrossEntropy Loss = iota // mean of -log softmax(z)[label]
	SquaredError             // mean of ½‖z - y‖²
)

// Batch are samples on a device.
type Batch[T device.Float] struct {
	X    device.Matrix[T] // n×inputs
	Y    device.Matrix[T] // n×outputs: one-hot labels or targets
	Loss Loss
}

// Rows returns the view of samples [lo,hi).
func (b Batch[T]) Rows(lo, hi int) Batch[T] {
	b.X, b.Y = b.X.RowRange(lo, hi), b.Y.RowRange(lo, hi)
	return b
}

// Loss returns the loss function of the data.
func (d Data[T]) Loss() Loss {
	if d.Labels != nil {
		return CrossEntropy
	}
	return SquaredError
}

// Check reports whether the data fit the architecture: shapes
// (*device.ShapeError), no samples (device.ErrEmpty), NaN or infinity
// (*device.NotFiniteError), labels out of range or both kinds of targets
// (*device.ArgumentError).
func (d Data[T]) Check(a Architecture) error {
	if err := CheckFeatures(a, d.X); err != nil {
		return err
	}
	return d.CheckTargets(a, d.X.Rows)
}

// CheckTargets reports whether the labels or targets can be those of n samples
// that are not in X, with the errors of [Data.Check].
func (d Data[T]) CheckTargets(a Architecture, n int) error {
	switch {
	case d.Labels != nil && d.Targets.Data != nil:
		return device.Argument("data", "has labels and targets; give one of them")
	case d.Labels != nil:
		return d.checkLabels(a.Outputs(), n)
	}
	if err := device.CheckInput("targets", d.Targets); err != nil {
		return err
	}
	if d.Targets.Rows != n || d.Targets.Cols != a.Outputs() {
		return &device.ShapeError{Op: "targets", Detail: fmt.Sprintf("%d×%d do not fit %d samples and %d outputs",
			d.Targets.Rows, d.Targets.Cols, n, a.Outputs())}
	}
	return nil
}

func (d Data[T]) checkLabels(classes, n int) error {
	if len(d.Labels) != n {
		return &device.ShapeError{Op: "labels", Detail: fmt.Sprintf("%d labels for %d samples", len(d.Labels), n)}
	}
	if classes < 2 {
		return device.Argument("sizes", "end with %d output; a classifier needs one for each class, at least 2", classes)
	}
	for i, c := range d.Labels {
		if c < 0 || c >= classes {
			return device.Argument("labels", "hold %d at sample %d, must be between 0 and %d", c, i, classes-1)
		}
	}
	return nil
}

// CheckFeatures reports whether x (n×inputs) can be the input of the
// architecture, with the errors of [Data.Check].
func CheckFeatures[T device.Float](a Architecture, x device.Dense[T]) error {
	if err := a.Check(); err != nil {
		return err
	}
	if err := device.CheckInput("data", x); err != nil {
		return err
	}
	if x.Cols != a.Inputs() {
		return &device.ShapeError{Op: "data", Detail: fmt.Sprintf("samples have %d features, the network has %d inputs", x.Cols, a.Inputs())}
	}
	return nil
}

// Upload copies checked data to the device of q, in the scope of q that is
// open.
func (d Data[T]) Upload(q device.Queue[T], a Architecture) Batch[T] {
	b := Batch[T]{X: q.Alloc(d.X.Rows, d.X.Cols), Y: q.Alloc(d.X.Rows, a.Outputs()), Loss: d.Loss()}
	q.Upload(b.X, d.X)
	q.Upload(b.Y, d.encoded(a.Outputs()))
	return b
}

// encoded returns the targets, or the one-hot matrix of the labels.
func (d Data[T]) encoded(outputs int) device.Dense[T] {
	if d.Labels == nil {
		return d.Targets
	}
	y := device.NewDense[T](len(d.Labels), outputs)
	for i, c := range d.Labels {
		if c < 0 || c >= outputs {
			return device.Dense[T]{} // which Upload refuses
		}
		y.Set(i, c, 1)
	}
	return y
}
