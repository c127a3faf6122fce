package device

import (
	"fmt"

	"github.com/ritz-go/ritz/goapi/rng"
)

// hostBuffer is Go memory. When its scope ends data becomes nil, so that a
// matrix used too late is refused like one of a wrong shape.
type hostBuffer[T Float] struct {
	data []T
	lent bool // it is the caller's, see Lend
}

func (b *hostBuffer[T]) Len() int { return len(b.data) }

// hostQueue is the queue of every CPU device. Operations run at once.
type hostQueue[T Float] struct {
	host      *host
	kernels   HostKernels[T]
	exact     HostKernels[T] // the device's own
	precision Precision      // of the products of kernels
	memory    *reserve[T]
	live      []*hostBuffer[T] // of the open scopes
	failure   error
}

var errForeign = fmt.Errorf("matrix of another device: %w", ErrArgument)

// begin reports whether an operation on ms may run: its shapes passed check,
// the matrices belong to a CPU device, and nothing failed before.
func (q *hostQueue[T]) begin(check error, ms ...Matrix[T]) bool {
	if q.failure != nil {
		return false
	}
	q.failure = check
	if q.host.closed.Load() {
		q.failure = ErrClosed
	}
	for _, m := range ms {
		if _, ok := m.Buf.(*hostBuffer[T]); !ok && m.Buf != nil && q.failure == nil {
			q.failure = errForeign
		}
	}
	return q.failure == nil
}

// view returns the memory behind a matrix that begin has accepted.
func view[T Float](m Matrix[T]) Dense[T] {
	d := Dense[T]{Rows: m.Rows, Cols: m.Cols, Stride: max(m.LD, m.Cols)}
	if m.Buf != nil && m.Rows > 0 && m.Cols > 0 {
		d.Data = m.Buf.(*hostBuffer[T]).data[m.Off : m.Off+(m.Rows-1)*m.LD+m.Cols]
	}
	return d
}

// vector returns the elements of a vector, without a copy where they are
// contiguous. ok tells whether they are.
func vector[T Float](m Matrix[T]) (x []T, ok bool) {
	d := view(m)
	if d.Rows == 1 || d.Stride == 1 || d.Rows*d.Cols <= 1 {
		return d.Data, true
	}
	x = make([]T, d.Rows)
	for i := range x {
		x[i] = d.Data[i*d.Stride]
	}
	return x, false
}

// setVector stores x in the vector m, unless x is its memory already.
func setVector[T Float](m Matrix[T], x []T, same bool) {
	if same {
		return
	}
	d := view(m)
	for i, v := range x {
		d.Data[i*d.Stride] = v
	}
}

func (q *hostQueue[T]) Device() Device { return q.host }

func (q *hostQueue[T]) Alloc(rows, cols int) Matrix[T] { return q.allocate(rows, cols, q.memory.take) }

func (q *hostQueue[T]) allocate(rows, cols int, take func(n int) []T) Matrix[T] {
	if impossible(rows, cols) {
		q.begin(shapeError("Alloc", "no matrix can be %d×%d", rows, cols))
		rows, cols = 0, 0
	}
	b := &hostBuffer[T]{data: take(rows * cols)}
	q.live = append(q.live, b)
	return Matrix[T]{Rows: rows, Cols: cols, LD: cols, Buf: b}
}

func (q *hostQueue[T]) Scope() (end func()) {
	outer := len(q.live)
	return func() { q.release(outer) }
}

// release gives back all buffers but the first keep.
func (q *hostQueue[T]) release(keep int) {
	for i := keep; i < len(q.live); i++ {
		if !q.live[i].lent {
			q.memory.give(q.live[i].data)
		}
		q.live[i].data = nil
		q.live[i] = nil
	}
	q.live = q.live[:min(keep, len(q.live))]
}

// Lend makes a matrix of the caller's memory.
func (q *hostQueue[T]) Lend(a Dense[T]) Matrix[T] {
	err := a.Validate("Lend")
	if q.begin(err); err != nil { // as Alloc, it returns a matrix all the same
		a = Dense[T]{}
	}
	b := &hostBuffer[T]{data: a.Data, lent: true}
	q.live = append(q.live, b)
	return Matrix[T]{Rows: a.Rows, Cols: a.Cols, LD: a.Stride, Buf: b}
}

