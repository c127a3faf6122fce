//go:build !cgo

package cblas

import "github.com/ritz-go/ritz/goapi/device"

// Open returns a *device.UnavailableError: this build has no cgo.
func Open(Options) (device.Device, error) {
	return nil, &device.UnavailableError{Device: "cpu", Reason: "this build has no OpenBLAS (CGO_ENABLED=0)", Absent: true}
}
