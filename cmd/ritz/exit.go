package main

import (
	"errors"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Exit codes; the documentation of the root command lists them.
const (
	exitOK = iota
	exitFailed
	exitUsage
	exitNoDevice
	exitNotConverged
)

// usageError is a wrong command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func exitCode(err error) int {
	var u usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, device.ErrUnavailable):
		return exitNoDevice
	case errors.Is(err, device.ErrNotConverged):
		return exitNotConverged
	case errors.As(err, &u), errors.Is(err, device.ErrArgument), errors.Is(err, device.ErrShape),
		errors.Is(err, device.ErrEmpty), errors.Is(err, device.ErrNotFinite):
		return exitUsage
	}
	return exitFailed
}

// notConverged reports whether results came with the error.
func notConverged(err error) bool { return errors.Is(err, device.ErrNotConverged) }
