//go:build cgo

package cblas

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// Rounded returns kernels whose products round to bfloat16, on processors that
// multiply such numbers, which they do twice as fast as those of float32. All
// products are by the kernel of the symmetric ones then.
func (k kernels[T]) Rounded(p device.Precision) (device.HostKernels[T], bool) {
	k.bf16 = p == device.BF16 && single[T]() && native.HasBF16()
	return k, k.bf16
}

// step is the number of columns of the factors to work on at a time.
func (k kernels[T]) step(depth int) int {
	if k.bf16 {
		return min(depth, 2*symDepth)
	}
	return min(depth, symDepth)
}

// words is the number of words that n elements are packed in.
func (k kernels[T]) words(n int) int {
	if k.bf16 {
		return (n + 1) / 2
	}
	return n
}

// pack, symRows and rows are SymPack, SymProduct and PackedProduct of package
// native, rounding if k does.

func (k kernels[T]) pack(lo, hi, depth int, b device.Dense[T], transposed bool, packed []T) {
	if k.bf16 {
		native.BF16Pack(lo, hi, depth, f32(b.Data), b.Stride, transposed, f32(packed))
		return
	}
	native.SymPack(lo, hi, depth, b.Data, b.Stride, transposed, packed)
}

func (k kernels[T]) symRows(lo, hi, depth int, α T, a device.Dense[T], transposed bool, packed []T, term native.SymTerm[T], c device.Dense[T], work []T) {
	if k.bf16 {
		native.BF16SymProduct(lo, hi, depth, float32(α), f32(a.Data), a.Stride, transposed, f32(packed),
			any(term).(native.SymTerm[float32]), f32(c.Data), c.Stride, f32(work))
		return
	}
	native.SymProduct(lo, hi, depth, α, a.Data, a.Stride, transposed, packed, term, c.Data, c.Stride, work)
}

func (k kernels[T]) rows(lo, hi, n, depth int, α T, a device.Dense[T], transposed bool, packed []T, β T, c device.Dense[T], work []T) {
	if k.bf16 {
		native.BF16Product(lo, hi, n, depth, float32(α), f32(a.Data), a.Stride, transposed, f32(packed), float32(β), f32(c.Data), c.Stride, f32(work))
		return
	}
	native.PackedProduct(lo, hi, n, depth, α, a.Data, a.Stride, transposed, packed, β, c.Data, c.Stride, work)
}