func (q *hostQueue[T]) Upload(dst Matrix[T], src Dense[T]) {
	if q.begin(CheckTransfer("Upload", dst, src), dst) {
		copyRows(view(dst), src)
	}
}

func (q *hostQueue[T]) Download(dst Dense[T], src Matrix[T]) {
	if q.begin(CheckTransfer("Download", src, dst), src) {
		copyRows(dst, view(src))
	}
}

func (q *hostQueue[T]) Copy(dst, src Matrix[T]) {
	if !q.begin(CheckCopy(dst, src), dst, src) {
		return
	}
	if dst.Rows == src.Rows && dst.Cols == src.Cols {
		copyRows(view(dst), view(src))
		return
	}
	x, _ := vector(src)
	y, same := vector(dst)
	copy(y, x)
	setVector(dst, y, same)
}

func (q *hostQueue[T]) Fill(α T, a Matrix[T]) {
	if q.begin(CheckMatrix("Fill", a), a) {
		each(view(a), func(x []T) {
			for j := range x {
				x[j] = α
			}
		})
	}
}

func (q *hostQueue[T]) Gemm(tA, tB Trans, α T, a, b Matrix[T], β T, c Matrix[T]) {
	if !q.begin(CheckGemm(tA, tB, a, b, c), a, b, c) || c.Len() == 0 {
		return
	}
	if a.Len() == 0 || b.Len() == 0 {
		scale(β, view(c))
		return
	}
	if a.Len() == 1 && tB == NoTrans && α != 0 && q.precision == Exact {
		q.addMultiple(α*view(a).Data[0], view(b), β, view(c))
		return
	}
	q.kernels.Gemm(tA, tB, α, view(a), view(b), β, view(c))
}

// addMultiple computes C = α·B + β·C: the product with a number that stands on
// the device, for which the blocks of a product are much too large.
func (q *hostQueue[T]) addMultiple(α T, b Dense[T], β T, c Dense[T]) {
	if β == 0 { // C may hold anything
		q.kernels.Combine(α, b, 0, Dense[T]{}, c)
		return
	}
	q.kernels.Combine(α, b, β, c, c)
}

func (q *hostQueue[T]) Syrk(t Trans, α T, a Matrix[T], β T, c Matrix[T]) {
	if !q.begin(CheckSyrk(t, a, c), a, c) || c.Len() == 0 {
		return
	}
	if a.Len() == 0 {
		scale(β, view(c))
		return
	}
	q.kernels.Syrk(t, α, view(a), β, view(c))
}

func (q *hostQueue[T]) Trsm(s Side, u Uplo, t Trans, α T, a, b Matrix[T]) {
	if q.begin(CheckTrsm(s, a, b), a, b) && b.Len() > 0 {
		q.kernels.Trsm(s, u, t, α, view(a), view(b))
	}
}

func (q *hostQueue[T]) Add(α T, tA Trans, a Matrix[T], β T, tB Trans, b, c Matrix[T]) {
	if q.begin(CheckAdd(tA, a, tB, b, c), a, b, c) && c.Len() > 0 {
		switch second := !b.IsZero(); {
		case tA == Transp || second && tB == Transp:
			add(α, tA, view(a), β, tB, view(b), view(c), second)
		case second:
			q.kernels.Combine(α, view(a), β, view(b), view(c))
		default:
			q.kernels.Combine(α, view(a), 0, Dense[T]{}, view(c))
		}
	}
}

func (q *hostQueue[T]) AddDiag(α T, a Matrix[T]) {
	if q.begin(CheckSquare("AddDiag", a), a) {
		d := view(a)
		for i := range d.Rows {
			d.Data[i*d.Stride+i] += α
		}
	}
}

func (q *hostQueue[T]) Map(f Func, a, b Matrix[T]) {
	if q.begin(CheckMap(f, a, b), a, b) && a.Len() > 0 {
		q.kernels.Map(f, view(a), view(b))
	}
}

