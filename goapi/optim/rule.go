package optim

import (
	"context"
	"fmt"
	"math"
	"reflect"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/polar"
)

// Rule says how parameters move: [SGD], [AdamW], [Muon], [Dion] or [AuON].
type Rule interface {
	// complete checks the numbers and sets those that were left out.
	complete() (Rule, error)
	// rate returns the learning rate of a complete rule.
	rate() float64
	// name of the rule in files.
	name() string
}

// mover moves one parameter and holds its state.
type mover[T device.Float] interface {
	// look computes up to looks numbers that decide the step, without any
	// change: first the largest magnitude of the gradient, or of the momentum
	// that it would lead to.
	look(q device.Queue[T], out device.Matrix[T])
	// limit is the largest such magnitude that the step can take.
	limit() float64
	// move changes state and weights.
	move(ctx context.Context, q device.Queue[T], s stride[T]) error
	// state lists the matrices that outlive a step.
	state() []slot[T]
}

// stride is what a mover is told of a step.
type stride[T device.Float] struct {
	number int     // from 1
	rate   float64 // learning rate times the factor of the schedule
	seen   []T     // the numbers of look
}

// slot is a named part of a parameter's state.
type slot[T device.Float] struct {
	name string
	m    device.Matrix[T]
}

func newMover[T device.Float](q device.Queue[T], r Rule, p *parameter[T], work *scratch[T]) (mover[T], error) {
	switch r := r.(type) {
	case SGD:
		return newSGD(q, r, p), nil
	case AdamW:
		return newAdamW(q, r, p), nil
	case Muon:
		return newMuon(q, r, p, work)
	case Dion:
		return newDion(q, r, p)
	case AuON:
		return newAuON(q, r, p, work)
	}
	return nil, device.Argument("rule", "is a %T, which has no implementation", r)
}

// plain are the parts of a mover that several rules share: the look at the
// gradient alone.
type plain[T device.Float] struct{ p *parameter[T] }

func (m plain[T]) look(q device.Queue[T], out device.Matrix[T]) {
	q.Reduce(device.MaxAbs, device.Whole, m.p.g, out.Slice(0, 1, 0, 1))
}

func (plain[T]) limit() float64 { return largest[T]() }

// squarable is the limit for rules whose state or updates grow with the
// gradient: its square is finite, so that no sum over steps overflows.
func squarable[T device.Float]() float64 { return math.Sqrt(largest[T]()) }

// largest returns the largest finite number of type T.
func largest[T device.Float]() float64 {
	if device.Epsilon[T]() > 1e-10 {
		return math.MaxFloat32
	}
	return math.MaxFloat64
}

// scratch is memory that the movers of one optimizer use in turn.
type scratch[T device.Float] struct {
	q      device.Queue[T]
	size   int
	buffer device.Matrix[T]
	polar  []shared[T]
}

// shared is what computes the polar factors of all blocks of one shape.
type shared[T device.Float] struct {
	rows, cols int
	options    polar.Options
	z          *polar.Orthogonalizer[T]
}

// orthogonalizer returns what computes polar factors of such matrices.
func (s *scratch[T]) orthogonalizer(rows, cols int, o polar.Options) (*polar.Orthogonalizer[T], error) {
	for _, p := range s.polar {
		if p.rows == rows && p.cols == cols && reflect.DeepEqual(p.options, o) {
			return p.z, nil
		}
	}
	z, err := polar.NewOrthogonalizer(s.q, rows, cols, o)
	s.polar = append(s.polar, shared[T]{rows, cols, o, z})
	return z, err
}

// need makes sure that n elements will be there.
func (s *scratch[T]) need(n int) { s.size = max(s.size, n) }

func (s *scratch[T]) allocate() { s.buffer = s.q.Alloc(1, s.size) }

// matrix returns the memory as a matrix; what it holds is undefined.
func (s *scratch[T]) matrix(rows, cols int) device.Matrix[T] {
	return s.buffer.Slice(0, 1, 0, rows*cols).Reshape(rows, cols)
}

// maxRate bounds learning rates: beyond it a step could overflow float32.
const maxRate = 1e30

func checkRate(rate float64) error {
	if !(rate >= 0 && rate <= maxRate) {
		return device.Argument("learning rate", "is %v, must be between 0 and %g", rate, maxRate)
	}
	return nil
}

// checkShare checks a number that must be in [0,1).
func checkShare(name string, x float64) error {
	if !(x >= 0 && x < 1) {
		return device.Argument(name, "is %v, must be at least 0 and below 1", x)
	}
	return nil
}

// checkDecay checks a weight decay.
func checkDecay(x float64) error {
	if !(x >= 0 && x <= maxRate) {
		return device.Argument("weight decay", "is %v, must be between 0 and %g", x, maxRate)
	}
	return nil
}

// first returns the first of the errors that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// orDefault returns x, or d for 0.
func orDefault(x, d float64) float64 {
	if x == 0 {
		return d
	}
	return x
}

// matrix returns an error unless the parameter is a matrix or an array of more
// dimensions, which rule needs.
func (p *parameter[T]) matrix(rule string) error {
	if len(p.shape) < 2 {
		return &device.ShapeError{Op: p.name, Detail: rule + " moves matrices; leave vectors to AdamW"}
	}
	return nil
}

// blockName names the state of block i.
func blockName(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, i)
}
