package sinkhorn

import (
	"github.com/ritz-go/ritz/goapi/device"
)

// Problem is a transport problem from n to m points. Exactly one of Cost, the
// pair X, Y, and Source is given; the others are zero values.
type Problem[T device.Float] struct {
	// Cost is the n×m cost matrix, of any sign. +Inf forbids a pair of
	// points.
	Cost device.Dense[T]
	// X (n×d) and Y (m×d) are points, one in a row, with the costs
	// ‖xᵢ-yⱼ‖₂^P. P is 1 or 2; 0 stands for 2.
	X, Y device.Dense[T]
	P    int
	// Source computes other costs.
	Source Source[T]
	// A (n) and B (m) are the masses: not negative, with the same positive
	// sum. nil is the uniform distribution. Points without mass are
	// allowed; their potentials are those that the others imply.
	A, B []T
	// Warm holds the potentials g (m) of a similar problem to start from;
	// nil starts at zero.
	Warm []T
}

// Method names an iteration.
type Method string

const (
	// Auto is Scaling where its kernel fits into Options.Memory, else Log. It
	// goes over to Newton where the iteration turns out to be so slow that
	// this is faster.
	Auto Method = "auto"
	// Log iterates in the log domain: n·m exponentials an iteration with
	// stored costs or tiles of them, 2·n·m between clouds that are not stored.
	Log Method = "log"
	// Scaling iterates on scalings of a stored kernel and passes through the
	// log domain where they would overflow: 2·n·m multiply-adds and one
	// reading of the kernel an iteration.
	Scaling Method = "scaling"
	// Newton iterates as Auto would until it is near, then takes Newton's
	// steps with a sparse Hessian matrix (Sinkhorn–Newton–Sparse): as many as
	// it takes to double the digits of the result a few times, whatever ε.
	// The steps are in float64 for either type. Plans with many large
	// elements, at large ε, are not sparse and gain nothing.
	Newton Method = "newton"
)

// NewtonOptions say when Newton begins and what of the plan it keeps. The zero
// value decides both by the error.
type NewtonOptions struct {
	// After is the number of Sinkhorn's iterations to begin with, which then
	// all run at Options.Epsilon; 0 begins when they have come near.
	After int
	// Kept is the number of largest elements of the plan in the Hessian
	// matrix; 0 leaves out so little mass that convergence is superlinear.
	Kept int
}

// Options of Solve. All but Epsilon have useful zero values.
type Options struct {
	// Epsilon is the strength ε > 0 of the regularisation, in units of the
	// costs. There is no default: it depends on the problem. 0.05 times
	// the mean cost is smooth, 0.001 times sharp.
	Epsilon float64
	// Tol is the error at which to stop: ‖P·1-a‖₁ + ‖Pᵀ·1-b‖₁ relative to
	// the total mass. The default is 1e-9 for float64 and 1e-5 for float32,
	// or, at small ε, what rounding errors of the costs allow. A tolerance
	// that float32 cannot reach is reached in float64.
	Tol float64
	// MaxIterations limits the full iterations (both marginals) and steps of
	// Newton's together; default 10000.
	MaxIterations int
	// Method defaults to Auto.
	Method Method
	// Newton applies to the method of that name.
	Newton NewtonOptions
	// Relaxation is ω of the over-relaxation: 0 estimates it, 1 is plain
	// Sinkhorn; otherwise 1 < ω < 2.
	Relaxation float64
	// Normalize scales A and B to the sum 1 each. Without it, sums that
	// differ are an error.
	Normalize bool
	// Memory limits the bytes that a matrix of n·m elements may take: the
	// costs between clouds and the kernel of Scaling are stored only below
	// it. Default 2 GiB.
	Memory int64
	// Progress, if set, is called every few iterations.
	Progress func(iteration int, marginalL1 float64)
}

// complete checks o and fills in the defaults that do not depend on the problem.
func (o Options) complete() (Options, error) {
	switch {
	case !(o.Epsilon > 0) || o.Epsilon > 1e300:
		return o, device.Argument("Epsilon", "is %v, must be positive and at most 1e300", o.Epsilon)
	case !(o.Tol >= 0) || o.Tol > 1e300:
		return o, device.Argument("Tol", "is %v, must not be negative", o.Tol)
	case o.MaxIterations < 0:
		return o, device.Argument("MaxIterations", "is %d, must not be negative", o.MaxIterations)
	case o.Relaxation != 0 && !(o.Relaxation >= 1 && o.Relaxation < 2):
		return o, device.Argument("Relaxation", "is %v, must be 0 or in [1,2)", o.Relaxation)
	case o.Memory < 0:
		return o, device.Argument("Memory", "is %d, must not be negative", o.Memory)
	case o.Newton.After < 0:
		return o, device.Argument("Newton.After", "is %d, must not be negative", o.Newton.After)
	case o.Newton.Kept < 0:
		return o, device.Argument("Newton.Kept", "is %d, must not be negative", o.Newton.Kept)
	}
	switch o.Method {
	case "":
		o.Method = Auto
	case Auto, Log, Scaling, Newton:
	default:
		return o, device.Argument("Method", "is %q, must be %q, %q, %q or %q", o.Method, Auto, Log, Scaling, Newton)
	}
	if o.MaxIterations == 0 {
		o.MaxIterations = 10000
	}
	if o.Memory == 0 {
		o.Memory = 2 << 30
	}
	return o, nil
}

// tolerance returns Tol or its default for T and costs that spread over so
// many ε: potentials of that size cannot be told apart any better.
func tolerance[T device.Float](tol, spread float64) float64 {
	if tol > 0 {
		return tol
	}
	eps := device.Epsilon[T]()
	if eps > 1e-10 {
		return max(1e-5, eps/2*spread)
	}
	return max(1e-9, eps/2*spread)
}
