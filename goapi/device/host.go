package device

import "sync/atomic"

// HostKernels are the operations of a CPU device that are worth a library or
// a SIMD kernel; what is left (copies, sums, broadcasts) every CPU device
// shares. Shapes have been checked, vectors are contiguous, no matrix is
// empty. Embed [GoKernels] and override what you do better.
type HostKernels[T Float] interface {
	Gemm(tA, tB Trans, α T, a, b Dense[T], β T, c Dense[T])
	Syrk(t Trans, α T, a Dense[T], β T, c Dense[T])
	Trsm(s Side, u Uplo, t Trans, α T, a, b Dense[T])
	Map(f Func, a, b Dense[T])

	// Rounded returns the kernels whose products round as p says, and the
	// rest of which is the same; false where that is no faster.
	Rounded(p Precision) (HostKernels[T], bool)

	QR(a, r Dense[T]) error
	Cholesky(a Dense[T]) error
	Eigh(a Dense[T], w []T) error
	EighRange(a Dense[T], w []T, vt Dense[T], first int) error // vt with Data == nil: values alone
	SVD(a, u Dense[T], s []T, vt Dense[T]) error               // u, vt with Data == nil: values alone

	// Combine computes C = α·A + β·B, or α·A if b.Data is nil; C may be one of
	// them.
	Combine(α T, a Dense[T], β T, b, c Dense[T])

	// MaxAbs returns the largest magnitude, NaN if an element is NaN.
	MaxAbs(a Dense[T]) T

	// SumSquares returns the sum of squares, summed in float64.
	SumSquares(a Dense[T]) T

	// Fused kernels; false asks for the composition (see fused.go).
	SoftMin(x Axis, ε T, c Dense[T], g, out []T) bool
	Gibbs(ε T, f, g []T, c, out Dense[T]) bool
	ScalingStep(k Dense[T], a, v, u, s []T) bool
	NarrowGibbs(ε T, f, g []T, c Dense[T], out Dense[float32]) bool
	NarrowScalingStep(k Dense[float32], a, v, u, s []T) bool
	PairwiseCost(p int, x, y, out Dense[T]) bool
	LogStep(ε T, c Dense[T], g, a, f, s []T, least T, e *Entries[T]) bool
	PlanCosts(ε T, c Dense[T], g, a, f, s, t []T) bool
	MinTransform(c Dense[T], g, w, f, h, d []T) bool // w and d nil: none
	SoftMinPoints(p int, ε T, x, y Dense[T], g, out []T) bool
	SymMul(a, x, y Dense[T]) bool
	SymProduct(a, b, c Dense[T]) bool
	SymApply(left bool, p, x, y Dense[T]) bool
	Inverse(a, b Dense[T]) bool
	TallGram(a Dense[T], x Dense[float64]) (Dense[float64], bool)
	TallMul(a Dense[T], x, y Dense[float64], u Dense[T], check *TallCheck) bool
	AdamStep(c Adam[T], w, g, m, v Dense[T]) bool
	MomentumStep(c Momentum[T], w, g, m Dense[T]) bool
	ScaledSums(α T, a Dense[T], β T, b Dense[T], out []T) bool // b with Data == nil: none
	TangentForward(bias []T, s, u, y Dense[T]) bool            // bias nil: none
	TangentBackward(s, c, u, e, blocks Dense[T]) bool          // c with Data == nil: none; see TangentBlock
	SVDBatch(m, n int, a, u, s, vt, checks []T) bool           // stacks of len(checks)/4 matrices
	EighBatch(n int, a, w, vt, checks []T) bool                // as SVDBatch
}

// host is a device whose memory is Go memory.
type host struct {
	info   Info
	k32    HostKernels[float32]
	k64    HostKernels[float64]
	m32    reserve[float32]
	m64    reserve[float64]
	onExit func() error
	closed atomic.Bool
}

// NewHost returns a CPU device with the given kernels, nil meaning [GoKernels].
// closer is called once by Close and may be nil.
func NewHost(info Info, k32 HostKernels[float32], k64 HostKernels[float64], closer func() error) Device {
	if k32 == nil {
		k32 = GoKernels[float32]{}
	}
	if k64 == nil {
		k64 = GoKernels[float64]{}
	}
	return &host{info: info, k32: k32, k64: k64, onExit: closer}
}

func (h *host) Info() Info { return h.info }
func (h *host) F32() Queue[float32] {
	return &hostQueue[float32]{host: h, kernels: h.k32, exact: h.k32, memory: &h.m32}
}
func (h *host) F64() Queue[float64] {
	return &hostQueue[float64]{host: h, kernels: h.k64, exact: h.k64, memory: &h.m64}
}

func (h *host) Close() error {
	if h.closed.Swap(true) || h.onExit == nil {
		return nil
	}
	return h.onExit()
}
