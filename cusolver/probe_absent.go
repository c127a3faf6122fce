//go:build !cgo || !linux || nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

func probe(Options) (Machine, error) { return Machine{}, errAbsent }

func open(string, Options) (device.Device, error) { return nil, errAbsent }

var errAbsent = &device.UnavailableError{
	Device: "cuda",
	Reason: "this build has no GPU support (it needs cgo on Linux and no tag nocuda)",
	Absent: true,
}
