package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// fixedPoint solves x = step(x) by Anderson's acceleration (Anderson 1965;
// Walker, Ni: Anderson acceleration for fixed-point iterations, 2011): the next
// x is the combination of the last ones whose residuals combine to the least.
type fixedPoint struct {
	// step stores the image of x in tx and returns the error of x.
	step     func(x, tx []float64) (float64, error)
	ctx      context.Context
	progress func(int, float64)
	plain    bool // no acceleration
	left     int  // iterations that may still be made

	count   int
	history []float64
}

// run iterates from x, which it overwrites by the best iterate, until the
// error is at most goal. It ends without an error of its own where that is out
// of reach.
func (p *fixedPoint) run(x []float64, goal float64) error {
	tx, best := make([]float64, len(x)), append([]float64(nil), x...)
	var accelerated *anderson
	if !p.plain {
		accelerated = newAnderson(len(x))
	}
	least, mark, idle := math.Inf(1), math.Inf(1), 0
	for ; p.left > 0; p.left-- {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		e, err := p.step(x, tx)
		if err != nil {
			return err
		}
		p.count++
		p.history = append(p.history, e)
		if p.progress != nil {
			p.progress(p.count, e)
		}
		if e < least {
			if e < 0.9*mark {
				mark, idle = e, 0
			}
			least = e
			copy(best, x)
			if e <= goal {
				return nil
			}
		}
		if idle++; idle > 256 {
			break // rounding errors, or next to no progress
		}
		if (math.IsNaN(e) || e > 8*least && accelerated != nil && accelerated.held > 0) && least < math.Inf(1) {
			// The combination went astray: on from the best, plainly.
			copy(x, best)
			if _, err := p.step(x, tx); err != nil {
				return err
			}
			if accelerated != nil {
				accelerated.forget()
			}
			copy(x, tx)
			continue
		}
		if p.plain {
			copy(x, tx)
			continue
		}
		accelerated.accelerate(x, tx)
	}
	copy(x, best)
	return nil
}

// notReached returns the error of an iteration that ended above its goal.
func (p *fixedPoint) notReached(method string, achieved, wanted float64) error {
	if achieved <= wanted {
		return nil
	}
	return &device.NotConvergedError{Method: method, Iterations: p.count, Achieved: achieved, Wanted: wanted}
}
