package device

import (
	"errors"
	"fmt"
)

// Errors that callers test for with errors.Is. The typed errors below carry
// the details and match these.
var (
	ErrShape               = errors.New("wrong shape")
	ErrEmpty               = errors.New("matrix has no elements")
	ErrNotFinite           = errors.New("not a finite number")
	ErrArgument            = errors.New("invalid argument")
	ErrNotConverged        = errors.New("not converged")
	ErrNotPositiveDefinite = errors.New("matrix is not positive definite")
	ErrUnavailable         = errors.New("device unavailable")
	ErrClosed              = errors.New("device is closed")
	ErrOutOfMemory         = errors.New("out of device memory")
	ErrLost                = errors.New("device lost")
)

// ShapeError says which operation was given shapes that do not fit.
type ShapeError struct {
	Op     string // operation or argument
	Detail string
}

func (e *ShapeError) Error() string        { return e.Op + ": " + e.Detail }
func (e *ShapeError) Is(target error) bool { return target == ErrShape }

// NotFiniteError names the first NaN or infinity of an input.
type NotFiniteError struct {
	Name     string
	Row, Col int
	Value    float64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("%s holds %v at row %d, column %d", e.Name, e.Value, e.Row, e.Col)
}
func (e *NotFiniteError) Is(target error) bool { return target == ErrNotFinite }

// ArgumentError says which option or argument is out of its range.
type ArgumentError struct {
	Name   string
	Detail string
}

func (e *ArgumentError) Error() string        { return e.Name + " " + e.Detail }
func (e *ArgumentError) Is(target error) bool { return target == ErrArgument }

// Argument returns an ArgumentError with a formatted detail.
func Argument(name, format string, args ...any) error {
	return &ArgumentError{Name: name, Detail: fmt.Sprintf(format, args...)}
}

// NotConvergedError says how far an iteration came. The function that returns
// it returns its best iterate with it.
type NotConvergedError struct {
	Method     string
	Iterations int
	Achieved   float64 // the error measure that was reached ...
	Wanted     float64 // ... and the one asked for
}

func (e *NotConvergedError) Error() string {
	return fmt.Sprintf("%s did not converge in %d iterations: reached %.3g, wanted %.3g",
		e.Method, e.Iterations, e.Achieved, e.Wanted)
}
func (e *NotConvergedError) Is(target error) bool { return target == ErrNotConverged }

// UnavailableError says why a device cannot be opened.
type UnavailableError struct {
	Device string
	Reason string
	Absent bool // there is no sign of such a device here, so that nobody expects it

	// Cause is an error that is known in itself, nil for none: an
	// *OutOfMemoryError if the devices that are there have too little free.
	Cause error
}

func (e *UnavailableError) Error() string        { return "device " + e.Device + ": " + e.Reason }
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }
func (e *UnavailableError) Unwrap() error        { return e.Cause }

// OutOfMemoryError says how much device memory an operation wanted in vain.
type OutOfMemoryError struct {
	Device string
	Wanted uint64 // bytes, 0 if unknown: a library asked for them
	Free   uint64 // bytes that the device had left
}

func (e *OutOfMemoryError) Error() string {
	const mebi = 1 << 20
	if e.Wanted == 0 {
		return fmt.Sprintf("device %s: out of memory, %.1f MiB are free", e.Device, float64(e.Free)/mebi)
	}
	return fmt.Sprintf("device %s: out of memory: %.1f MiB wanted, %.1f MiB are free",
		e.Device, float64(e.Wanted)/mebi, float64(e.Free)/mebi)
}
func (e *OutOfMemoryError) Is(target error) bool { return target == ErrOutOfMemory }

// LostError says why a device failed for good: every operation on it fails
// from then on, in this process. A new process may find it working again.
type LostError struct {
	Device string
	Cause  error
}

func (e *LostError) Error() string        { return "device " + e.Device + " is lost: " + e.Cause.Error() }
func (e *LostError) Is(target error) bool { return target == ErrLost }
func (e *LostError) Unwrap() error        { return e.Cause }
