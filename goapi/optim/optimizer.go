package optim

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
)

// Parameter is one array of weights with its gradient.
type Parameter[T device.Float] struct {
	// Name of the parameter in errors and files, "" for its place, as in
	// "0.2" for the third of the first group. No two parameters may have the
	// same one.
	Name string

	// Value holds the weights, which Step changes. Gradient has the same
	// shape; Step reads it.
	Value, Gradient device.Matrix[T]

	// Shape of the array if it is not a matrix, such as [out, in, height,
	// width] for a convolution. Its elements are those of Value in row-major
	// order, which must then be contiguous. Rules for matrices take it as one
	// with Shape[0] rows.
	Shape []int

	// RowBlocks and ColBlocks cut the matrix into equal blocks that Muon,
	// Dion and AuON treat as matrices of their own: the heads of an attention
	// layer, its queries, keys and values, or stacked experts. 0 means 1.
	RowBlocks, ColBlocks int
}

// Group is a number of parameters that follow one rule.
type Group[T device.Float] struct {
	Rule       Rule
	Schedule   Schedule
	Parameters []Parameter[T]
}

// Optimizer moves the parameters of its groups. It belongs to the goroutine of
// its queue and lives as long as the scope that was open when it was made.
type Optimizer[T device.Float] struct {
	q      device.Queue[T]
	groups []group[T]
	count  int // of parameters
	steps  int

	numbers device.Matrix[T] // what step looks at, a row for each parameter
	read    device.Dense[T]  // and in Go memory
}

// group is a Group with the state of its parameters.
type group[T device.Float] struct {
	rule       Rule
	schedule   Schedule
	rate       float64
	parameters []*parameter[T]
	movers     []mover[T] // for each parameter
}

// parameter is a Parameter whose shapes have been checked.
type parameter[T device.Float] struct {
	name   string
	shape  []int
	w, g   device.Matrix[T] // as matrices of Shape[0] rows
	blocks []block
}

// block is the part [i0,i1)×[j0,j1) of a matrix.
type block struct{ i0, i1, j0, j1 int }

func (b block) rows() int { return b.i1 - b.i0 }
func (b block) cols() int { return b.j1 - b.j0 }

// of returns the block's part of m.
func of[T device.Float](b block, m device.Matrix[T]) device.Matrix[T] {
	return m.Slice(b.i0, b.i1, b.j0, b.j1)
}

// looks is how many numbers a step may look at before it moves a parameter.
// The first is finite if and only if the gradient is.
const looks = 3

// New returns an optimizer of groups of parameters on the device of q. State
// takes memory in the scope of q that is open: twice the parameters for AdamW,
// once for the others, once the largest parameter, and for each shape of blocks
// with polar factors of a fixed number of steps what polar.NewOrthogonalizer
// keeps.
//
// Errors: options out of range (device.ErrArgument), shapes that do not fit
// (device.ErrShape), no parameters at all or one without elements
// (device.ErrEmpty), weights that are not finite (device.ErrNotFinite), and
// failures of the device.
func New[T device.Float](q device.Queue[T], groups ...Group[T]) (*Optimizer[T], error) {
	if q == nil {
		return nil, device.Argument("queue", "is nil")
	}
	o := &Optimizer[T]{q: q}
	names := map[string]bool{}
	for i, g := range groups {
		if g.Rule == nil {
			return nil, device.Argument(fmt.Sprintf("rule of group %d", i), "is missing")
		}
		rule, err := g.Rule.complete()
		if err != nil {
			return nil, fmt.Errorf("group %d: %w", i, err)
		}
		if err := g.Schedule.check(); err != nil {
			return nil, fmt.Errorf("group %d: %w", i, err)
		}
		made := group[T]{rule: rule, schedule: g.Schedule, rate: rule.rate()}
		for j, p := range g.Parameters {
			if p.Name == "" {
				p.Name = fmt.Sprintf("%d.%d", i, j)
			}
			if names[p.Name] {
				return nil, device.Argument("name", "%q belongs to two parameters", p.Name)
			}
			names[p.Name] = true
			checked, err := p.check()
			if err != nil {
				return nil, failedOr(q, err)
			}
			made.parameters = append(made.parameters, checked)
			o.count++
		}
		o.groups = append(o.groups, made)
	}
	if o.count == 0 {
		return nil, fmt.Errorf("optimizer without parameters: %w", device.ErrEmpty)
	}
	if err := o.allocate(); err != nil {
		return nil, err
	}
	return o, nil
}

