package cusolver

import (
	"errors"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

func TestOpenSaysWhyNot(t *testing.T) {
	d, err := Open("", Options{})
	if d != nil || !errors.Is(err, device.ErrUnavailable) {
		t.Fatalf("Open = %v, %v", d, err)
	}
	var e *device.UnavailableError
	if !errors.As(err, &e) || e.Reason == "" {
		t.Errorf("no reason: %v", err)
	}
}
