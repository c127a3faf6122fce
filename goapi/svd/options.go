package svd

import "github.com/ritz-go/ritz/goapi/device"

// Method names an algorithm.
type Method string

const (
	Auto       Method = "auto"
	Full       Method = "full"
	Randomized Method = "randomized"
)

// Options of a decomposition. The zero value computes all singular values and
// vectors.
type Options struct {
	Method Method // "" means Auto

	// Rank is the number of largest singular values to compute, 0 for all.
	Rank int

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
	case o.PowerIterations < 0:
		return o, device.Argument("power iterations", "is %d, must not be negative", o.PowerIterations)
	case o.Oversampling < 0:
		return o, device.Argument("oversampling", "is %d, must not be negative", o.Oversampling)
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
	case Full:
	case Randomized:
		if width > k { // the Krylov space would be the whole space
			o.Method = Full
		}
	default:
		return o, device.Argument("method", "is %q, must be auto, full or randomized", string(o.Method))
	}
	return o, nil
}
