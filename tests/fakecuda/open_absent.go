//go:build !cgo || !linux || nocuda

package fakecuda

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Options for Open.
type Options struct{ Version, Machine, Which string }

// Open skips the test: this build has no GPU support. It fails if the
// environment variable RITZ_REQUIRE lists cuda.
func Open(t testing.TB, _ Options) device.Device {
	t.Helper()
	if required() {
		t.Fatal("this build has no GPU support")
	}
	t.Skip("this build has no GPU support")
	return nil
}