func (q *hostQueue[T]) Mul(a, b, c Matrix[T]) {
	if q.begin(CheckSame("Mul", a, b, c), a, b, c) {
		zip(view(a), view(b), view(c), func(x, y, z []T) {
			for j, v := range x {
				z[j] = v * y[j]
			}
		})
	}
}

func (q *hostQueue[T]) Div(a, b, c Matrix[T]) {
	if q.begin(CheckSame("Div", a, b, c), a, b, c) {
		zip(view(a), view(b), view(c), func(x, y, z []T) {
			for j, v := range x {
				if v == 0 && y[j] == 0 {
					z[j] = 0
				} else {
					z[j] = v / y[j]
				}
			}
		})
	}
}

func (q *hostQueue[T]) ScaleBy(x Axis, d, a, b Matrix[T]) {
	if q.begin(CheckBroadcast("ScaleBy", x, d, a, b), d, a, b) {
		v, _ := vector(d)
		scaleBy(x, v, view(a), view(b))
	}
}

func (q *hostQueue[T]) AddBy(x Axis, α T, d, a, b Matrix[T]) {
	if q.begin(CheckBroadcast("AddBy", x, d, a, b), d, a, b) {
		v, _ := vector(d)
		addBy(x, α, v, view(a), view(b))
	}
}

func (q *hostQueue[T]) Reduce(r Reduction, x Axis, a, out Matrix[T]) {
	err := CheckReduction(r)
	if err == nil {
		err = CheckReduce("Reduce", x, a, out)
	}
	if q.begin(err, a, out) && out.Len() > 0 {
		v, same := vector(out)
		switch whole := x == Whole && a.Len() > 0; {
		case whole && r == MaxAbs:
			v[0] = q.kernels.MaxAbs(view(a))
		case whole && r == SumSquares:
			v[0] = q.kernels.SumSquares(view(a))
		default:
			reduce(r, x, view(a), v)
		}
		setVector(out, v, same)
	}
}

func (q *hostQueue[T]) Dot(x Axis, a, b, out Matrix[T]) {
	err := CheckSame("Dot", a, b)
	if err == nil {
		err = CheckReduce("Dot", x, a, out)
	}
	if q.begin(err, a, b, out) && out.Len() > 0 {
		v, same := vector(out)
		dot(x, view(a), view(b), v)
		setVector(out, v, same)
	}
}

func (q *hostQueue[T]) QR(a, r Matrix[T]) {
	if q.begin(CheckQR(a, r), a, r) && a.Len() > 0 {
		q.failure = q.kernels.QR(view(a), view(r))
	}
}

func (q *hostQueue[T]) Cholesky(a Matrix[T]) {
	if q.begin(CheckSquare("Cholesky", a), a) && a.Len() > 0 {
		q.failure = q.kernels.Cholesky(view(a))
	}
}

func (q *hostQueue[T]) Eigh(a, w Matrix[T]) {
	if q.begin(CheckEigh(a, w), a, w) && a.Len() > 0 {
		v, same := vector(w)
		q.failure = q.kernels.Eigh(view(a), v)
		setVector(w, v, same)
	}
}

func (q *hostQueue[T]) SVD(a, u, s, vt Matrix[T]) {
	if q.begin(CheckSVD(a, u, s, vt), a, u, s, vt) && a.Len() > 0 {
		v, same := vector(s)
		q.failure = q.kernels.SVD(view(a), view(u), v, view(vt))
		setVector(s, v, same)
	}
}

func (q *hostQueue[T]) Random(d Distribution, seed, stream uint64, a Matrix[T]) {
	if !q.begin(CheckRandom(d, a), a) {
		return
	}
	m := view(a)
	fill := rng.Normal[T]
	switch d {
	case Uniform:
		fill = rng.Uniform[T]
	case Rademacher:
		fill = rng.Rademacher[T]
	}
	parallelRows(m.Rows, m.Cols, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			fill(seed, stream, uint64(i)*uint64(m.Cols), m.Row(i))
		}
	})
}

