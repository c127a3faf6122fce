package device

// BandValuer is implemented by queues that compute the singular values of
// band matrices much faster than those of full ones.
type BandValuer interface {
	// BandWidth returns how many superdiagonals the matrices of
	// TryBandValues have, 0 if the queue has no kernel for them.
	BandWidth() int
	// TryBandValues returns the singular values, descending, of an upper band
	// matrix: row i of a (n×(BandWidth()+1)) begins with the diagonal element
	// of row i, and what would stand behind column n does not count.
	TryBandValues(a Dense[float64]) ([]float64, bool)
}

// bandKernels are the kernels of a CPU device that has them.
type bandKernels interface {
	BandWidth() int
	BandValues(a Dense[float64]) ([]float64, error)
}

var _ BandValuer = (*hostQueue[float64])(nil)

func (q *hostQueue[T]) BandWidth() int {
	if k, ok := q.kernels.(bandKernels); ok {
		return k.BandWidth()
	}
	return 0
}

func (q *hostQueue[T]) TryBandValues(a Dense[float64]) ([]float64, bool) {
	k, ok := q.kernels.(bandKernels)
	if !ok {
		return nil, false
	}
	err := a.Validate("BandValues")
	if err == nil && a.Cols != k.BandWidth()+1 {
		err = shapeError("BandValues", "a has %d columns, not %d", a.Cols, k.BandWidth()+1)
	}
	if !q.begin(err) || a.Rows == 0 {
		return nil, true
	}
	s, err := k.BandValues(a)
	q.failure = err
	return s, true
}
