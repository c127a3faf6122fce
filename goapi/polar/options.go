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
	You     Method = "you"
	Dion    Method = "dion"
	Turbo   Method = "turbo"
	CANS    Method = "cans"
	Prism   Method = "prism"
	Cubic   Method = "cubic"
	Quintic Method = "quintic"
	Minimax Method = "minimax"
	Custom  Method = "custom"
	Halley  Method = "halley"
	QDWH    Method = "qdwh"
	Newton  Method = "newton"
	SVD     Method = "svd"
)

// Methods lists all methods.
var Methods = []Method{Auto, Express, Muon, You, Dion, Turbo, CANS, Prism, Cubic, Quintic, Minimax, Custom, Halley, QDWH, Newton, SVD}

// frobenius reports whether the method divides by the Frobenius norm instead of
// by a sharper bound of the largest singular value.
func (m Method) frobenius() bool { return m == Muon || m == You || m == Dion || m == Custom }

// Form says how the steps of an iteration are multiplied out.
type Form string

const (
	// FormAuto takes the form with the fewest operations whose rounding
	// errors are small beside the error that the method leaves.
	FormAuto Form = "auto"
	// Standard multiplies the matrix by the polynomial of every step.
	Standard Form = "standard"
	// Gram takes several steps on the small Gram matrix and multiplies the
	// large one by the product of their polynomials, at every restart and
	// at the end. Rounding errors grow by the square of the factor by which
	// the steps between two restarts amplify small singular values.
	Gram Form = "gram"
)

// Options of a polar factor. The zero value computes it to working accuracy.
type Options struct {
	// Method, "" meaning Auto: whichever takes fewest operations for the
	// ratio of the singular values, which is estimated first, and the SVD for
	// matrices without full rank; see the package documentation.
	Method Method

	// Form of the iteration, "" meaning FormAuto, which after Newton steps is
	// Standard. It has no effect on qdwh and svd.
	Form Form

	// Restarts are the steps after which the Gram form multiplies out and
	// computes the Gram matrix afresh, in ascending order. nil chooses them
	// so that rounding errors do not matter; an empty list allows none.
	// Compute refuses restarts (and their absence) by which rounding errors
	// could exceed 0.1.
	Restarts []int

	// Steps is the number of steps to take, 0 for as many as Tol or Error
	// need (for muon, you, dion: 5; turbo: 4; custom: all). It has no effect
	// on auto, qdwh, newton and svd.
	Steps int

	// Coefficients are the steps of custom. Their polynomials must not lift
	// singular values far above 1, where the iteration would diverge.
	Coefficients []Coefficients

	// Error is the polar error ‖Q - UVᵀ‖₂ to reach, below 1: the iteration
	// ends with the first step whose certificate says so. 0 asks for Tol
	// instead. It has no effect on a method with a fixed number of steps.
	Error float64

	// Tol is the ‖QQᵀ - I‖_F to reach, on the smaller side; 0 means
	// 4·s·eps, s being the smaller side. It has no effect with Error or
	// on a method with a fixed number of steps.
	Tol float64

	// Lower is a lower bound of the ratio of the smallest to the largest
	// singular value, for express, cans, minimax and halley; 0 means 1e-3 for
	// express and cans, and an estimate for minimax, halley and auto.
	Lower float64

	// Precision in which the elements of float32 matrices enter the products
	// of the steps, on devices that gain by it: GPUs, and CPUs that multiply
	// numbers of bfloat16. Sums and the certificate have full precision, and
	// the certificate tells what the rounding may have done. It is for methods
	// with a fixed number of steps, and for express and cans with an Error:
	// exact steps repair then what the rounded ones have left, and where that
	// does not do, all of them are taken anew, exactly. Rounding to bfloat16
	// turns the directions of small singular values by some 2⁻⁸·κ, which no
	// further step puts right: it suits errors above that.
	Precision device.Precision

	// NoCertificate leaves out the certificate and the losses, which are nil
	// then, and the work for them: a Gram matrix, a Cholesky factorization and
	// the sums of squares of all Gram matrices. It is for
	// methods with a fixed number of steps.
	NoCertificate bool

	// H asks for the symmetric factor as well.
	H bool
}

