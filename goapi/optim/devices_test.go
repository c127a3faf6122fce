package optim

import (
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/refusal"
)

var (
	onDevices = devices.On
	refuses   = refusal.Expect
)
