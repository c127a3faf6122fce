package sinkhorn

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
)

// devices returns the devices under test. RITZ_REQUIRE=openblas makes a
// missing OpenBLAS a failure.
func devices(t testing.TB) []device.Device {
	t.Helper()
	list := []device.Device{device.Go()}
	blas, err := cblas.Open(cblas.Options{})
	switch {
	case err == nil:
		t.Cleanup(func() { blas.Close() })
		list = append(list, blas)
	case !errors.Is(err, device.ErrUnavailable) || strings.Contains(os.Getenv("RITZ_REQUIRE"), "openblas"):
		t.Fatal(err)
	}
	return list
}
