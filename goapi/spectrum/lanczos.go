package spectrum

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// Reorthogonalization says what Lanczos does against the loss of
// orthogonality that rounding causes as soon as a Ritz value converges.
type Reorthogonalization int

const (
	// FullReorth makes every new vector orthogonal to all before it.
	FullReorth Reorthogonalization = iota
	// PartialReorth does so only when a recurrence for the loss says that
	// it exceeds √eps, which keeps T as accurate as FullReorth does.
	PartialReorth
	// NoReorth is the bare recurrence: converged eigenvalues reappear as
	// copies. It is there to be compared with.
	NoReorth
)

// Tridiagonal is the result of m steps of Lanczos: V·H·Vᵀ = T with the
// orthonormal rows of V.
type Tridiagonal[T device.Float] struct {
	Alpha      []float64        // m diagonal entries of T
	Beta       []float64        // m-1 off-diagonal entries
	Last       float64          // the norm of the residual after the last step
	Basis      device.Matrix[T] // V, m×n on the device
	FullPasses int              // steps that were re-orthogonalized against all of V
	Products   int
}

// Eigen returns the Ritz values, ascending, and the eigenvectors of T in
// columns.
func (t *Tridiagonal[T]) Eigen() ([]float64, *mat.Dense) {
	m := len(t.Alpha)
	if m == 0 || len(t.Beta) < m-1 {
		return nil, new(mat.Dense)
	}
	s := mat.NewSymDense(m, nil)
	for i, a := range t.Alpha {
		s.SetSym(i, i, a)
		if i+1 < m {
			s.SetSym(i, i+1, t.Beta[i])
		}
	}
	return eigh(s)
}

// Lanczos runs at most steps steps from the 1×n vector start, which need not
// be of unit length; it belongs to q, as does the basis of the result. It
// stops early when the Krylov space is invariant. One vector does not show
// whether op is symmetric. Errors: *device.ShapeError for start,
// *device.ArgumentError, *device.NotFiniteError if a product, or its square,
// is not finite; the operator's own and that of ctx.
func Lanczos[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], start device.Matrix[T], steps int, r Reorthogonalization) (*Tridiagonal[T], error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	if steps < 1 {
		return nil, device.Argument("steps", "is %d, must be at least 1", steps)
	}
	if r < FullReorth || r > NoReorth {
		return nil, device.Argument("re-orthogonalization", "%d does not exist", int(r))
	}
	if err := device.CheckMatrix("start", start); err != nil {
		return nil, err
	}
	if start.Rows != 1 || start.Cols != op.Dim() {
		return nil, &device.ShapeError{Op: "start", Detail: fmt.Sprintf("is %d×%d, must be 1×%d", start.Rows, start.Cols, op.Dim())}
	}
	t, err := lockstep(ctx, q, op, start, steps, r)
	if err != nil {
		return nil, err
	}
	return t[0], nil
}