// maxSteps bounds iterations whose steps are not given. The classic schemes
// need about log(κ)/log(1.5) steps.
const maxSteps = 100

// tableCushion makes the express coefficients for lower bounds around 1e-3
// converge to double precision.
const tableCushion = 0.02407327424182761

func (o Options) complete(side int, eps float64) (Options, error) {
	if o.Method == "" {
		o.Method = Auto
	}
	if o.Form == "" {
		o.Form = FormAuto
	}
	known := false
	for _, m := range Methods {
		known = known || m == o.Method
	}
	switch {
	case !known:
		return o, device.Argument("method", "is %q, must be one of %v", string(o.Method), Methods)
	case o.Form != FormAuto && o.Form != Standard && o.Form != Gram:
		return o, device.Argument("form", "is %q, must be auto, standard or gram", string(o.Form))
	case o.Steps < 0 || o.Steps > 1000:
		return o, device.Argument("steps", "is %d, must be between 1 and 1000 (0 for as many as needed)", o.Steps)
	case !(o.Tol >= 0) || math.IsInf(o.Tol, 0):
		return o, device.Argument("tolerance", "is %v, must be positive (0 for the default)", o.Tol)
	case !(o.Error >= 0 && o.Error < 1):
		return o, device.Argument("error", "is %v, must be in (0,1) (0 for working accuracy)", o.Error)
	case o.Error > 0 && o.Tol > 0:
		return o, device.Argument("tolerance", "and error are both given; one of them ends the iteration")
	case !(o.Lower >= 0 && o.Lower <= 1):
		return o, device.Argument("lower", "is %v, must be in (0,1] (0 for the default)", o.Lower)
	case (o.Method == Custom) != (len(o.Coefficients) > 0):
		return o, device.Argument("coefficients", "are the steps of the method custom; there are %d for %s", len(o.Coefficients), o.Method)
	}
	last := 0
	for _, r := range o.Restarts {
		if r <= last {
			return o, device.Argument("restarts", "are %v, must be positive and ascending", o.Restarts)
		}
		last = r
	}
	for i, c := range o.Coefficients {
		if x := c.A + c.B + c.C; x-x != 0 || c.A < 0 {
			return o, device.Argument("coefficients", "of step %d are %v, must be finite and A not negative", i+1, c)
		}
	}
	if o.Precision < device.Exact || o.Precision > device.FP16 {
		return o, device.Argument("precision", "%d does not exist", int(o.Precision))
	}
	if o.Tol == 0 {
		o.Tol = 4 * float64(side) * eps
	}
	fixed := o.Fixed()
	if o.Steps == 0 {
		o.Steps = o.usualSteps()
	}
	repairs := o.Error > 0 && (o.Method == Express || o.Method == CANS)
	switch {
	case o.Precision != device.Exact && !fixed && !repairs:
		return o, device.Argument("precision", "is %v, which is for methods with a fixed number of steps and for express and cans with an error; %s goes on until its error is small", o.Precision, o.Method)
	case o.NoCertificate && !fixed:
		return o, device.Argument("no certificate", "is for methods with a fixed number of steps; %s ends when its certificate says so", o.Method)
	}
	return o, nil
}

// Fixed reports whether the options give the number of steps, so that no error
// or tolerance ends the iteration.
func (o Options) Fixed() bool {
	switch o.Method {
	case "", Auto, QDWH, Newton, SVD:
		return false
	}
	return o.Steps > 0 || o.usualSteps() > 0
}

// usualSteps is the number of steps of the methods that do not converge.
func (o Options) usualSteps() int {
	switch o.Method {
	case Muon, You, Dion:
		return 5
	case Turbo:
		return 4
	case Custom:
		return len(o.Coefficients)
	}
	return 0
}
