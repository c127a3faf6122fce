package polar

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// plan says which steps an iteration takes.
type plan struct {
	method Method
	steps  []step
	cut    []bool // after which of the steps x is multiplied out
	fixed  bool   // exactly these steps; otherwise the end is a matter of the error
	gram   bool   // the steps after those are of the Gram form, too
	again  bool   // they are taken once more
	lower  float64
	most   float64 // the largest slope of a Halley step
	limit  int
	work   float64 // of auto: the cost of the steps
}

// gentle is the largest slope of a Halley step whose Cholesky factorization
// loses no accuracy that matters beside an error to reach (0: working
// accuracy). The factorization leaves c·eps, c being a quarter of the square of
// the slope, between directions of singular values near 1/√c and smaller ones,
// which moves what is factored by no more than √c·eps: that may be as much as
// sums of so many terms lose.
func gentle(side int, err, eps float64) float64 {
	usual := max(100, float64(side))
	if eps > 1e-10 {
		usual = max(30, float64(side)/8)
	}
	return max(usual, min(1e4, math.Sqrt(err/(16*eps))))
}

// rounding is the growth of rounding errors, in units of eps, that the Gram
// form may have: little beside the deviation that the steps leave anyway, or
// beside that of the standard form.
func rounding(steps []step, deviation, eps float64) float64 {
	return max(deviation/50/eps, 2*growth(steps, cuts(len(steps), Standard, nil)))
}

// table returns n steps of a table whose last step is repeated.
func table(list []Coefficients, n int) []step {
	t := append([]Coefficients(nil), list[:min(n, len(list))]...)
	for len(t) < n {
		t = append(t, list[len(list)-1])
	}
	return polynomials(t)
}

