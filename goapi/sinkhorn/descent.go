package sinkhorn

import (
	"context"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// descent runs iterations until an error is reached.
type descent[T device.Float] struct {
	ctx      context.Context
	s        *iteration[T]
	relax    float64 // ω of the caller, 0 to estimate it
	left     int     // iterations that may still be made
	floor    float64 // errors below are at the mercy of rounding
	progress func(int, float64)
	// leave, if set, looks at the errors of every window but those of ω's
	// changes, and ends the run where another method should take over.
	leave func(errs []float64) bool

	ω  relaxation
	at float64 // ε that ω was estimated for

	count   int
	history []float64 // error of every iteration
	stalled bool      // rounding errors prevent any progress
}

// Windows without progress, below the floor, after which it is no use to go
// on.
const patience = 8

// run iterates to the error goal, for no more than limit iterations. ψ is
// then that of the best window.
func (d *descent[T]) run(goal float64, limit int) error {
	s := d.s
	if d.at != s.ε { // what was found out holds for one ε
		d.ω, d.at = newRelaxation(d.relax), s.ε
	}
	ω := &d.ω
	ω.best = math.Inf(1)
	best, idle := math.Inf(1), 0
	s.q.Copy(s.good, s.ψ)
	fresh := true   // χ does not belong to ψ yet
	astray := false // conjugate gradients are of no use
	for limit = min(limit, d.left); limit > 0; {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if s.built && s.narrow() && d.relax == 0 && !astray {
			count, ended, err := d.conjugate(goal, limit)
			if err != nil || ended {
				return err
			}
			s.q.Fill(0, s.δ)
			s.q.Copy(s.good, s.ψ)
			limit -= count
			astray, fresh, best, idle = true, true, math.Inf(1), 0
			continue
		}
		k := min(window, limit)
		if !s.built && s.kernel != nil {
			k = 1 // the kernel may be built after any step
		}
		built := s.built
		errs, err := d.window(k, ω.ω, fresh)
		if err != nil {
			return err
		}
		fresh = false
		limit -= k
		last := errs[k-1]
		if d.progress != nil {
			d.progress(d.count, last)
		}
		plain := !built && !s.near && ω.ω == 1
		switch v := ω.observe(errs); {
		case v == forget:
			s.q.Fill(0, s.δ)
		case v == goBack && !plain:
			// A plain step in the log domain is always right, even
			// if the error before it overflows.
			s.q.Copy(s.ψ, s.good)
			s.restart()
			fresh = true
			continue
		}
		idle++
		if last < best {
			// Even the slowest iteration that is worth it gains more.
			if last < 0.9999*best {
				idle = 0
			}
			best = last
			s.q.Copy(s.good, s.ψ)
		}
		if last <= goal || d.leave != nil && ω.age > 0 && d.leave(errs) {
			return nil
		}
		if idle >= patience && best < d.floor {
			d.stalled = true
			break
		}
		fresh = s.keepKernel()
	}
	s.q.Copy(s.ψ, s.good)
	return s.q.Sync()
}

// windowArguments are what the operations of a window depend on.
type windowArguments struct {
	k                  int
	ω, ε               float64
	fresh, built, near bool
}

// window makes k iterations and returns their errors.
func (d *descent[T]) window(k int, ω float64, fresh bool) ([]float64, error) {
	s := d.s
	// The same operations in most windows: many small ones, which a GPU starts
	// faster as one.
	s.windows.Run(windowArguments{k, ω, s.ε, fresh, s.built, s.near}, func() {
		for i := range k {
			if !fresh || i > 0 {
				s.relax(ω)
			}
			s.step(s.errs.Slice(0, 1, i, i+1))
		}
	})
	var host [window]T
	s.q.Download(device.Vector(host[:k]), s.errs.Slice(0, 1, 0, k))
	if err := s.q.Sync(); err != nil {
		return nil, err
	}
	errs := make([]float64, k)
	for i := range errs {
		errs[i] = float64(host[i])
	}
	d.history = append(d.history, errs...)
	d.count += k
	d.left -= k
	return errs, nil
}

// note takes an iteration that another method has made into account.
func (d *descent[T]) note(marginal float64) {
	d.count++
	d.left--
	d.history = append(d.history, marginal)
	if d.progress != nil {
		d.progress(d.count, marginal)
	}
}
