//go:build !cgo || !linux || nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

func probe() (Machine, error) {
	return Machine{}, &device.UnavailableError{
		Device: "cuda",
		Reason: "this build has no GPU support (it needs cgo on Linux and no tag nocuda)",
	}
}
