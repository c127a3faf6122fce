package spectrum

import "github.com/ritz-go/ritz/goapi/device"

// tolerance returns a relative tolerance that options give: 0 means standard,
// or 1e-5 in float32. One that the numbers cannot reach is refused: rounding
// leaves residuals of some eps even where everything else has converged.
func tolerance(tol, standard, eps float64) (float64, error) {
	single := eps > 1e-10
	switch {
	case tol == 0 && single:
		return 1e-5, nil
	case tol == 0:
		return standard, nil
	case !(tol > 0) || tol >= 1:
		return tol, device.Argument("tolerance", "is %v, must be between 0 and 1", tol)
	case single && tol < 1e-6:
		return tol, device.Argument("tolerance", "%v is beyond float32; use float64 or at least 1e-6", tol)
	}
	return tol, nil
}
