package spectrum

import (
	"context"
	"slices"

	"github.com/ritz-go/ritz/goapi/device"
)

// Which names the end of the spectrum that Eigs looks at.
type Which string

const (
	LargestAlgebraic  Which = "LA"
	SmallestAlgebraic Which = "SA"
	LargestMagnitude  Which = "LM"
	BothEnds          Which = "BE" // half from each end, the odd one from the top
)

// EigsOptions are the options of Eigs.
type EigsOptions struct {
	// K is the number of eigenpairs, at least 1.
	K int

	// Which end; "" means LargestAlgebraic.
	Which Which

	// Tol is the residual to reach relative to the largest magnitude of a
	// Ritz value; 0 means 1e-10 (float32: 1e-5).
	Tol float64

	// Basis is the largest dimension of the Krylov space; 0 means
	// max(2·K+20, 40, K+2·Block), or what Memory allows. Memory: two vectors
	// for each dimension.
	Basis int

	// Memory bounds the bytes of the Krylov space; 0 means no bound. A
	// smaller space needs more products.
	Memory uint64

	// Block is the number of vectors that an application takes; 0 means 1.
	// Eigenvalues of multiplicity p need a block of p to be found p times.
	Block int

	// MaxProducts bounds the number of products; 0 means 1000 + 100·K.
	MaxProducts int

	// Seed of the random start.
	Seed uint64

	// Progress, if not nil, is called after each application with the number
	// of converged pairs.
	Progress func(converged, products int)

	// State is where to go on from after an interruption, or with more
	// products or a smaller tolerance.
	State State
}

func (o EigsOptions) complete(n int, eps float64) (EigsOptions, error) {
	if o.Which == "" {
		o.Which = LargestAlgebraic
	}
	tol, unusable := tolerance(o.Tol, 1e-10, eps)
	o.Tol = tol
	if o.Block == 0 {
		o.Block = 1
	}
	o.Block = min(o.Block, n)
	free := o.Basis == 0
	if free {
		o.Basis = max(2*o.K+20, 40, o.K+2*o.Block)
	}
	if o.MaxProducts == 0 {
		o.MaxProducts = 1000 + 100*o.K
	}
	switch {
	case o.K < 1 || o.K > n:
		return o, device.Argument("k", "is %d, must be between 1 and the dimension %d", o.K, n)
	case !slices.Contains([]Which{LargestAlgebraic, SmallestAlgebraic, LargestMagnitude, BothEnds}, o.Which):
		return o, device.Argument("which", "is %q, must be LA, SA, LM or BE", string(o.Which))
	case unusable != nil:
		return o, unusable
	case o.Block < 1:
		return o, device.Argument("block", "is %d, must be at least 1", o.Block)
	case o.Basis < 0 || o.Basis < o.K+2*o.Block && o.Basis < n:
		return o, device.Argument("basis", "is %d, must be at least k + 2·block = %d", o.Basis, o.K+2*o.Block)
	case o.MaxProducts < 1:
		return o, device.Argument("max products", "is %d, must be positive", o.MaxProducts)
	}
	o.Basis = min(o.Basis, n)
	return o.fit(n, eps, free)
}

// fit keeps the space within the memory, if it is free to.
func (o EigsOptions) fit(n int, eps float64, free bool) (EigsOptions, error) {
	if o.Memory == 0 {
		return o, nil
	}
	vector := 16 * float64(n) // and its image
	if eps > 1e-10 {
		vector /= 2
	}
	room := float64(o.Memory) / vector
	if least := min(n, o.K+2*o.Block); room < float64(least) || !free && room < float64(o.Basis) {
		if !free {
			least = o.Basis
		}
		return o, device.Argument("memory", "of %d bytes does not hold a space of %d vectors of length %d, which takes %.0f", o.Memory, least, n, float64(least)*vector)
	}
	o.Basis = int(min(float64(o.Basis), room))
	return o, nil
}

// Eigen are eigenpairs in the order of Which: descending for LA and LM (by
// magnitude), ascending for SA, and for BE descending.
type Eigen[T device.Float] struct {
	Values  []float64
	Vectors device.Dense[T] // K×n, one unit vector in each row

	// Residuals are ‖H·y - θ·y‖₂ for each pair, computed from products that
	// were made, not estimated. H has an eigenvalue within the residual of
	// each value.
	Residuals []float64

	Products int // products with the operator
	Restarts int
}

// Eigs computes the K eigenpairs of op at the chosen end of its spectrum, by
// Lanczos with thick restarts (Wu and Simon, SIAM J. Matrix Anal. 2000).
//
// Errors: *device.ArgumentError, also for an operator that is seen not to be
// symmetric; *device.NotFiniteError if a product is not finite;
// *device.NotConvergedError with the best pairs if MaxProducts was reached.
func Eigs[T device.Float](ctx context.Context, dev device.Device, op Operator[T], o EigsOptions) (*Eigen[T], error) {
	return EigsFrom(ctx, dev, op, device.Dense[T]{}, o)
}

// EigsFrom is Eigs with a start: the rows of start are vectors of length Dim
// near the wanted eigenvectors, such as those of the same operator a training
// step ago. The closer they are the fewer products it takes. A matrix without
// rows means a random start.
func EigsFrom[T device.Float](ctx context.Context, dev device.Device, op Operator[T], start device.Dense[T], o EigsOptions) (*Eigen[T], error) {
	if err := checkOperator(op); err != nil {
		return nil, err
	}
	o, err := o.complete(op.Dim(), device.Epsilon[T]())
	if err != nil {
		return nil, err
	}
	if err := checkGuess(start, op.Dim()); err != nil {
		return nil, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	s := newSpace(q, op, o)
	if err := s.begin(ctx, start); err != nil {
		return nil, err
	}
	return s.solve(ctx)
}

// checkGuess checks vectors to start from, of which there may be none.
func checkGuess[T device.Float](start device.Dense[T], n int) error {
	if start.Rows == 0 {
		return nil
	}
	if err := device.CheckInput("start", start); err != nil {
		return err
	}
	if start.Cols != n {
		return &device.ShapeError{Op: "start", Detail: "has vectors of another length than the operator's dimension"}
	}
	return nil
}
