package hessian

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
)

// onDevices runs f on every device of this build. RITZ_REQUIRE=openblas turns
// a missing OpenBLAS into a failure.
func onDevices(t *testing.T, f func(t *testing.T, dev device.Device)) {
	t.Run("go", func(t *testing.T) { f(t, device.Go()) })
	dev, err := cblas.Open(cblas.Options{})
	switch {
	case err == nil:
		t.Run("openblas", func(t *testing.T) { f(t, dev) })
	case !errors.Is(err, device.ErrUnavailable) || strings.Contains(os.Getenv("RITZ_REQUIRE"), "openblas"):
		t.Fatal(err)
	}
}
