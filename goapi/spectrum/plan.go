package spectrum

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// pilot is the number of products that the planner starts with: half of them
// with random vectors, the other half with the range of those.
const pilot = 16

// candidate is a method with what it gives for the products made so far.
type candidate struct {
	Estimate
	k    int     // vectors
	rate float64 // the error falls like vectors^-rate
	cost int     // products for each vector
}

// needs predicts how many vectors reach a standard error.
func (c candidate) needs(target float64) float64 {
	if c.StdErr <= target {
		return float64(c.k)
	}
	return float64(c.k) * math.Pow(c.StdErr/target, 1/c.rate)
}

// plan spends as few products as it can to reach a standard error relative to
// the trace. All methods work on the same random vectors, whose products serve
// each of them: Hutchinson's samples and XNysTrace need no others, XTrace as
// many again. After a pilot the method with the lowest predicted cost decides
// by how much the vectors grow, at most to their double, until one of them has
// reached the target.
func (t *tracer[T]) plan(o TraceOptions) (Estimate, error) {
	s := &sketch[T]{tracer: t, law: device.Normal}
	indefinite := false
	for k := pilot / 2; ; {
		if t.products+k-s.k > o.Budget || 2*k > t.n {
			break
		}
		if err := s.grow(k); err != nil {
			return Estimate{}, err
		}
		best, needs, err := t.best(s, o, &indefinite)
		if err != nil || best.StdErr <= o.Target*math.Abs(best.Value) {
			return best.Estimate, err
		}
		// A quarter more than predicted saves rounds.
		next := int(min(2*float64(k), max(1.25*needs, float64(k)+4)))
		// The unit vectors may be cheaper, but not because of what a pilot
		// says about how errors fall.
		if made := t.products + best.cost*(next-k); 2*made > t.n && float64(best.cost)*(needs-float64(k)) > float64(t.n) {
			break
		}
		room := (o.Budget - t.products) / best.cost
		if room < 1 {
			return best.Estimate, t.short(o, best.Estimate)
		}
		k = min(next, k+room)
	}
	if t.products+t.n <= o.Budget || s.k == 0 && t.n <= o.Budget {
		return t.exact()
	}
	best, _, err := t.best(s, o, &indefinite)
	if err != nil {
		return best.Estimate, err
	}
	if best.StdErr <= o.Target*math.Abs(best.Value) {
		return best.Estimate, nil
	}
	return best.Estimate, t.short(o, best.Estimate)
}

func (t *tracer[T]) short(o TraceOptions, e Estimate) error {
	return &device.NotConvergedError{Method: "trace by " + string(e.Method), Iterations: t.products,
		Achieved: e.StdErr / math.Abs(e.Value), Wanted: o.Target}
}

// best returns the candidate that reaches the target with the fewest further
// products, and how many vectors that takes.
func (t *tracer[T]) best(s *sketch[T], o TraceOptions, indefinite *bool) (best candidate, needs float64, err error) {
	cheapest := math.Inf(1)
	take := func(c candidate) {
		c.Products = t.products
		n := c.needs(o.Target * math.Abs(c.Value))
		if price := float64(c.cost) * (n - float64(c.k)); price < cheapest {
			best, needs, cheapest = c, n, price
		}
	}
	allowed := func(m TraceMethod) bool { return o.Method == "" || o.Method == m }
	if allowed(Hutchinson) {
		samples, err := t.rowDots(s.ω, s.y)
		if err != nil {
			return best, 0, err
		}
		c := candidate{Estimate: meanOf(samples, t.products), k: s.k, rate: 0.5, cost: 1}
		c.Method = Hutchinson
		take(c)
	}
	if allowed(XNysTrace) && !*indefinite {
		p, err := s.nystrom()
		if err != nil {
			return best, 0, err
		}
		e, err := p.estimate(t.products)
		if err == nil {
			half, err := p.first(s.k / 2).estimate(0)
			if err != nil {
				return best, 0, err
			}
			take(candidate{Estimate: e, k: s.k, rate: rate(half, e), cost: 1})
			return best, needs, nil // dominates XTrace
		}
		if o.Method == XNysTrace {
			return best, 0, err
		}
		*indefinite = true
	}
	// The range's products pay if Hutchinson's way is longer than they.
	if allowed(XTrace) && (s.z.Rows > 0 || cheapest > pilot) && t.products+s.k-s.z.Rows <= o.Budget {
		p, err := s.rangeMoments()
		if err != nil {
			return best, 0, err
		}
		e := p.estimate(t.products)
		take(candidate{Estimate: e, k: s.k, rate: rate(p.first(s.k/2).estimate(0), e), cost: 2})
	}
	if best.cost == 0 { // only XTrace was allowed, and its budget is used up
		return best, 0, device.Argument("budget", "is %d, too small for %s", o.Budget, o.Method)
	}
	return best, needs, nil
}

// rate returns the exponent of the decay between the error of half of the
// vectors and that of all, within what so few samples can tell.
func rate(half, all Estimate) float64 {
	if !(all.StdErr > 0) || !(half.StdErr > 0) {
		return 4
	}
	return min(max(math.Log2(half.StdErr/all.StdErr), 0.5), 4)
}
