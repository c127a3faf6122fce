package optim

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Shape is the way in which a schedule decays.
type Shape string

const (
	Linear   Shape = "linear"   // 1 - x
	Cosine   Shape = "cosine"   // (1 + cos πx)/2
	RootDrop Shape = "rootdrop" // 1 - √x (Hägele et al. 2024)
)

// Schedule is a factor of the learning rate that changes with the steps: it
// rises linearly, stays at 1, decays by a shape to a final value, and stays
// there. The zero value is the constant 1.
//
// With WarmUp alone it is a warm-up to a constant rate; with Decay alone, or
// after a warm-up, the usual linear or cosine schedule; with Hold in between,
// warm-up, stable and decay. Every and Drop describe a factor that falls in
// stairs instead.
type Schedule struct {
	// WarmUp is the number of steps of the rise; step t of them (from 0) has
	// the factor (t+1)/WarmUp.
	WarmUp int
	// Hold is the number of steps with factor 1 after them.
	Hold int
	// Decay is the number of steps of the decay: step t of them has the
	// factor Final + (1-Final)·shape(t/Decay). 0 means none.
	Decay int
	// Shape of the decay, "" for Linear.
	Shape Shape
	// Final is the factor after the decay, between 0 and 1.
	Final float64

	// Every, if not 0, multiplies the factor after the warm-up by Drop
	// whenever so many steps are done. It excludes Hold and Decay.
	Every int
	// Drop is the factor of a stair, in (0,1].
	Drop float64
}

func (s Schedule) check() error {
	switch s.Shape {
	case "", Linear, Cosine, RootDrop:
	default:
		return device.Argument("shape", "is %q, must be linear, cosine or rootdrop", string(s.Shape))
	}
	switch {
	case s.WarmUp < 0 || s.Hold < 0 || s.Decay < 0 || s.Every < 0:
		return device.Argument("schedule", "%+v has a negative number of steps", s)
	case !(s.Final >= 0 && s.Final <= 1):
		return device.Argument("final", "is %v, must be between 0 and 1", s.Final)
	case s.Decay == 0 && s.Final != 0:
		return device.Argument("final", "is %v, but there is no decay", s.Final)
	case s.Every == 0 && s.Drop != 0:
		return device.Argument("drop", "is %v, but there are no stairs (Every)", s.Drop)
	case s.Every > 0 && !(s.Drop > 0 && s.Drop <= 1):
		return device.Argument("drop", "is %v, must be above 0 and at most 1", s.Drop)
	case s.Every > 0 && (s.Hold > 0 || s.Decay > 0):
		return device.Argument("schedule", "%+v has stairs and a decay", s)
	}
	return nil
}

// Factor returns the factor of step t, counted from 0.
func (s Schedule) Factor(t int) float64 {
	t = max(t, 0)
	if t < s.WarmUp {
		return float64(t+1) / float64(s.WarmUp)
	}
	t -= s.WarmUp
	if s.Every > 0 {
		return math.Pow(s.Drop, float64(t/s.Every))
	}
	if s.Decay <= 0 || t < s.Hold {
		return 1
	}
	x := min(1, float64(t-s.Hold)/float64(s.Decay))
	fall := 1 - x
	switch s.Shape {
	case Cosine:
		fall = (1 + math.Cos(math.Pi*x)) / 2
	case RootDrop:
		fall = 1 - math.Sqrt(x)
	}
	return s.Final + (1-s.Final)*fall
}
