package optim

import "github.com/ritz-go/ritz/tests/devices"

var onDevices = devices.On
