package spectrum

import (
	"errors"

	"github.com/ritz-go/ritz/goapi/device"
)

// record is what an estimate by a tracer is made of. The estimators decide by
// the products and the seed alone: with the same products in the same order
// they come to the same numbers, and to the next product.
type record[T device.Float] struct {
	kept   *keeper[T]
	made   []device.Matrix[T] // products that estimators keep, in their order
	past   device.Matrix[T]   // those of an earlier call
	served int                // rows of past that were given out

	// Of vectors whose products are not kept.
	taken   int       // how many
	numbers []float64 // one of each
	samples deviation // of vectors of numbers
}

// replay stores the next rows of an earlier call in y. It returns false when
// there are none.
func (r *record[T]) replay(q device.Queue[T], y device.Matrix[T]) bool {
	if r.served+y.Rows > r.past.Rows {
		return false
	}
	q.Copy(y, r.past.RowRange(r.served, r.served+y.Rows))
	r.served += y.Rows
	r.made = append(r.made, y)
	return true
}

// resumable runs f with the record of an earlier call, if there is one.
func (t *tracer[T]) resumable(s State, kind string, options map[string]any, f func() error) error {
	r := &t.record
	if r.kept = newKeeper[T](s, kind, t.n, options); r.kept == nil {
		return f()
	}
	if _, err := r.kept.resume(t.ctx, t.q, t.op, t.walk); err != nil {
		return err
	}
	err := f()
	if err != nil && !errors.Is(err, device.ErrNotConverged) {
		return r.kept.interrupted(t.ctx, err, t.q, t.walk)
	}
	if failure := r.kept.save(t.q, t.walk); failure != nil {
		return failure
	}
	return err
}

// walk visits the record.
func (t *tracer[T]) walk(s stored[T]) {
	r := &t.record
	s.integer(&r.taken)
	s.numbers(&r.numbers)
	s.numbers(&r.samples.sum)
	s.numbers(&r.samples.squares)
	s.integer(&r.samples.count)
	rows := 0
	for _, y := range r.made {
		rows += y.Rows
	}
	s.integer(&rows)
	if len(r.made) > 0 {
		for _, y := range r.made {
			s.matrix(y)
		}
		return
	}
	r.past = t.q.Alloc(rows, t.n)
	s.matrix(r.past)
}
