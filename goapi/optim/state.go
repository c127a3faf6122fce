package optim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

// statePrefix begins the names of state in a file: a state "mean" of a
// parameter "w" is the tensor "optimizer/mean/w". The weights have the names
// of their parameters.
const statePrefix = "optimizer/"

// Metadata of a file.
const (
	metaSteps = "ritz.optimizer.steps"
	metaRules = "ritz.optimizer.rules" // JSON: the names of the rules of the groups
	metaRates = "ritz.optimizer.rates" // JSON: their learning rates, before the schedule
)

// tensor is one array of a file.
type tensor[T device.Float] struct {
	name  string
	what  string // for errors
	shape []int
	m     device.Matrix[T]
}

// tensors lists what is saved.
func (o *Optimizer[T]) tensors() []tensor[T] {
	var ts []tensor[T]
	o.each(func(_ int, _ *group[T], p *parameter[T], m mover[T]) error {
		ts = append(ts, tensor[T]{p.name, p.name, p.shape, p.w})
		for _, s := range m.state() {
			shape := []int{s.m.Rows, s.m.Cols}
			if s.m.Rows == p.w.Rows && s.m.Cols == p.w.Cols {
				shape = p.shape
			}
			ts = append(ts, tensor[T]{statePrefix + s.name + "/" + p.name, s.name + " of " + p.name, shape, s.m})
		}
		return nil
	})
	return ts
}

// Save writes the weights, the state and the number of steps to a safetensors
// file, under a temporary name until it is complete. It holds one array at a
// time in Go memory.
//
// Errors: weights or state that are not finite (*device.NotFiniteError), those
// of the file system and of the device; there is no new file then.
func (o *Optimizer[T]) Save(path string) error {
	if o == nil || o.q == nil {
		return errNoOptimizer
	}
	var rules []string
	var rates []float64
	for _, g := range o.groups {
		rules, rates = append(rules, g.rule.name()), append(rates, g.rate)
	}
	ruleList, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	rateList, err := json.Marshal(rates)
	if err != nil {
		return err
	}
	var arrays []matio.Deferred[T]
	for _, t := range o.tensors() {
		arrays = append(arrays, matio.Deferred[T]{Name: t.name, Shape: t.shape, Data: func() ([]T, error) {
			d := device.NewDense[T](t.m.Rows, t.m.Cols)
			o.q.Download(d, t.m)
			if err := o.q.Sync(); err != nil {
				return nil, err
			}
			return d.Data, device.CheckInput(t.what, d)
		}})
	}
	return matio.WriteTensors(path, arrays, map[string]string{
		metaSteps: strconv.Itoa(o.steps), metaRules: string(ruleList), metaRates: string(rateList),
	})
}

// StateError says why a file does not fit an optimizer.
type StateError struct {
	Path   string
	Detail string
}

func (e *StateError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Detail) }

// Load replaces weights, state, number of steps and learning rates by those of
// a file that Save has written from an optimizer of the same groups, rules,
// parameters and element type. Other numbers of the rules and the schedules
// are those given to New.
//
// Errors: a file that does not fit (*StateError), numbers in it that are not
// finite (*device.NotFiniteError), those of matio and of the device. With any
// but the last the optimizer is as it was: a file is read once to check it,
// and once more to use it.
func (o *Optimizer[T]) Load(path string) error {
	if o == nil || o.q == nil {
		return errNoOptimizer
	}
	f, err := matio.Open(path)
	if err != nil {
		return err
	}
	steps, rates, err := o.fits(f)
	if err != nil {
		return err
	}
	read := func(t tensor[T]) (d device.Dense[T], err error) {
		i, err := member(f, t.name)
		if err != nil {
			return d, err
		}
		a, err := matio.Read[T](f, i)
		if err != nil {
			return d, err
		}
		d = device.Dense[T]{Rows: t.m.Rows, Cols: t.m.Cols, Stride: t.m.Cols, Data: a.Data}
		return d, device.CheckInput(t.what, d)
	}
	for _, t := range o.tensors() {
		if _, err := read(t); err != nil {
			return err
		}
	}
	for _, t := range o.tensors() {
		d, err := read(t)
		if err != nil {
			return err
		}
		o.q.Upload(t.m, d)
	}
	if err := o.q.Sync(); err != nil {
		return err
	}
	o.steps = steps
	for i, r := range rates {
		o.groups[i].rate = r
	}
	return nil
}

// member returns the place of a tensor by its exact name.
func member(f *matio.File, name string) (int, error) {
	i := slices.IndexFunc(f.Members, func(m matio.Member) bool { return m.Name == name })
	if i < 0 {
		return 0, &StateError{f.Path, fmt.Sprintf("there is no tensor %q", name)}
	}
	return i, nil
}

// fits checks everything about a file but the numbers in its tensors.
func (o *Optimizer[T]) fits(f *matio.File) (steps int, rates []float64, err error) {
	wrong := func(format string, args ...any) (int, []float64, error) {
		return 0, nil, &StateError{f.Path, fmt.Sprintf(format, args...)}
	}
	if f.Format != "safetensors" || f.Metadata[metaSteps] == "" {
		return wrong("holds no state of an optimizer")
	}
	if steps, err = strconv.Atoi(f.Metadata[metaSteps]); err != nil || steps < 0 {
		return wrong("has the number of steps %q", f.Metadata[metaSteps])
	}
	var rules []string
	if err := json.Unmarshal([]byte(f.Metadata[metaRules]), &rules); err != nil {
		return wrong("has no list of rules: %v", err)
	}
	if err := json.Unmarshal([]byte(f.Metadata[metaRates]), &rates); err != nil {
		return wrong("has no list of learning rates: %v", err)
	}
	var own []string
	for _, g := range o.groups {
		own = append(own, g.rule.name())
	}
	if !slices.Equal(rules, own) || len(rates) != len(own) {
		return wrong("is of groups with the rules %v, not %v", rules, own)
	}
	for _, r := range rates {
		if err := checkRate(r); err != nil {
			return wrong("%v", err)
		}
	}
	want := matio.Float64
	if device.Epsilon[T]() > 1e-10 {
		want = matio.Float32
	}
	known := map[string]bool{}
	for _, t := range o.tensors() {
		i, err := member(f, t.name)
		if err != nil {
			return 0, nil, err
		}
		m := f.Members[i]
		if !slices.Equal(m.Shape, t.shape) || m.DType != want {
			return wrong("tensor %q is %v of type %s, not %v of type %s", t.name, m.Shape, m.DType, t.shape, want)
		}
		known[t.name] = true
	}
	for _, m := range f.Members {
		if !known[m.Name] {
			return wrong("tensor %q belongs to no parameter", m.Name)
		}
	}
	return steps, rates, nil
}