func (q *hostQueue[T]) TrySoftMin(x Axis, ε T, c, g, out Matrix[T]) bool {
	if !q.begin(CheckSoftMin(x, c, g, out), c, g, out) || c.Len() == 0 {
		return q.failure != nil
	}
	vg, ok1 := vector(g)
	vo, ok2 := vector(out)
	return ok1 && ok2 && q.kernels.SoftMin(x, ε, view(c), vg, vo)
}

func (q *hostQueue[T]) TryGibbs(ε T, f, g, c, out Matrix[T]) bool {
	if !q.begin(CheckGibbs(f, g, c, out), f, g, c, out) || c.Len() == 0 {
		return true
	}
	vf, ok1 := vector(f)
	vg, ok2 := vector(g)
	return ok1 && ok2 && q.kernels.Gibbs(ε, vf, vg, view(c), view(out))
}

func (q *hostQueue[T]) TryScalingStep(k, a, v, u, s Matrix[T]) bool {
	if !q.begin(CheckScalingStep(k, a, v, u, s), k, a, v, u, s) || k.Len() == 0 {
		return q.failure != nil
	}
	va, ok1 := vector(a)
	vv, ok2 := vector(v)
	vu, ok3 := vector(u)
	vs, ok4 := vector(s)
	return ok1 && ok2 && ok3 && ok4 && q.kernels.ScalingStep(view(k), va, vv, vu, vs)
}

func (q *hostQueue[T]) TryPairwiseCost(p int, x, y, out Matrix[T]) bool {
	if !q.begin(CheckPairwiseCost(p, x, y, out), x, y, out) || out.Len() == 0 {
		return true
	}
	return x.Cols > 0 && q.kernels.PairwiseCost(p, view(x), view(y), view(out))
}

func (q *hostQueue[T]) TrySymMul(a, x, y Matrix[T]) bool {
	if !q.begin(CheckSymMul(a, x, y), a, x, y) || x.Len() == 0 {
		return true
	}
	return q.kernels.SymMul(view(a), view(x), view(y))
}

func (q *hostQueue[T]) TrySymProduct(a, b, c Matrix[T]) bool {
	if !q.begin(CheckSymProduct(a, b, c), a, b, c) || c.Len() == 0 {
		return true
	}
	return q.kernels.SymProduct(view(a), view(b), view(c))
}

func (q *hostQueue[T]) TryTallGram(a Matrix[T], x Dense[float64]) (Dense[float64], bool) {
	if !q.begin(CheckTall(a, x), a) || a.Len() == 0 {
		return NewDense[float64](a.Cols, a.Cols), q.failure != nil
	}
	return q.kernels.TallGram(view(a), x)
}

func (q *hostQueue[T]) TryTallMul(a Matrix[T], x, y Dense[float64], u Matrix[T], check *TallCheck) bool {
	if !q.begin(CheckTallMul(a, x, y, u, check), a, u) || u.Len() == 0 {
		return true
	}
	return a.Cols > 0 && q.kernels.TallMul(view(a), x, y, view(u), check)
}

func (q *hostQueue[T]) TrySoftMinPoints(p int, ε T, x, y, g, out Matrix[T]) bool {
	if !q.begin(CheckSoftMinPoints(p, x, y, g, out), x, y, g, out) || x.Len() == 0 || y.Len() == 0 {
		return q.failure != nil
	}
	vg, ok1 := vector(g)
	vo, ok2 := vector(out)
	return ok1 && ok2 && q.kernels.SoftMinPoints(p, ε, view(x), view(y), vg, vo)
}

func (q *hostQueue[T]) TrySVDBatch(m, n int, a, u, s, vt, checks Matrix[T]) bool {
	if !q.begin(CheckSVDBatch(m, n, a, u, s, vt, checks), a, u, s, vt, checks) || a.Rows == 0 {
		return true
	}
	for _, x := range []Matrix[T]{a, u, s, vt, checks} {
		if x.LD != x.Cols && x.Rows > 1 {
			return false
		}
	}
	return q.kernels.SVDBatch(m, n, view(a).Data, view(u).Data, view(s).Data, view(vt).Data, view(checks).Data)
}

