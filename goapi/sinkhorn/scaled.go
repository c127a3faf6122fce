package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// scaled computes half steps as products with a stored kernel, which take no
// exponential of n·m elements, and in the log domain where no kernel stands for
// them. It is for iterations that do more between the two half steps than
// [iteration] does: the kernel is read twice for both.
//
// The kernel is exp((φ̂+ψ̂-C)/ε) with ψ̂ and φ̂ such that its columns, and nearly
// its rows, sum to 1. It is built once the potentials move little from one step
// to the next, and again when they have drifted away.
type scaled[T device.Float] struct {
	q     device.Queue[T]
	c     *costs[T]
	exact *halves
	k     *kernel[T]

	ε      float64   // of the kernel
	φ0, ψ0 []float64 // φ̂ and ψ̂
	built  bool
	fresh  bool // v and s belong to the kernel and to the last potentials
	lost   int  // how often the kernel turned out to be of no use

	s          []float64 // soft minima of the rows by the kernel alone
	addS, addT []float64 // what corrects those of rows and columns for its rounding errors
	last       []float64 // ψ of the last half step in the log domain
	lastε      float64
	drift      float64 // of the potentials, in ε, for which a kernel is good
	depth      float64 // logarithm of the smallest sum that underflow leaves precise, for scalings of 1
	a, v, u, w device.Matrix[T]
	ones       device.Matrix[T]
	hostN      []T
	hostM      []T
}

// evenCosts spread over no more than so many ε: most points then have others
// that the range of float32 reaches from them.
const evenCosts = 400

// mostLost kernels that were of no use are enough.
const mostLost = 4

// newScaled is to be closed. It has no kernel where memory has no room for one.
func newScaled[T device.Float](q device.Queue[T], c *costs[T], memory int64) *scaled[T] {
	s := &scaled[T]{q: q, c: c, exact: newHalves[T](q, c, c.n, c.m)}
	if !fits[T](c.n, c.m, memory) {
		return s
	}
	n, m := c.n, c.m
	s.k = newKernel(q, n, m, fastKernel)
	s.φ0, s.s, s.addS = make([]float64, n), make([]float64, n), make([]float64, n)
	s.ψ0, s.addT, s.last = make([]float64, m), make([]float64, m), make([]float64, m)
	s.a, s.u, s.ones = q.Alloc(1, n), q.Alloc(1, n), q.Alloc(1, n)
	s.v, s.w = q.Alloc(1, m), q.Alloc(1, m)
	s.hostN, s.hostM = make([]T, n), make([]T, m)
	q.Fill(1, s.ones)
	// Entries below the range are lost, m of them in a sum, which is to be
	// wrong by less than the rounding errors of its other terms.
	s.drift, s.depth = 200, -708
	switch {
	case device.Epsilon[T]() > 1e-10:
		s.drift, s.depth = 20, -87
	case s.narrow():
		s.drift, s.depth = 60, -87
	}
	s.depth += math.Log(float64(max(n, m))) - math.Log(device.Epsilon[T]())
	if s.narrow() {
		s.depth += math.Log(device.Epsilon[T]()) - math.Log(1e-10)
	}
	return s
}

func (s *scaled[T]) close() { s.k.close() }

func (s *scaled[T]) halves() *halves {
	if s.k == nil {
		return s.exact
	}
	return &halves{n: s.c.n, m: s.c.m, rows: s.rows, cols: s.cols}
}

// begin builds a kernel for ε without a look at potentials where the costs, from
// lo on, spread so little that it is probably good.
func (s *scaled[T]) begin(ε, lo, spread float64) {
	s.built, s.lost = false, 0
	if s.k == nil || spread/ε > evenCosts {
		return
	}
	for i := range s.φ0 {
		s.φ0[i] = lo
	}
	clear(s.ψ0)
	s.build(ε)
}

// build makes the kernel of φ0 and ψ0.
func (s *scaled[T]) build(ε float64) {
	s.put(s.φ0, s.hostN, s.u)
	s.put(s.ψ0, s.hostM, s.w)
	s.k.build(s.c, T(ε), s.u, s.w)
	clear(s.addS)
	clear(s.addT)
	s.ε, s.built = ε, true
}

func (s *scaled[T]) put(x []float64, host []T, to device.Matrix[T]) {
	for k, v := range x {
		host[k] = T(v)
	}
	s.q.Upload(to, device.Vector(host))
}

// exponentials sets to to exp((x-y)/ε).
func (s *scaled[T]) exponentials(x, y []float64, host []T, to device.Matrix[T]) {
	for k, v := range x {
		host[k] = T((v - y[k]) / s.ε)
	}
	s.q.Upload(to, device.Vector(host))
	s.q.Map(device.Exp, to, to)
}

