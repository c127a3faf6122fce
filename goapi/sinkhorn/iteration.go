package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// iteration is the state of Sinkhorn's iteration on a device. Vectors are
// single rows. Potentials are in the entropy form, P = exp((φ+ψ-C)/ε), which
// bounds the entries of kernels by those of plans.
//
// ψ is what is iterated: φ is the exact solution of the row constraints for ψ
// and χ that of the column constraints for φ, which plain Sinkhorn takes as
// the next ψ. The plan of (φ,ψ) therefore has the error ‖Pᵀ1-b‖₁ alone.
type iteration[T device.Float] struct {
	q device.Queue[T]
	c *costs[T]
	ε float64

	a, b       device.Matrix[T] // weights
	logA, logB device.Matrix[T] // their logarithms
	φ, ψ, χ    device.Matrix[T]
	δ          device.Matrix[T] // last change of ψ, for the momentum
	εa, εb     device.Matrix[T] // ε·log a, ε·log b
	t          device.Matrix[T] // scratch, m elements
	one        device.Matrix[T]
	errs       device.Matrix[T] // errors of one window of iterations
	good       device.Matrix[T] // ψ to return to
	near       bool             // steps in the log domain may take their sums from the plan
	windows    *device.Sequence[T]

	// Scaling: the kernel exp((φ̂+ψ̂-C)/ε), nil for the log domain.
	kernel  *kernel[T]
	target  device.Matrix[T] // what the columns of the kernel are to sum to: b but for its rounding errors
	built   bool
	ψ0      device.Matrix[T] // ψ̂
	ψ0b     device.Matrix[T] // ψ̂ + ε·log b
	v, u, s device.Matrix[T]
	used    bool // whether a scaling step was made at all
}

// window is the number of iterations between two looks at the errors. A look
// waits for the device.
const window = 8

// kernel is what the iteration may scale if there is memory for it.
func (o Options) kernel(fits bool) kernelKind {
	if o.Method == Log || !fits {
		return noKernel
	}
	return fastKernel
}

func newIteration[T device.Float](q device.Queue[T], c *costs[T], r *reduced[T], kind kernelKind) *iteration[T] {
	s := &iteration[T]{q: q, c: c, windows: device.NewSequence(q)}
	row := func(n int) device.Matrix[T] { return q.Alloc(1, n) }
	s.a, s.logA, s.φ, s.εa = row(r.n), row(r.n), row(r.n), row(r.n)
	s.b, s.logB, s.ψ, s.χ, s.δ, s.εb, s.t = row(r.m), row(r.m), row(r.m), row(r.m), row(r.m), row(r.m), row(r.m)
	s.good, s.one, s.errs = row(r.m), row(1), row(window)
	upload(q, s.a, r.a, func(x float64) float64 { return x })
	upload(q, s.b, r.b, func(x float64) float64 { return x })
	upload(q, s.logA, r.a, math.Log)
	upload(q, s.logB, r.b, math.Log)
	if s.kernel = newKernel(q, r.n, r.m, kind); s.kernel != nil {
		s.u = row(r.n)
		s.v, s.s, s.ψ0, s.ψ0b, s.target = row(r.m), row(r.m), row(r.m), row(r.m), row(r.m)
	}
	if r.warm != nil {
		// In float64: 1/unit may be out of the range of T.
		upload(q, s.ψ, device.Convert[float64](device.Vector(r.warm)).Data, func(g float64) float64 { return g / r.unit })
	}
	return s
}

func (s *iteration[T]) close() {
	s.kernel.close()
}

func upload[T device.Float](q device.Queue[T], dst device.Matrix[T], x []float64, f func(float64) float64) {
	v := make([]T, len(x))
	for i := range v {
		v[i] = T(f(x[i]))
	}
	q.Upload(dst, device.Vector(v))
}

