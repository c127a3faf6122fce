package polar

// Operations and rounding errors of the two forms. s is the smaller and l the
// larger side of the matrix; an operation is an addition with a multiplication
// counted as two.

// Relative costs of operations where there are no kernels as good as those of
// products: a triangular solve and a Cholesky factorization.
const (
	solveWeight    = 2.2
	choleskyWeight = 3.
)

// Cost is the number of operations of n polynomial steps of degree five on an
// m×k matrix, with products that use symmetry: s²·l for a Gram matrix, s³ for
// a product of commuting symmetric matrices and 2·s²·l for multiplying out.
// restarts are those of the Gram form; Standard has none.
func Cost(rows, cols, n int, form Form, restarts []int) float64 {
	steps := make([]step, n)
	for i := range steps {
		steps[i].C = 1
	}
	return cost(rows, cols, steps, cuts(n, form, restarts), 1, 1)
}

// cuts tells after which of n steps the matrix is multiplied out.
func cuts(n int, form Form, restarts []int) []bool {
	cut := make([]bool, n)
	for i := range cut {
		cut[i] = form != Gram || i == n-1
	}
	for _, r := range restarts {
		if r <= n {
			cut[r-1] = true
		}
	}
	return cut
}

// cost counts operations, those of solves and factorizations with weights.
func cost(rows, cols int, steps []step, cut []bool, solve, cholesky float64) float64 {
	s, l := float64(min(rows, cols)), float64(max(rows, cols))
	cube := s * s * s
	sum := 0.0
	first := true // of the steps between two restarts
	for i, p := range steps {
		if first {
			sum += s * s * l // the Gram matrix
		}
		switch {
		case p.rational && first && cut[i]: // two solves with the large matrix
			sum += cholesky*cube/3 + solve*2*s*s*l
			continue
		case p.rational: // the inverse of a small one
			sum += cholesky*cube/3 + solve*cube + cube
		default:
			sum += p.products() * cube
		}
		if !first {
			sum += cube // the product with the polynomials before
		}
		if cut[i] {
			sum += 2 * s * s * l
		} else {
			sum += 2 * cube // the next Gram matrix
		}
		first = cut[i]
	}
	return sum
}

// growth estimates the polar error that rounding leaves, in units of eps. An
// error of a Gram matrix that steps have amplified by A has grown by A², and c
// times as much in the inverse of a step of Halley's: it turns the directions of
// small singular values among each other, and stays in proportion. What mixes
// them with large ones, as a product with the matrix does, grows with the steps
// that follow.
func growth(steps []step, cut []bool) float64 {
	after := 1.0 // amplification by the steps that follow
	for _, p := range steps {
		after *= p.slope()
	}
	sum, within := after, 1.0
	for i, p := range steps {
		after /= p.slope()
		if p.rational {
			sum += p.halley.c * within * within
		}
		sum += p.size() / 2 * within * (within + after)
		if cut[i] {
			sum += 4 * within * (within + after)
		}
		within *= p.slope()
		if cut[i] {
			within = 1
		}
	}
	return sum
}

// best returns the cuts with the fewest operations among those whose growth
// is at most limit; with none, nil. The steps beyond the first twelve are all
// multiplied out.
func best(rows, cols int, steps []step, limit float64) ([]bool, float64) {
	n := len(steps)
	free := min(n, 12) - 1
	var found []bool
	least := 0.0
	cut := make([]bool, n)
	for mask := range 1 << max(0, free) {
		for i := range cut {
			cut[i] = i >= free || mask>>i&1 != 0
		}
		if growth(steps, cut) > limit {
			continue
		}
		if c := cost(rows, cols, steps, cut, solveWeight, choleskyWeight); found == nil || c < least {
			found, least = append(found[:0], cut...), c
		}
	}
	return found, least
}
