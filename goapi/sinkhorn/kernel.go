package sinkhorn

import "github.com/ritz-go/ritz/goapi/device"

// kernelKind tells what an iteration may store.
type kernelKind int

const (
	noKernel    kernelKind = iota // nothing: it stays in the log domain
	exactKernel                   // a kernel in the type of the iteration
	fastKernel                    // one in float32 where the device gains by it: its rounding errors are to be corrected, see narrowKernel
)

// kernel is a stored kernel exp((φ+ψ-C)/ε), with which soft minima become
// products.
type kernel[T device.Float] struct {
	q      device.Queue[T]
	narrow *narrowKernel[T] // in float32 for an iteration in float64, or nil
	k      device.Matrix[T] // used without narrow
}

// newKernel returns nil for noKernel.
func newKernel[T device.Float](q device.Queue[T], n, m int, kind kernelKind) *kernel[T] {
	if kind == noKernel {
		return nil
	}
	k := &kernel[T]{q: q}
	if kind == fastKernel {
		k.narrow = newNarrowKernel(q, n, m)
	}
	if k.narrow == nil {
		k.k = q.Alloc(n, m)
	}
	return k
}

// close frees what does not belong to the queue of k, which may be nil.
func (k *kernel[T]) close() {
	if k != nil && k.narrow != nil {
		k.narrow.q.Close()
	}
}

func (k *kernel[T]) build(c *costs[T], ε T, φ, ψ device.Matrix[T]) {
	if k.narrow != nil {
		k.narrow.build(c, ε, φ, ψ)
	} else {
		c.gibbs(ε, φ, ψ, k.k)
	}
}

// step computes u = a/(K·v) and s = Kᵀ·u.
func (k *kernel[T]) step(a, v, u, s device.Matrix[T]) {
	if k.narrow != nil {
		k.narrow.step(a, v, u, s)
	} else {
		device.ScalingStep(k.q, k.k, a, v, u, s)
	}
}
