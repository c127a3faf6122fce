package svd

import (
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
)

func onEvery(b *testing.B, f func(b *testing.B, dev device.Device)) {
	b.Run("go", func(b *testing.B) { f(b, device.Go()) })
	if dev, err := cblas.Open(cblas.Options{}); err == nil {
		b.Run("openblas", func(b *testing.B) { f(b, dev) })
	}
}