// newPlan makes the plan of a method. lower is an estimate of the ratio of the
// singular values, 0 if it is not known.
func newPlan(rows, cols int, o Options, lower, eps float64) (*plan, error) {
	p := &plan{method: o.Method, fixed: o.Steps > 0, limit: o.Steps, lower: lower, most: gentle(min(rows, cols), o.Error, eps), gram: o.Form == Gram}
	if !p.fixed {
		p.limit = maxSteps
	}
	deviation := o.Error / 2 // what the steps may leave
	if deviation == 0 {
		deviation = eps * math.Sqrt(float64(min(rows, cols)))
	}
	if o.Lower > 0 {
		p.lower = o.Lower
	}
	usual := p.lower // for tables
	if usual == 0 || o.Method != Auto && o.Method != Minimax && o.Lower == 0 {
		usual = 1e-3
	}
	leaves := 0. // the deviation of methods that converge
	switch o.Method {
	case Muon, You, Dion, Turbo, Custom:
		p.steps = table(map[Method][]Coefficients{
			Muon: {MuonStep}, You: YouSteps, Dion: DionSteps(), Turbo: TurboSteps, Custom: o.Coefficients}[o.Method], o.Steps)
		leaves = 0.3
	case Express:
		if p.fixed {
			list, _, err := ExpressCoefficients(usual, o.Steps, ExpressOptions{Cushion: tableCushion})
			if err != nil {
				return nil, err
			}
			p.steps = polynomials(list)
		} else {
			p.steps = expressTo(usual, max(deviation, 1e-4))
		}
	case CANS:
		list, _, err := CANSCoefficients(usual, max(o.Steps, 1))
		for n := 2; !p.fixed && n < 60 && err == nil; n++ {
			var left float64
			if list, left, err = CANSCoefficients(usual, n); left <= max(deviation, 1e-4) {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		p.steps = polynomials(list)
	case Cubic:
		p.steps = table([]Coefficients{Taylor3}, o.Steps)
	case Quintic:
		p.steps = table([]Coefficients{Taylor5}, o.Steps)
	case Minimax:
		if !p.fixed {
			p.steps = minimaxTo(usual, deviation, 2)
			break
		}
		for l, u := usual, 1.0; len(p.steps) < o.Steps; {
			s := series(l, u, 2)
			p.steps = append(p.steps, s.step)
			l, u = s.next()
		}
	case Halley:
		if p.lower > 0 {
			p.steps = halleySteps(p.lower, deviation, p.most)
			if p.fixed {
				p.steps = p.steps[:min(len(p.steps), o.Steps)]
				for len(p.steps) < o.Steps {
					p.steps = append(p.steps, step{rational: true, halley: halley(1 - 1e-8)})
				}
			}
		}
	case Auto, Newton:
		p.choose(rows, cols, o, deviation, eps)
		return p, nil
	}
	err := p.arrange(rows, cols, o, leaves, eps)
	p.work = cost(rows, cols, p.steps, p.cut, solveWeight, choleskyWeight)
	return p, err
}

// arrange chooses the form of the steps.
func (p *plan) arrange(rows, cols int, o Options, leaves, eps float64) error {
	n := len(p.steps)
	switch {
	case o.Form == Standard || n == 0 || o.Form == FormAuto && leaves == 0:
		p.cut = cuts(n, Standard, nil)
	case o.Restarts != nil:
		p.cut = cuts(n, Gram, o.Restarts)
	case o.Form == Gram:
		p.cut = cuts(n, Standard, nil)
		// The fewest operations are those of the fewest restarts only for
		// large matrices; take the form that was asked for all the same.
		if found, _ := best(1, 1000, p.steps, rounding(p.steps, leaves, eps)); found != nil {
			p.cut = found
		}
	default:
		p.cut = cuts(n, Standard, nil)
		usual := cost(rows, cols, p.steps, p.cut, solveWeight, choleskyWeight)
		// A tenth is not worth the accuracy.
		if found, least := best(rows, cols, p.steps, rounding(p.steps, leaves, eps)); found != nil && least < 0.9*usual {
			p.cut = found
		}
	}
	standard := growth(p.steps, cuts(n, Standard, nil))
	if g := growth(p.steps, p.cut) * eps; o.Restarts != nil && g > 0.1 && g > 2*standard*eps {
		return device.Argument("restarts", "after steps %v of %d: rounding errors could grow to %.2g; leave the choice to nil", o.Restarts, n, g)
	}
	return nil
}

// leastLong is the smaller side from which auto takes long steps: planning them
// takes time. They are for ratios up to widest, beyond which they amplify too
// much and others are cheaper.
const (
	leastLong = 64
	widest    = 1e3
)

// choose makes the plan of auto: the cheapest of Polar Express, long and Halley
// steps.
func (p *plan) choose(rows, cols int, o Options, deviation, eps float64) {
	p.method, p.fixed, p.limit = Halley, false, maxSteps
	if p.lower == 0 {
		return // Halley steps that find it out
	}
	side := min(rows, cols)
	kinds := []plan{{method: Express, steps: expressTo(p.lower, deviation)}, {method: Halley, steps: halleySteps(p.lower, deviation, p.most)}}
	for k := 2; k <= longest && side >= leastLong && p.lower*widest >= 1; k++ {
		kinds = append(kinds, plan{method: Minimax, steps: minimaxTo(p.lower, deviation, k)})
	}
	for _, c := range kinds {
		standard := cuts(len(c.steps), Standard, nil)
		// Polynomials amplify more than the inverse of the smallest singular
		// value, by which rounding of the input counts anyway, and sums of
		// many terms.
		limit := rounding(c.steps, o.Error/10, eps)
		polynomial := 64 / p.lower
		switch {
		case o.Method == Newton: // which would no longer be backward stable
			polynomial = min(polynomial, 1e3)
		case o.Error == 0:
			limit = max(limit, 4*math.Sqrt(float64(side))/p.lower)
		}
		if c.method != Halley && growth(c.steps, standard) > max(o.Error/8/eps, polynomial) {
			continue
		}
		cut, n := standard, cost(rows, cols, c.steps, standard, solveWeight, choleskyWeight)
		if o.Form == Gram || o.Form == FormAuto && o.Method != Newton {
			if found, m := best(rows, cols, c.steps, limit); found != nil && (m < n || o.Form == Gram) {
				cut, n = found, m
			}
		}
		if p.steps == nil || n < p.work {
			p.method, p.steps, p.cut, p.work = c.method, c.steps, cut, n
		}
	}
}

// afterNewton returns nil if p is to be followed as it is. Otherwise Newton steps
// come first, and what it returns is the cost of the steps after them for a
// ratio of the singular values.
func (p *plan) afterNewton(rows, cols int, o Options, lower, eps float64) func(lower float64) float64 {
	if o.Method != Newton && o.Method != Auto && (o.Method != Minimax || lower > 0 || p.fixed) {
		return nil
	}
	work := func(lower float64) float64 {
		o := o
		o.Method, o.Lower = Newton, lower
		after, err := newPlan(rows, cols, o, lower, eps)
		if err != nil {
			return math.Inf(1)
		}
		return after.work
	}
	if o.Method == Newton || lower == 0 {
		return work
	}
	s, l := float64(min(rows, cols)), float64(max(rows, cols))
	before := 0. // a QR factorization, and the product with its basis
	if rows != cols {
		before = (qrWeight + 2) * s * s * l
	}
	for κ := halved(1 / lower); ; κ = halved(κ) {
		before += inversion(s)
		switch total := before + work(1/κ); {
		case total < p.work:
			p.work = total
			return work
		case before >= p.work || κ < 2:
			return nil
		}
	}
}

// decomposition is the cost of a singular value decomposition and of the product
// of its vectors in units of s³, with divide and conquer over products, for
// matrices from leastDecomposed on that are nearly square.
const (
	decomposition   = 23
	leastDecomposed = 128
)

// dearer tells whether the plan, with Newton steps before it where newton, costs
// more than a singular value decomposition. Where the smallest singular value is
// not known it does.
func (p *plan) dearer(rows, cols int, lower float64, newton bool) bool {
	s, l := float64(min(rows, cols)), float64(max(rows, cols))
	return s >= leastDecomposed && l < 1.5*s && (newton && lower == 0 || p.work > decomposition*s*s*s)
}

// cuts tells whether step k of the plan is multiplied out.
func (p *plan) cuts(k int, within, eps float64) bool {
	if k < len(p.cut) {
		return p.cut[k]
	}
	return !p.gram || 4*within*within*eps > 1e-3
}

// next returns step k; taken are those before and loss is the current
// ‖QQᵀ - I‖_F.
func next[T device.Float](e *engine[T], p *plan, k int, taken []step, loss, scale float64) (step, error) {
	if k < len(p.steps) {
		return p.steps[k], nil
	}
	taylor := step{Coefficients: Taylor5}
	switch p.method {
	case Cubic:
		return step{Coefficients: Taylor3}, nil
	case Quintic:
		return taylor, nil
	case Prism:
		return e.prism(k, scale)
	case Halley:
		if len(p.steps) > 0 && loss < 0.5 {
			return taylor, nil
		}
		// The range of singular values is not known yet, or is not what was
		// thought: look again.
		lower, err := e.lower(scale)
		if err != nil {
			return taylor, err
		}
		more := halleySteps(1e-20, 0.5, p.most)[:1]
		if lower > 0 {
			more = halleySteps(lower, e.eps, p.most)
		}
		if len(more) == 0 {
			return taylor, nil
		}
		if lower > 0 {
			p.steps = append(p.steps, more...)
			p.cut = append(p.cut, cuts(len(more), Standard, nil)...)
			p.lower = lower
		}
		return more[0], nil
	}
	// A table that has run out starts again while small singular values
	// remain. It is made for values up to 1.
	if n := len(p.steps); n > 0 && (loss >= 0.5 || k%n != 0 && p.again) {
		s := p.steps[k%n]
		if p.again = true; k%n == 0 {
			s = s.scaled(max(1, largest(taken)) * (1 + 16*e.eps))
		}
		return s, nil
	}
	p.again = false
	return taylor, nil
}
