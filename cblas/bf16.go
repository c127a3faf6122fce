//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// Rounded returns kernels whose products round to bfloat16, on processors that
// multiply such numbers, which they do twice as fast as those of float32. All
// products are of packed factors then.
func (k kernels[T]) Rounded(p device.Precision) (device.HostKernels[T], bool) {
	k.bf16 = p == device.BF16 && single[T]() && native.HasBF16()
	return k, k.bf16
}
