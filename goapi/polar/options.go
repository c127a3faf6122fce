package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Method names a scheme; see the package documentation.
type Method string

const (
	Auto    Method = "auto"
	Express Method = "express"
	Muon    Method = "muon"
	Cubic   Method = "cubic"
	Quintic Method = "quintic"
	SVD     Method = "svd"
)

// Options of a polar factor. The zero value computes it to working accuracy.
type Options struct {
	// Method, "" meaning Auto: the Polar Express, started again if singular
	// values below Lower remain, and the SVD if that is not enough.
	Method Method

	// Steps is the number of steps to take, 0 for as many as Tol needs (for
	// muon: 5).
	Steps int

	// Tol is the ‖QQᵀ - I‖_F to reach, on the smaller side; 0 means
	// 4·s·eps, s being the smaller side. It has no effect if Steps is set
	// or for muon and svd.
	Tol float64

	// Lower is a lower bound of the ratio of the smallest to the largest
	// singular value, for express; 0 means 1e-3.
	Lower float64

	// H asks for the symmetric factor as well.
	H bool
}

// maxSteps bounds iterations whose steps are not given. The classic schemes
// need about log(κ)/log(1.5) steps.
const maxSteps = 100

// tableSteps and tableCushion make the express coefficients for lower bounds
// around 1e-3 converge to double precision.
const (
	tableSteps   = 8
	tableCushion = 0.02407327424182761
)

func (o Options) complete(side int, eps float64) (Options, error) {
	switch o.Method {
	case "":
		o.Method = Auto
	case Auto, Express, Muon, Cubic, Quintic, SVD:
	default:
		return o, device.Argument("method", "is %q, must be auto, express, muon, cubic, quintic or svd", string(o.Method))
	}
	switch {
	case o.Steps < 0 || o.Steps > 1000:
		return o, device.Argument("steps", "is %d, must be between 1 and 1000 (0 for as many as needed)", o.Steps)
	case !(o.Tol >= 0) || math.IsInf(o.Tol, 0):
		return o, device.Argument("tolerance", "is %v, must be positive (0 for the default)", o.Tol)
	case !(o.Lower >= 0 && o.Lower <= 1):
		return o, device.Argument("lower", "is %v, must be in (0,1] (0 for the default)", o.Lower)
	}
	if o.Tol == 0 {
		o.Tol = 4 * float64(side) * eps
	}
	if o.Lower == 0 {
		o.Lower = 1e-3
	}
	if o.Method == Muon && o.Steps == 0 {
		o.Steps = 5
	}
	return o, nil
}

// schedule yields the coefficients of the steps.
type schedule struct {
	method Method
	fixed  int // number of steps, 0 for as many as needed
	table  []Coefficients
	next   int
}

func newSchedule(o Options) (*schedule, error) {
	s := &schedule{method: o.Method, fixed: o.Steps}
	if o.Method != Auto && o.Method != Express {
		return s, nil
	}
	steps := o.Steps
	if steps == 0 {
		steps = expressSteps(o.Lower)
	}
	var err error
	s.table, _, err = express(o.Lower, steps)
	return s, err
}

func express(lower float64, steps int) ([]Coefficients, float64, error) {
	return ExpressCoefficients(lower, steps, ExpressOptions{Cushion: tableCushion})
}

// expressSteps returns how many steps leave a deviation below 1e-4, from
// where Taylor's step reaches any precision in one or two.
func expressSteps(lower float64) int {
	for steps := 1; steps < 60; steps++ {
		if _, d, err := express(lower, steps); err == nil && d < 1e-4 {
			return steps
		}
	}
	return 60
}

// step returns the coefficients for the next step; loss is the current
// ‖QQᵀ - I‖_F. An express table that has run out starts again while small
// singular values remain.
func (s *schedule) step(loss float64) Coefficients {
	switch s.method {
	case Muon:
		return MuonStep
	case Cubic:
		return Taylor3
	case Quintic:
		return Taylor5
	}
	if s.fixed == 0 && s.next >= len(s.table) {
		if loss < 0.5 {
			return Taylor5
		}
		s.next = 0
	}
	p := s.table[s.next]
	s.next++
	return p
}
