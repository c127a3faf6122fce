package svd

import "github.com/ritz-go/ritz/goapi/device"

// Method names an algorithm.
type Method string

// What can be asked for; see the package documentation.
const (
	Auto       Method = "auto"
	Full       Method = "full"
	Direct     Method = "direct"
	Gram       Method = "gram"
	Tall       Method = "tall"
	Jacobi     Method = "jacobi"
	Randomized Method = "randomized"
	Lanczos    Method = "lanczos"
)

// What Stream and Incremental report as their method.
const (
	SinglePass Method = "single-pass"
	MultiPass  Method = "multi-pass"
	RowQR      Method = "row-qr"
	Updated    Method = "updated"
)

// full reports whether m computes all singular values, whichever are kept.
func (m Method) full() bool {
	return m == Full || m == Direct || m == Gram || m == Tall || m == Jacobi
}

// Vectors says which singular vectors are wanted.
type Vectors string

const (
	Both  Vectors = "both"
	Left  Vectors = "left"  // U alone
	Right Vectors = "right" // Vt alone
	None  Vectors = "none"  // the singular values alone
)

// complete fills in the default.
func (v Vectors) complete() (Vectors, error) {
	switch v {
	case "":
		return Both, nil
	case Both, Left, Right, None:
		return v, nil
	}
	return v, device.Argument("vectors", "are %q, must be both, left, right or none", string(v))
}

func (v Vectors) left() bool  { return v == Both || v == Left }
func (v Vectors) right() bool { return v == Both || v == Right }

// Options of a decomposition. The zero value computes all singular values and
// vectors.
type Options struct {
	Method Method // "" means Auto

	// Rank is the number of largest singular values to compute, 0 for all.
	Rank int

	// Tol, between 0 and 1, asks instead of Rank for as many singular values
	// as make ‖A - U·S·Vᵀ‖_F at most Tol·‖A‖_F: the least number for the
	// methods that compute all values, at most a few more than that for
	// randomized. The relative error that was reached is
	// Certificate.Residual. At least 100·eps; 0 means by Rank.
	// PowerIterations and Oversampling do not matter then.
	Tol float64

	// Vectors leaves out U, Vt or both; "" means Both. None saves most of
	// the time; of a tall matrix Right, of a wide one Left saves the largest
	// part of the work, the product that makes the long vectors.
	Vectors Vectors

	// PowerIterations is the number of products with A·Aᵀ beyond the first
	// block of the Krylov space; 0 means 3. Each makes the space larger by
	// Rank+Oversampling and the small singular values more accurate.
	PowerIterations int

	// Oversampling is the number of vectors by which a block exceeds Rank; 0
	// means 10.
	Oversampling int

	// Seed of the random start and of the certificate's probes.
	Seed uint64
}

// complete fills in defaults and checks the options for an m×n matrix.
func (o Options) complete(m, n int) (Options, error) {
	k := min(m, n)
	var err error
	if o.Vectors, err = o.Vectors.complete(); err != nil {
		return o, err
	}
	switch {
	case o.Rank < 0 || o.Rank > k:
		return o, device.Argument("rank", "is %d, must be between 1 and %d for a %d×%d matrix (0 for all)", o.Rank, k, m, n)
	case !(o.Tol >= 0) || o.Tol >= 1:
		return o, device.Argument("tolerance", "is %v, must be between 0 and 1", o.Tol)
	case o.Tol > 0 && o.Rank > 0:
		return o, device.Argument("tolerance", "and rank exclude each other")
	case o.PowerIterations < 0:
		return o, device.Argument("power iterations", "is %d, must not be negative", o.PowerIterations)
	case o.Oversampling < 0:
		return o, device.Argument("oversampling", "is %d, must not be negative", o.Oversampling)
	}
	if o.Tol > 0 {
		return o.completeTo(k)
	}
	if o.Rank == 0 {
		o.Rank = k
	}
	if o.PowerIterations == 0 {
		o.PowerIterations = 3
	}
	if o.Oversampling == 0 {
		o.Oversampling = 10
	}
	o.PowerIterations, o.Oversampling = min(o.PowerIterations, k), min(o.Oversampling, k)
	width := (o.Rank + o.Oversampling) * (o.PowerIterations + 1)
	switch {
	case o.Method == "" || o.Method == Auto:
		o.Method = Full
		if 3*width <= k {
			o.Method = Randomized
		}
	case o.Method == Randomized:
		if width > k { // the Krylov space would be the whole space
			o.Method = Full
		}
	case o.Method != Lanczos && !o.Method.full():
		return o, device.Argument("method", "is %q, must be auto, full, direct, gram, tall, jacobi, randomized or lanczos", string(o.Method))
	}
	return o, nil
}

// completeTo is complete for a tolerance; k is the full rank. Rank becomes the
// largest dimension of the Krylov space.
func (o Options) completeTo(k int) (Options, error) {
	o.Rank = k
	switch {
	case o.Method == "" || o.Method == Auto:
		o.Method = Full
		if k >= adaptiveLeast {
			o.Method, o.Rank = Randomized, k/3
		}
	case o.Method != Randomized && !o.Method.full():
		return o, device.Argument("method", "is %q, must be auto, full, direct, gram, tall, jacobi or randomized with a tolerance", string(o.Method))
	}
	return o, nil
}
