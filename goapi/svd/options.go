package svd

import "github.com/ritz-go/ritz/goapi/device"

// Method names an algorithm.
type Method string

const (
	Auto       Method = "auto"
	Full       Method = "full"
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

// Options of a decomposition. The zero value computes all singular values and
// vectors.
type Options struct {
	Method Method // "" means Auto

	// Rank is the number of largest singular values to compute, 0 for all.
	Rank int

	// Tol, between 0 and 1, asks instead of Rank for as many singular values
	// as make ‖A - U·S·Vᵀ‖_F at most Tol·‖A‖_F: the least number for full,
	// at most a few more than that for randomized. The relative error that
	// was reached is Certificate.Residual. At least 100·eps; 0 means by Rank.
	// PowerIterations and Oversampling do not matter then.
	Tol float64

	// ValuesOnly leaves out U and Vt.
	ValuesOnly bool

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
	switch o.Method {
	case "", Auto:
		o.Method = Full
		if 3*width <= k {
			o.Method = Randomized
		}
	case Full, Lanczos:
	case Randomized:
		if width > k { // the Krylov space would be the whole space
			o.Method = Full
		}
	default:
		return o, device.Argument("method", "is %q, must be auto, full, randomized or lanczos", string(o.Method))
	}
	return o, nil
}

// completeTo is complete for a tolerance; k is the full rank. Rank becomes the
// largest dimension of the Krylov space.
func (o Options) completeTo(k int) (Options, error) {
	o.Rank = k
	switch o.Method {
	case "", Auto:
		o.Method = Full
		if k >= adaptiveLeast {
			o.Method, o.Rank = Randomized, k/3
		}
	case Full, Randomized:
	default:
		return o, device.Argument("method", "is %q, must be auto, full or randomized with a tolerance", string(o.Method))
	}
	return o, nil
}
