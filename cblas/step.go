//go:build cgo

package cblas

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// stepChunk is how many elements of contiguous arrays a kernel takes at a
// time. Sums are added chunk by chunk, whatever the number of threads.
const stepChunk = 1 << 15

// chunks calls f, spread over the threads, with the parts of matrices of one
// shape: rows, or where all are contiguous pieces of stepChunk elements.
func (k kernels[T]) chunks(f func(chunk int, part func(device.Dense[T]) []T), ms ...device.Dense[T]) {
	size := ms[0].Rows * ms[0].Cols
	k.spread(chunkCount(ms...), size, func(_, lo, hi int) {
		for c := lo; c < hi; c++ {
			if contiguous(ms...) {
				from, to := c*stepChunk, min((c+1)*stepChunk, size)
				f(c, func(m device.Dense[T]) []T { return m.Data[from:to] })
			} else {
				f(c, func(m device.Dense[T]) []T { return m.Row(c) })
			}
		}
	})
}

func chunkCount[T device.Float](ms ...device.Dense[T]) int {
	if contiguous(ms...) {
		return (ms[0].Rows*ms[0].Cols + stepChunk - 1) / stepChunk
	}
	return ms[0].Rows
}

func contiguous[T device.Float](ms ...device.Dense[T]) bool {
	for _, m := range ms {
		if m.Rows > 1 && m.Stride != m.Cols {
			return false
		}
	}
	return true
}

func (k kernels[T]) MaxAbs(a device.Dense[T]) T {
	parts := make([]T, chunkCount(a))
	k.chunks(func(chunk int, part func(device.Dense[T]) []T) { parts[chunk] = native.MaxAbs(part(a)) }, a)
	return native.MaxAbs(parts)
}

// SumSquares leaves float64 to plain Go: the fourth powers that the kernel sums
// up besides could overflow.
func (k kernels[T]) SumSquares(a device.Dense[T]) T {
	if !single[T]() {
		return k.GoKernels.SumSquares(a)
	}
	parts := make([]float64, chunkCount(a))
	k.chunks(func(chunk int, part func(device.Dense[T]) []T) {
		parts[chunk] = native.Powers(1, part(a), 0, nil)[1]
	}, a)
	sum := 0.0
	for _, p := range parts {
		sum += p
	}
	return T(sum)
}

func (k kernels[T]) Combine(α T, a device.Dense[T], β T, b, c device.Dense[T]) {
	ms := [3]device.Dense[T]{a, c, b}
	list := ms[:2]
	if b.Data != nil {
		list = ms[:]
	}
	k.chunks(func(_ int, part func(device.Dense[T]) []T) {
		var second []T
		if b.Data != nil {
			second = part(b)
		}
		native.Combine(α, part(a), β, second, part(c))
	}, list...)
}

func (k kernels[T]) AdamStep(c device.Adam[T], w, g, m, v device.Dense[T]) bool {
	numbers := [6]T{c.Mean, c.Square, c.Keep, c.Size, c.Unbias, c.Epsilon}
	k.chunks(func(_ int, part func(device.Dense[T]) []T) {
		native.Adam(numbers, part(w), part(g), part(m), part(v))
	}, w, g, m, v)
	return true
}

func (k kernels[T]) MomentumStep(c device.Momentum[T], w, g, m device.Dense[T]) bool {
	numbers := [6]T{c.Decay, c.KeepMean, c.AddGradient, c.KeepWeights, c.AlongGradient, c.AlongMean}
	k.chunks(func(_ int, part func(device.Dense[T]) []T) {
		native.Momentum(numbers, part(w), part(g), part(m))
	}, w, g, m)
	return true
}

// ScaledSums leaves to the composition what could overflow or underflow in the
// fourth powers of float64; those of float32 do not.
func (k kernels[T]) ScaledSums(α T, a device.Dense[T], β T, b device.Dense[T], out []T) bool {
	ms := []device.Dense[T]{a}
	if b.Data != nil {
		ms = append(ms, b)
	}
	parts := make([][3]float64, chunkCount(ms...))
	k.chunks(func(chunk int, part func(device.Dense[T]) []T) {
		var second []T
		if b.Data != nil {
			second = part(b)
		}
		parts[chunk] = native.Powers(float64(α), part(a), float64(β), second)
	}, ms...)
	var top, sum, fourth float64
	for _, p := range parts {
		top, sum, fourth = max(top, p[0]), sum+p[1], fourth+p[2]
	}
	switch {
	case !single[T]() && (fourth-fourth != 0 || sum < 1e-140):
		return false
	case sum-sum != 0:
		out[0], out[1], out[2] = T(sum), T(sum), T(sum)
	case top == 0:
		out[0], out[1], out[2] = 0, 0, 0
	default:
		out[0], out[1], out[2] = T(math.Sqrt(top)), T(sum/top), T(fourth/(top*top))
	}
	return true
}