// most returns max (x-y)/ε.
func (s *scaled[T]) most(x, y []float64) float64 {
	d := math.Inf(-1)
	for k, v := range x {
		d = max(d, v-y[k])
	}
	return d / s.ε
}

func (s *scaled[T]) rows(ε float64, ψ, out []float64) error {
	if s.built && s.ε == ε {
		if ok, err := s.rowProducts(ψ, out); ok || err != nil {
			return err
		}
		s.lost++
	}
	s.built = false
	if err := s.exact.rows(ε, ψ, out); err != nil {
		return err
	}
	near := s.lastε == ε && s.lost < mostLost
	for j, x := range ψ {
		near = near && math.Abs(x-s.last[j]) <= ε*s.drift/4
	}
	copy(s.last, ψ)
	if s.lastε = ε; !near {
		return nil
	}
	copy(s.φ0, out)
	if err := s.exact.cols(ε, s.φ0, s.ψ0); err != nil {
		return err
	}
	s.build(ε)
	if ok, err := s.rowProducts(ψ, s.s); !ok || err != nil {
		s.built = false
		s.lost++
		return err
	}
	return nil
}

// rowProducts reports whether the kernel stands for the soft minima for ψ,
// which it then stores in out.
func (s *scaled[T]) rowProducts(ψ, out []float64) (bool, error) {
	s.fresh = false
	most := s.most(ψ, s.ψ0)
	if !(math.Abs(most) <= s.drift) {
		return false, nil
	}
	s.exponentials(ψ, s.ψ0, s.hostM, s.v)
	s.k.step(s.ones, s.v, s.u, s.w)
	s.q.Map(device.Log, s.u, s.u)
	s.q.Download(device.Vector(s.hostN), s.u)
	if err := s.q.Sync(); err != nil {
		return false, err
	}
	for i, l := range s.hostN {
		if !(-float64(l) >= s.depth+most && !math.IsInf(float64(l), 0)) {
			return false, nil
		}
		s.s[i] = s.φ0[i] + s.ε*float64(l)
		out[i] = s.s[i] + s.addS[i]
	}
	s.fresh = true
	return true, nil
}

func (s *scaled[T]) cols(ε float64, φ, out []float64) error {
	if s.built && s.fresh && s.ε == ε {
		if ok, err := s.colProducts(φ, out); ok || err != nil {
			return err
		}
		s.built = false
		s.lost++
	}
	return s.exact.cols(ε, φ, out)
}

// colProducts is rowProducts for the soft minima of the columns, after those of
// the rows for any ψ: the row sums of the plan of φ and that ψ are the weights
// with which a step makes exp((φ-φ̂)/ε) of its scalings.
func (s *scaled[T]) colProducts(φ, out []float64) (bool, error) {
	most := s.most(φ, s.φ0)
	s.exponentials(φ, s.s, s.hostN, s.a)
	s.k.step(s.a, s.v, s.u, s.w)
	s.q.Map(device.Log, s.w, s.w)
	s.q.Download(device.Vector(s.hostM), s.w)
	if err := s.q.Sync(); err != nil {
		return false, err
	}
	for j, l := range s.hostM {
		if !(float64(l) >= s.depth+most && !math.IsInf(float64(l), 0)) {
			return false, nil
		}
		out[j] = s.ψ0[j] - s.ε*float64(l) + s.addT[j]
	}
	return true, nil
}

// align corrects the kernel by the true soft minima rows for ψ and cols for φ:
// where potentials are near those, its soft minima are then wrong only by the
// change of the errors that its rounding leaves. It reports whether there is a
// kernel.
func (s *scaled[T]) align(ψ, rows, φ, cols []float64) (bool, error) {
	if ok, err := s.alignRows(ψ, rows); !ok || err != nil {
		return false, err
	}
	clear(s.addT)
	t := make([]float64, len(cols))
	if ok, err := s.colProducts(φ, t); !ok || err != nil {
		return false, err
	}
	for j, v := range cols {
		s.addT[j] = v - t[j]
	}
	return true, nil
}

// alignRows is align for the soft minima of the rows alone.
func (s *scaled[T]) alignRows(ψ, rows []float64) (bool, error) {
	if !s.built {
		return false, nil
	}
	clear(s.addS)
	if ok, err := s.rowProducts(ψ, make([]float64, len(rows))); !ok || err != nil {
		return false, err
	}
	for i, v := range rows {
		s.addS[i] = v - s.s[i]
	}
	return true, nil
}

// narrow reports whether the kernel is in float32 for an iteration in float64.
func (s *scaled[T]) narrow() bool { return s.k != nil && s.k.narrow != nil }