// add computes c = α·a + β·b for vectors.
func (s *iteration[T]) add(α T, a device.Matrix[T], β T, b, c device.Matrix[T]) {
	s.q.Add(α, device.NoTrans, a, β, device.NoTrans, b, c)
}

// setEpsilon changes ε from its last value (0 at the start) and keeps g, the
// potential without the weights.
func (s *iteration[T]) setEpsilon(ε float64) {
	s.add(1, s.ψ, T(ε-s.ε), s.logB, s.ψ)
	s.ε = ε
	s.add(T(ε), s.logA, 0, device.Matrix[T]{}, s.εa)
	s.add(T(ε), s.logB, 0, device.Matrix[T]{}, s.εb)
	s.restart()
	// Sums down to 1e-308 seldom underflow. Where they do, the error or χ
	// shows it.
	s.near = s.c.onePass() && device.Epsilon[T]() < 1e-10
}

// restart forgets the momentum and the kernel.
func (s *iteration[T]) restart() {
	s.q.Fill(0, s.δ)
	s.built, s.near = false, false
}

// relax moves ψ towards χ: with ω = 1 it becomes χ.
func (s *iteration[T]) relax(ω float64) {
	s.add(1, s.χ, -1, s.ψ, s.t)
	s.add(T(ω*ω), s.t, T((ω-1)*(ω-1)), s.δ, s.δ)
	s.add(1, s.ψ, 1, s.δ, s.ψ)
}

// step computes φ and χ for ψ and stores the error in err.
func (s *iteration[T]) step(err device.Matrix[T]) {
	if s.built {
		s.scale(err)
		return
	}
	q := s.q
	if s.near && s.c.onePass() {
		s.c.logStep(T(s.ε), s.ψ, s.a, s.φ, s.χ, 0, nil)
		s.add(1, s.χ, -1, s.b, s.t)
		q.Reduce(device.SumAbs, device.Whole, s.t, err)
		q.Map(device.Log, s.χ, s.χ)
		s.add(T(-s.ε), s.χ, 1, s.ψ, s.χ)
		s.add(1, s.χ, 1, s.εb, s.χ)
		return
	}
	s.c.softMin(T(s.ε), s.ψ, s.εa, s.εb, s.φ, s.χ)
	// Column j of the plan sums to b[j]·exp((ψ[j]-χ[j])/ε).
	s.add(T(1/s.ε), s.ψ, T(-1/s.ε), s.χ, s.t)
	q.Map(device.Exp, s.t, s.t)
	q.Mul(s.t, s.b, s.t)
	s.add(1, s.t, -1, s.b, s.t)
	q.Reduce(device.SumAbs, device.Whole, s.t, err)
}

// scale is step on the kernel. It leaves φ as it is.
func (s *iteration[T]) scale(err device.Matrix[T]) {
	q := s.q
	s.add(T(1/s.ε), s.ψ, T(-1/s.ε), s.ψ0, s.v)
	q.Map(device.Exp, s.v, s.v)
	s.scaleBy()
	q.Mul(s.v, s.s, s.t)
	s.add(1, s.t, -1, s.target, s.t)
	q.Reduce(device.SumAbs, device.Whole, s.t, err)
	q.Map(device.Log, s.s, s.s)
	s.add(1, s.ψ0b, T(-s.ε), s.s, s.χ)
}

// scaleBy computes u = a/(K·v) and s = Kᵀ·u.
func (s *iteration[T]) scaleBy() {
	s.kernel.step(s.a, s.v, s.u, s.s)
	s.used = true
}

// Potentials may drift from those of the kernel by this many ε. Twice the
// drift and the smallest entry that still matters stay above the underflow of
// the exponential, at exp(-708) and exp(-87). A narrow kernel has the range of
// float32, but sums and scalings that no drift takes out of that of float64.
func (s *iteration[T]) drift() float64 {
	switch {
	case device.Epsilon[T]() > 1e-10:
		return 20
	case s.narrow():
		return 60
	}
	return 200
}

