package matio

import (
	"errors"
	"fmt"
)

// ErrFormat is matched by every error about the contents of a file.
var ErrFormat = errors.New("malformed file")

var errNoFile = errors.New("there is no file: Open has failed")

// FormatError says what is wrong with a file.
type FormatError struct {
	Path   string
	Detail string
}

func (e *FormatError) Error() string        { return e.Path + ": " + e.Detail }
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

func malformed(path, format string, args ...any) error {
	return &FormatError{Path: path, Detail: fmt.Sprintf(format, args...)}
}
