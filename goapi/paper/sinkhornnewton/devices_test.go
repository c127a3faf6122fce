package sinkhornnewton

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/devices"
)

// fastDevice returns the best real device: 500×500 costs are slow elsewhere.
func fastDevice(t testing.TB) device.Device {
	list := devices.Real(t)
	return list[len(list)-1]
}
