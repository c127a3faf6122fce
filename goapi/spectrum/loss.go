package spectrum

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// loss follows the inner products ω of the newest Lanczos vector with those
// before it (Simon, Math. Comp. 1984), without computing any. Products are
// taken to be rounded to eps times the largest entry of T, not, as there, to
// that of the entries at hand: where the spectrum is graded, these become much
// smaller than the products' rounding errors.
type loss struct {
	eps       float64
	n         int
	now, last []float64 // ω of vectors j and j-1 with vectors 0, 1, …
	spare     []float64
	again     bool // the step after a full pass needs one too
	noise     []float64
	stream    uint64
	draws     uint64
}

func newLoss(eps float64, n int, stream uint64) *loss {
	return &loss{eps: eps, n: n, now: []float64{1}, stream: stream}
}

// exceeds advances the recurrence to vector j+1, given T's entries up to step
// j and the norm next of the new vector, and reports whether the vector must be
// re-orthogonalized: an ω exceeds √(eps/j), up to which T is as accurate as with
// vectors that are orthogonal to rounding.
func (l *loss) exceeds(α, β []float64, next float64) bool {
	j := len(α) - 1
	ω := append(l.spare[:0], make([]float64, j+2)...)
	ω[j+1] = 1
	l.noise = append(l.noise[:0], make([]float64, j+1)...)
	rng.Normal(0x10c0, l.stream, l.draws, l.noise)
	l.draws += uint64(j + 1)
	worst := 0.0
	size := max(math.Abs(α[j]), next)
	for k := range β {
		size = max(size, math.Abs(α[k]), β[k])
	}
	for k := 0; k < j; k++ {
		x := β[k]*l.at(k+1) + (α[k]-α[j])*l.at(k)
		if k > 0 {
			x += β[k-1] * l.at(k-1)
		}
		if j > 0 && k < len(l.last) {
			x -= β[j-1] * l.last[k]
		}
		x += math.Copysign(l.eps*size*0.3*math.Abs(l.noise[k]), x)
		ω[k] = x / next
		worst = max(worst, math.Abs(ω[k]))
	}
	ω[j] = l.eps * math.Sqrt(float64(l.n)) * 0.6 * size / next * l.noise[j]
	worst = max(worst, math.Abs(ω[j]))
	lost := worst > math.Sqrt(l.eps/float64(j+1))
	full := l.again || lost
	l.again = lost && !l.again
	if full {
		for k := range j + 1 {
			ω[k] = l.eps
		}
	}
	l.spare, l.last, l.now = l.last, l.now, ω
	return full
}

func (l *loss) at(k int) float64 {
	if k < len(l.now) {
		return l.now[k]
	}
	return 0
}

// keepLoss reads or writes the state of l.
func keepLoss[T device.Float](l *loss, s stored[T]) {
	s.numbers(&l.now)
	s.numbers(&l.last)
	draws := int(l.draws)
	s.integer(&draws)
	flag(s, &l.again)
	l.draws = uint64(draws)
}