// narrow reports whether the kernel is in float32 for an iteration in float64.
func (s *iteration[T]) narrow() bool { return s.kernel != nil && s.kernel.narrow != nil }

// build makes the kernel of φ and ψ.
func (s *iteration[T]) build() {
	s.q.Copy(s.ψ0, s.ψ)
	s.add(1, s.ψ, 1, s.εb, s.ψ0b)
	s.q.Copy(s.target, s.b)
	s.kernel.build(s.c, T(s.ε), s.φ, s.ψ)
	s.built = true
}

// buildAtOnce makes the kernel without a step in the log domain where the
// costs, between lo and hi, are so even that φ = lo is near enough, or where a
// look at the sums of a narrow kernel says so.
func (s *iteration[T]) buildAtOnce(lo, hi float64) {
	spread := (hi - lo) / s.ε
	switch {
	case s.kernel == nil, device.Epsilon[T]() > 1e-10 && spread > s.drift()/2:
		return
	case spread > 100 && !(s.narrow() && spread <= evenCosts):
		return
	}
	s.q.Fill(T(lo), s.φ)
	s.build()
	if spread > 100 && !s.sound() {
		s.built = false
	}
}

// soundSums is the size that sums of a narrow kernel have to reach: entries below
// the range of float32, at exp(-87), do not count beside them.
const soundSums = 1e-12

// sound reports whether all sums of a new kernel are such.
func (s *iteration[T]) sound() bool {
	s.add(T(1/s.ε), s.ψ, T(-1/s.ε), s.ψ0, s.v)
	s.q.Map(device.Exp, s.v, s.v)
	s.kernel.step(s.a, s.v, s.u, s.s)
	s.q.Div(s.u, s.a, s.u) // 1/(K·v)
	var most, least [1]T
	s.q.Reduce(device.MaxAbs, device.Whole, s.u, s.one)
	s.q.Download(device.Vector(most[:]), s.one)
	s.q.Reduce(device.Min, device.Whole, s.s, s.one)
	s.q.Download(device.Vector(least[:]), s.one)
	return s.q.Sync() == nil && float64(most[0]) <= 1/soundSums && float64(least[0]) >= soundSums
}

// distance returns max|x-y|/ε. It waits for the device; a failure shows up at
// the next Sync.
func (s *iteration[T]) distance(x, y device.Matrix[T]) float64 {
	var d [1]T
	s.add(T(1/s.ε), x, T(-1/s.ε), y, s.t)
	s.q.Reduce(device.MaxAbs, device.Whole, s.t, s.one)
	s.q.Download(device.Vector(d[:]), s.one)
	return float64(d[0])
}

// keepKernel rebuilds the kernel when the potentials have drifted away from
// it, or builds it once a step in the log domain has come near enough. It
// reports whether the last step was of no use because sums of the plan have
// underflowed, and sees to it that the next one does without them.
func (s *iteration[T]) keepKernel() (again bool) {
	if s.built {
		if s.distance(s.ψ, s.ψ0) > s.drift()/2 {
			s.c.softMinRows(T(s.ε), s.ψ, s.εa, s.φ)
			s.build()
		}
		return false
	}
	d := s.distance(s.χ, s.ψ)
	if !(d <= math.MaxFloat64) {
		again, s.near = s.near, false
		return again
	}
	if s.near = s.c.onePass() && (s.near || d <= s.drift()/window); s.kernel != nil && d <= s.drift()/window {
		s.build()
	}
	return false
}

// potentials returns ψ in float64.
func (s *iteration[T]) potentials() ([]float64, error) {
	ψ := make([]T, s.ψ.Cols)
	s.q.Download(device.Vector(ψ), s.ψ)
	return device.Convert[float64](device.Vector(ψ)).Data, s.q.Sync()
}

// moveTo sets ψ.
func (s *iteration[T]) moveTo(ψ []float64) {
	upload(s.q, s.ψ, ψ, func(x float64) float64 { return x })
	s.restart()
}
