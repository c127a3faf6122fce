package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// narrowKernel is a kernel in float32 for an iteration in float64: half the
// bytes, which are what an iteration takes its time for. The rounding errors of
// its entries move the fixed point by some 1e-9; [iteration.correct] moves it
// back.
type narrowKernel[T device.Float] struct {
	scaler device.NarrowScaler[T]
	q      device.Queue[float32]
	k      device.Matrix[float32]
}

// newNarrowKernel returns nil where the device of q has none, or where q is of
// float32 itself.
func newNarrowKernel[T device.Float](q device.Queue[T], n, m int) *narrowKernel[T] {
	scaler, ok := q.(device.NarrowScaler[T])
	if !ok || device.Epsilon[T]() > 1e-10 {
		return nil
	}
	// A queue may have the operations by type alone.
	q32 := q.Device().F32()
	one, k := q.Alloc(1, 1), q32.Alloc(1, 1)
	if !scaler.TryNarrowGibbs(1, one, one, one, k) {
		q32.Close()
		return nil
	}
	return &narrowKernel[T]{scaler: scaler, q: q32, k: q32.Alloc(n, m)}
}

func (k *narrowKernel[T]) build(c *costs[T], ε T, φ, ψ device.Matrix[T]) {
	do := func(lo, hi int, tile device.Matrix[T]) {
		k.scaler.TryNarrowGibbs(ε, φ.Slice(0, 1, lo, hi), ψ, tile, k.k.RowRange(lo, hi))
	}
	if !c.stored.IsZero() {
		do(0, c.n, c.stored)
		return
	}
	c.each(do)
}

func (k *narrowKernel[T]) step(a, v, u, s device.Matrix[T]) {
	k.scaler.TryNarrowScalingStep(k.k, a, v, u, s)
}

// narrowReach is the error down to which a narrow kernel stands for the plan.
const narrowReach = 3e-8

// firstGoal returns the error, by the kernel, at which to look at the true plan
// first.
func firstGoal(narrow bool, tol float64) float64 {
	switch {
	case !narrow:
		return tol
	case tol > narrowReach/4:
		return tol / 2
	}
	return max(tol, narrowReach)
}

// correct changes the target of a narrow kernel so that where it is met the
// true plan meets b. sums are the sums of the columns of the true plan of ψ:
// those of the kernel differ from them by its rounding errors, and by almost
// the same near ψ. It reports false where there is no such kernel.
func (s *iteration[T]) correct(sums []float64) bool {
	if !s.narrow() || !s.built {
		return false
	}
	s.add(T(1/s.ε), s.ψ, T(-1/s.ε), s.ψ0, s.v)
	s.q.Map(device.Exp, s.v, s.v)
	s.scaleBy()
	v, kv := make([]T, len(sums)), make([]T, len(sums))
	s.q.Mul(s.v, s.s, s.t)
	s.q.Download(device.Vector(kv), s.t)
	s.q.Download(device.Vector(v), s.b)
	if s.q.Sync() != nil {
		return false
	}
	for j, x := range sums {
		ratio := float64(kv[j]) / x
		if !(math.Abs(ratio-1) <= 1e-4) { // entries have underflowed
			return false
		}
		v[j] *= T(ratio)
	}
	s.q.Upload(s.target, device.Vector(v))
	s.q.Copy(s.ψ0b, s.target)
	s.q.Map(device.Log, s.ψ0b, s.ψ0b)
	s.add(T(s.ε), s.ψ0b, 1, s.ψ0, s.ψ0b)
	return true
}

// lost returns P·w for the plan P of ψ, to the precision of float32. It reports
// false where no narrow kernel stands for the plan, or one of which a row has
// lost what counts below the range of float32.
func (s *iteration[T]) lost(w []float64) (sums []float64, ok bool) {
	if !s.narrow() || !s.built {
		return nil, false
	}
	n, m := s.u.Cols, s.v.Cols
	defer s.q.Scope()()
	s.add(T(1/s.ε), s.ψ, T(-1/s.ε), s.ψ0, s.v)
	s.q.Map(device.Exp, s.v, s.v)
	s.scaleBy() // u = a/(K·v)
	part, ones, unused, dw := s.q.Alloc(1, n), s.q.Alloc(1, n), s.q.Alloc(1, m), s.q.Alloc(1, m)
	least, host := make([]T, 1), make([]T, n)
	s.q.Div(s.a, s.u, part)
	s.q.Reduce(device.Min, device.Whole, part, s.one)
	s.q.Download(device.Vector(least), s.one)
	s.q.Fill(1, ones)
	upload(s.q, dw, w, func(x float64) float64 { return x })
	s.q.Mul(s.v, dw, s.v)
	s.kernel.step(ones, s.v, part, unused) // 1/(K·(v∘w))
	s.q.Div(s.u, part, part)
	s.q.Download(device.Vector(host), part)
	if err := s.q.Sync(); err != nil || !(float64(least[0]) >= soundSums) {
		return nil, false
	}
	return device.Convert[float64](device.Vector(host)).Data, true
}