// allocate makes the state of the parameters, after a look at their weights.
func (o *Optimizer[T]) allocate() error {
	o.numbers = o.q.Alloc(o.count, looks)
	o.read = device.NewDense[T](o.count, looks)
	o.each(func(i int, _ *group[T], p *parameter[T], _ mover[T]) error {
		o.q.Reduce(device.MaxAbs, device.Whole, p.w, o.numbers.Slice(i, i+1, 0, 1))
		return nil
	})
	if err := o.download(); err != nil {
		return err
	}
	work := &scratch[T]{q: o.q}
	for i := range o.groups {
		g := &o.groups[i]
		for _, p := range g.parameters {
			m, err := newMover(o.q, g.rule, p, work)
			if err != nil {
				return err
			}
			g.movers = append(g.movers, m)
		}
	}
	work.allocate()
	if err := o.q.Sync(); err != nil {
		return err
	}
	return o.each(func(i int, _ *group[T], p *parameter[T], _ mover[T]) error {
		return o.finite("weights", p, p.w, float64(o.read.At(i, 0)), math.MaxFloat64)
	})
}

// each calls f for every parameter in order until an error.
func (o *Optimizer[T]) each(f func(i int, g *group[T], p *parameter[T], m mover[T]) error) error {
	i := 0
	for k := range o.groups {
		g := &o.groups[k]
		for j, p := range g.parameters {
			var m mover[T]
			if j < len(g.movers) {
				m = g.movers[j]
			}
			if err := f(i, g, p, m); err != nil {
				return err
			}
			i++
		}
	}
	return nil
}

// download reads the numbers that step looks at.
func (o *Optimizer[T]) download() error {
	o.q.Download(o.read, o.numbers)
	return o.q.Sync()
}

// finite returns an error unless the largest magnitude in a matrix that belongs
// to p is at most limit. It names the first element that is not finite.
func (o *Optimizer[T]) finite(what string, p *parameter[T], m device.Matrix[T], largest, limit float64) error {
	if largest <= limit {
		return nil
	}
	name := what + " of " + p.name
	if largest-largest == 0 {
		return &device.NotFiniteError{Name: "square of " + name, Value: math.Inf(1)}
	}
	d := device.NewDense[T](m.Rows, m.Cols)
	o.q.Download(d, m)
	if err := o.q.Sync(); err != nil {
		return err
	}
	if err := device.CheckInput(name, d); err != nil {
		return err
	}
	return &device.NotFiniteError{Name: name, Value: largest}
}