func (q *hostQueue[T]) TryAdamStep(c Adam[T], w, g, m, v Matrix[T]) bool {
	if !q.begin(CheckSame("AdamStep", w, g, m, v), w, g, m, v) || w.Len() == 0 {
		return true
	}
	return q.kernels.AdamStep(c, view(w), view(g), view(m), view(v))
}

func (q *hostQueue[T]) TryMomentumStep(c Momentum[T], w, g, m Matrix[T]) bool {
	if !q.begin(CheckSame("MomentumStep", w, g, m), w, g, m) || w.Len() == 0 {
		return true
	}
	return q.kernels.MomentumStep(c, view(w), view(g), view(m))
}

func (q *hostQueue[T]) TryScaledSums(α T, a Matrix[T], β T, b, out Matrix[T]) bool {
	if !q.begin(CheckScaledSums(a, b, out), a, b, out) || a.Len() == 0 {
		return q.failure != nil
	}
	v, same := vector(out)
	if !q.kernels.ScaledSums(α, view(a), β, view(b), v) {
		return false
	}
	setVector(out, v, same)
	return true
}

func (q *hostQueue[T]) TryTangentForward(bias, s, u, y Matrix[T]) bool {
	if !q.begin(CheckTangentForward(bias, s, u, y), bias, s, u, y) || u.Len() == 0 {
		return true
	}
	var b []T
	if !bias.IsZero() {
		b, _ = vector(bias)
	}
	return q.kernels.TangentForward(b, view(s), view(u), view(y))
}

// TryTangentBackward lets the kernel write the sums of every tangentRows rows to
// a row of their own, which makes them independent of the threads.
func (q *hostQueue[T]) TryTangentBackward(s, c, u, e, sums Matrix[T]) bool {
	if !q.begin(CheckTangentBackward(s, c, u, e, sums), s, c, u, e, sums) || e.Len() == 0 {
		return true
	}
	defer q.Scope()()
	blocks := view(q.Alloc((e.Rows+tangentRows-1)/tangentRows, e.Cols))
	if !q.kernels.TangentBackward(view(s), view(c), view(u), view(e), blocks) {
		return false
	}
	if !sums.IsZero() {
		v, same := vector(sums)
		addBlocks(blocks, v)
		setVector(sums, v, same)
	}
	return true
}

func (q *hostQueue[T]) TrySoftmaxTangent(p, u Matrix[T]) bool {
	if q.begin(CheckSoftmaxTangent(p, u), p, u) && u.Len() > 0 {
		softmaxTangent(view(p), view(u))
	}
	return true
}

func (q *hostQueue[T]) Sync() error {
	err := q.failure
	q.failure = nil
	return err
}

// Close gives back all memory and makes the queue refuse further work.
func (q *hostQueue[T]) Close() {
	q.release(0)
	q.failure = ErrClosed
}

var (
	_ SoftMinner[float32]        = (*hostQueue[float32])(nil)
	_ GibbsKernels[float32]      = (*hostQueue[float32])(nil)
	_ Scaler[float32]            = (*hostQueue[float32])(nil)
	_ PairCoster[float32]        = (*hostQueue[float32])(nil)
	_ PointSoftMinner[float32]   = (*hostQueue[float32])(nil)
	_ SymMuler[float32]          = (*hostQueue[float32])(nil)
	_ SymProducter[float32]      = (*hostQueue[float32])(nil)
	_ Lender[float32]            = (*hostQueue[float32])(nil)
	_ TallMuler[float32]         = (*hostQueue[float32])(nil)
	_ BatchSVDer[float32]        = (*hostQueue[float32])(nil)
	_ AdamStepper[float32]       = (*hostQueue[float32])(nil)
	_ MomentumStepper[float32]   = (*hostQueue[float32])(nil)
	_ ScaledSummer[float32]      = (*hostQueue[float32])(nil)
	_ TangentForwarder[float32]  = (*hostQueue[float32])(nil)
	_ TangentBackwarder[float32] = (*hostQueue[float32])(nil)
	_ SoftmaxTangenter[float32]  = (*hostQueue[float32])(nil)
)
