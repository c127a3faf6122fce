package sinkhorn

// bestStart makes the starts of a descent to a local minimum and returns where
// the one of the least value has ended, the first of equal ones.
func bestStart[E any](starts int, descend func(k int) (E, error), value func(E) float64) (best E, err error) {
	for k := range starts {
		e, err := descend(k)
		if err != nil {
			return best, err
		}
		if k == 0 || value(e) < value(best) {
			best = e
		}
	}
	return best, nil
}