// Step moves all parameters by one step of their rules.
//
// The error of ctx, a gradient that is not finite, or one whose squares are not
// for rules that are not indifferent to the size of gradients (a
// *device.NotFiniteError with the name of the parameter) leave weights and
// state untouched. A failure of the device while parameters move leaves them
// undefined and may be returned by a later call only.
//
// Weights are not looked at: should they overflow, by a learning rate that is
// far too large, that shows in the next gradient and in Save.
//
// The cost is that of the rules; see there.
func (o *Optimizer[T]) Step(ctx context.Context) error {
	if o == nil || o.q == nil {
		return errNoOptimizer
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o.each(func(i int, _ *group[T], _ *parameter[T], m mover[T]) error {
		m.look(o.q, o.numbers.Row(i))
		return nil
	})
	if err := o.download(); err != nil {
		return err
	}
	err := o.each(func(i int, _ *group[T], p *parameter[T], m mover[T]) error {
		return o.finite("gradient", p, p.g, float64(o.read.At(i, 0)), m.limit())
	})
	if err != nil {
		return err
	}
	o.steps++
	whole := context.WithoutCancel(ctx) // a step is done for all parameters or for none
	return o.each(func(i int, g *group[T], _ *parameter[T], m mover[T]) error {
		return m.move(whole, o.q, stride[T]{number: o.steps, rate: g.rate * g.schedule.Factor(o.steps-1), seen: o.read.Row(i)})
	})
}

var errNoOptimizer = device.Argument("optimizer", "was not made by New")

// Steps returns how many steps were taken.
func (o *Optimizer[T]) Steps() int {
	if o == nil {
		return 0
	}
	return o.steps
}

// LearningRate returns the learning rate of the next step of a group, NaN if
// there is no such group.
func (o *Optimizer[T]) LearningRate(group int) float64 {
	if o == nil || group < 0 || group >= len(o.groups) {
		return math.NaN()
	}
	g := &o.groups[group]
	return g.rate * g.schedule.Factor(o.steps)
}

// SetLearningRate replaces the learning rate of the rule of a group, which the
// schedule goes on to multiply. 0 stops the group's weights, not its averages.
func (o *Optimizer[T]) SetLearningRate(group int, rate float64) error {
	switch {
	case o == nil || o.q == nil:
		return errNoOptimizer
	case group < 0 || group >= len(o.groups):
		return device.Argument("group", "is %d, there are %d", group, len(o.groups))
	}
	if err := checkRate(rate); err != nil {
		return err
	}
	o.groups[group].rate = rate
	return nil
}

// check returns the parameter with its matrices in shape.
func (p Parameter[T]) check() (*parameter[T], error) {
	if strings.HasPrefix(p.Name, statePrefix) {
		return nil, device.Argument("name", "%q begins with %q, which is kept for the state", p.Name, statePrefix)
	}
	if err := device.CheckSame(p.Name, p.Value, p.Gradient); err != nil {
		return nil, err
	}
	if p.Value.Len() == 0 {
		return nil, fmt.Errorf("%s is %d×%d: %w", p.Name, p.Value.Rows, p.Value.Cols, device.ErrEmpty)
	}
	c := &parameter[T]{name: p.Name, shape: []int{p.Value.Rows, p.Value.Cols}, w: p.Value, g: p.Gradient}
	if p.Shape != nil {
		rows, cols, err := flatten(p.Name, p.Shape, p.Value.Len())
		if err != nil {
			return nil, err
		}
		c.shape = append([]int(nil), p.Shape...)
		if rows != c.w.Rows {
			c.w, c.g = c.w.Reshape(rows, cols), c.g.Reshape(rows, cols)
		}
		if c.w.IsZero() || c.g.IsZero() {
			return nil, &device.ShapeError{Op: p.Name, Detail: "the elements of an array with a shape must be contiguous"}
		}
	}
	return c, c.cut(p.RowBlocks, p.ColBlocks)
}

// flatten returns the matrix of shape[0] rows that holds n elements.
func flatten(name string, shape []int, n int) (rows, cols int, err error) {
	rows, cols = 1, 1
	for i, d := range shape {
		if d < 1 || d > n {
			return 0, 0, &device.ShapeError{Op: name, Detail: fmt.Sprintf("shape %v does not fit %d elements", shape, n)}
		}
		if i == 0 && len(shape) > 1 {
			rows = d
			continue
		}
		if cols > n/d {
			cols = n + 1 // too many
			break
		}
		cols *= d
	}
	if cols > n/rows || rows*cols != n {
		return 0, 0, &device.ShapeError{Op: name, Detail: fmt.Sprintf("shape %v does not fit %d elements", shape, n)}
	}
	return rows, cols, nil
}

// cut divides the parameter into blocks.
func (p *parameter[T]) cut(rows, cols int) error {
	if rows < 0 || cols < 0 {
		return device.Argument("blocks", "of %s are %d×%d, must not be negative", p.name, rows, cols)
	}
	rows, cols = max(1, rows), max(1, cols)
	if p.w.Rows%rows != 0 || p.w.Cols%cols != 0 {
		return &device.ShapeError{Op: p.name, Detail: fmt.Sprintf("%d×%d cannot be cut into %d×%d equal blocks", p.w.Rows, p.w.Cols, rows, cols)}
	}
	h, w := p.w.Rows/rows, p.w.Cols/cols
	for i := range rows {
		for j := range cols {
			p.blocks = append(p.blocks, block{i * h, (i + 1) * h, j * w, (j + 1) * w})
		}
	}
	return nil
}

// failedOr returns the failure of q if it has one, and err otherwise: a queue
// that has failed gives out matrices without elements.
func failedOr[T device.Float](q device.Queue[T], err error) error {
	if failed := q.Sync(); failed != nil {
		return failed
	}
	return err
}