// lockstep runs one recurrence for each row of start; all of them share the
// operator's applications.
func lockstep[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T], start device.Matrix[T], steps int, r Reorthogonalization) ([]*Tridiagonal[T], error) {
	if err := q.Sync(); err != nil { // no memory for start
		return nil, err
	}
	n, probes := op.Dim(), start.Rows
	steps = min(steps, n)
	ts := make([]*Tridiagonal[T], probes)
	losses := make([]*loss, probes)
	active := make([]bool, probes)
	for p := range ts {
		ts[p] = &Tridiagonal[T]{Basis: q.Alloc(steps, n)}
		losses[p] = newLoss(device.Epsilon[T](), n, uint64(p))
		size, err := norm(q, start.Row(p))
		if err != nil {
			return nil, err
		}
		if !(size > 0) || math.IsInf(size, 0) {
			return nil, device.Argument("start", "vector %d is zero or not finite", p)
		}
		q.Add(T(1/size), device.NoTrans, start.Row(p), 0, device.NoTrans, device.Matrix[T]{}, ts[p].Basis.Row(0))
		active[p] = true
	}
	defer q.Scope()()
	v, w := q.Alloc(probes, n), q.Alloc(probes, n)
	coeff := q.Alloc(1, steps)
	products := 0
	tiny := 1e-13
	if device.Epsilon[T]() > 1e-10 {
		tiny = 1e-6
	}
	for j := range steps {
		for p, t := range ts {
			if active[p] {
				q.Copy(v.Row(p), t.Basis.Row(j))
			}
		}
		if err := apply(ctx, q, op, w, v, &products); err != nil {
			return nil, err
		}
		if j == 0 {
			if err := checkSymmetry(q, w, v); err != nil {
				return nil, err
			}
		}
		for p, t := range ts {
			if !active[p] {
				continue
			}
			t.Products++
			row := w.Row(p)
			if j > 0 {
				subtract(q, t.Beta[j-1], t.Basis.Row(j-1), row)
			}
			α, err := scalar(q, func(out device.Matrix[T]) { q.Dot(device.Whole, row, v.Row(p), out) })
			if err != nil {
				return nil, err
			}
			subtract(q, α, v.Row(p), row)
			t.Alpha = append(t.Alpha, α)
			β, err := norm(q, row)
			if err != nil {
				return nil, err
			}
			known := t.Basis.RowRange(0, j+1)
			if r == FullReorth || r == PartialReorth && losses[p].exceeds(t.Alpha, t.Beta, β) {
				t.FullPasses++
				for range 2 {
					c := coeff.Slice(0, 1, 0, j+1)
					q.Gemm(device.NoTrans, device.Transp, 1, row, known, 0, c)
					q.Gemm(device.NoTrans, device.NoTrans, -1, c, known, 1, row)
				}
				if β, err = norm(q, row); err != nil {
					return nil, err
				}
			}
			if x := α + β; x-x != 0 { // the product was finite, its square was not
				return nil, fmt.Errorf("step %d: %w", j+1, &device.NotFiniteError{Name: "the tridiagonal matrix", Value: x})
			}
			t.Last = β
			size := 0.0
			for i, a := range t.Alpha {
				size = max(size, math.Abs(a))
				if i < len(t.Beta) {
					size = max(size, t.Beta[i])
				}
			}
			if !(β > tiny*size) { // the space is invariant
				active[p], t.Last = false, 0
			} else if j+1 < steps {
				t.Beta = append(t.Beta, β)
				q.Add(T(1/β), device.NoTrans, row, 0, device.NoTrans, device.Matrix[T]{}, t.Basis.Row(j+1))
			}
			if !active[p] || j+1 == steps {
				t.Basis = t.Basis.RowRange(0, j+1)
			}
		}
		running := false
		for _, a := range active {
			running = running || a
		}
		if !running {
			break
		}
	}
	return ts, q.Sync()
}

// subtract computes y -= f·x.
func subtract[T device.Float](q device.Queue[T], f float64, x, y device.Matrix[T]) {
	q.Add(1, device.NoTrans, y, T(-f), device.NoTrans, x, y)
}

// loss follows the inner products ω of the newest Lanczos vector with those
// before it (Simon's recurrence), without computing any.
type loss struct {
	eps       float64
	n         int
	now, last []float64 // ω of vectors j and j-1 with vectors 0, 1, …
	again     bool      // the step after a full pass needs one too
	noise     []float64
	stream    uint64
	draws     uint64
}

func newLoss(eps float64, n int, stream uint64) *loss {
	return &loss{eps: eps, n: n, now: []float64{1}, stream: stream}
}

// exceeds advances the recurrence to vector j+1, given T's entries up to step
// j and the norm β of the new vector, and reports whether the vector must be
// re-orthogonalized.
func (l *loss) exceeds(α, β []float64, next float64) bool {
	j := len(α) - 1
	ω := make([]float64, j+2)
	ω[j+1] = 1
	l.noise = append(l.noise[:0], make([]float64, j+1)...)
	rng.Normal(0x10c0, l.stream, l.draws, l.noise)
	l.draws += uint64(j + 1)
	worst := 0.0
	for k := 0; k < j; k++ {
		x := β[k]*l.at(k+1) + (α[k]-α[j])*l.at(k)
		if k > 0 {
			x += β[k-1] * l.at(k-1)
		}
		if j > 0 && k < len(l.last) {
			x -= β[j-1] * l.last[k]
		}
		x += math.Copysign(l.eps*(β[k]+next)*0.3*math.Abs(l.noise[k]), x)
		ω[k] = x / next
		worst = max(worst, math.Abs(ω[k]))
	}
	first := next
	if len(β) > 0 {
		first = β[0]
	}
	ω[j] = l.eps * math.Sqrt(float64(l.n)) * 0.6 * first / next * l.noise[j]
	full := l.again || worst > math.Sqrt(l.eps)
	l.again = worst > math.Sqrt(l.eps) && !l.again
	if full {
		for k := range j + 1 {
			ω[k] = l.eps
		}
	}
	l.last, l.now = l.now, ω
	return full
}

func (l *loss) at(k int) float64 {
	if k < len(l.now) {
		return l.now[k]
	}
	return 0
}
