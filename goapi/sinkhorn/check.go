package sinkhorn

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// check validates p and returns the numbers of points on both sides.
func check[T device.Float](p Problem[T]) (n, m int, err error) {
	dense, clouds := !absent(p.Cost), !absent(p.X) || !absent(p.Y)
	switch {
	case dense && clouds:
		return 0, 0, device.Argument("Cost", "and points are both given: give one of them")
	case (dense || clouds) && p.Source != nil:
		return 0, 0, device.Argument("Source", "and costs or points are both given: give one of them")
	case p.Source != nil:
		if err := p.Source.check(); err != nil {
			return 0, 0, err
		}
		n, m = p.Source.Size()
	case !dense && !clouds:
		return 0, 0, fmt.Errorf("the problem has neither costs nor points: %w", device.ErrEmpty)
	case dense:
		// The values are checked by the scan for their range.
		if err := p.Cost.Validate("Cost"); err != nil {
			return 0, 0, err
		}
		if p.Cost.Rows == 0 || p.Cost.Cols == 0 {
			return 0, 0, fmt.Errorf("cost matrix is %d×%d: %w", p.Cost.Rows, p.Cost.Cols, device.ErrEmpty)
		}
		n, m = p.Cost.Rows, p.Cost.Cols
	default:
		if p.P != 0 && p.P != 1 && p.P != 2 {
			return 0, 0, device.Argument("P", "is %d, must be 1 or 2", p.P)
		}
		if err := device.CheckInput("X", p.X); err != nil {
			return 0, 0, err
		}
		if err := device.CheckInput("Y", p.Y); err != nil {
			return 0, 0, err
		}
		if p.X.Cols != p.Y.Cols {
			return 0, 0, &device.ShapeError{Op: "Y", Detail: fmt.Sprintf("points of dimension %d, those of X have %d", p.Y.Cols, p.X.Cols)}
		}
		n, m = p.X.Rows, p.Y.Rows
	}
	if err := checkVector("A", p.A, n, 0); err != nil {
		return 0, 0, err
	}
	if err := checkVector("B", p.B, m, 0); err != nil {
		return 0, 0, err
	}
	return n, m, checkVector("Warm", p.Warm, m, math.Inf(-1))
}

// checkCosts looks for costs that are NaN or -Inf.
func checkCosts[T device.Float](c device.Dense[T]) error {
	for i := range c.Rows {
		for j, v := range c.Row(i) {
			if v-v != 0 && !math.IsInf(float64(v), 1) {
				return &device.NotFiniteError{Name: "Cost", Row: i, Col: j, Value: float64(v)}
			}
		}
	}
	return nil
}

// absent reports whether a is the zero Dense.
func absent[T device.Float](a device.Dense[T]) bool {
	return a.Rows == 0 && a.Cols == 0 && a.Data == nil
}

// checkVector checks a vector that may be nil.
func checkVector[T device.Float](name string, v []T, n int, least float64) error {
	if v == nil {
		return nil
	}
	if len(v) != n {
		return &device.ShapeError{Op: name, Detail: fmt.Sprintf("%d elements for %d points", len(v), n)}
	}
	if err := device.CheckInput(name, device.Vector(v)); err != nil {
		return err
	}
	for i, x := range v {
		if float64(x) < least {
			return device.Argument(name, "is negative (%v) at index %d", x, i)
		}
	}
	return nil
}

// weights returns a and b in float64, each scaled to the sum 1, and the mass
// that they had.
func weights[T device.Float](p Problem[T], n, m int, normalize bool) (a, b []float64, mass float64, err error) {
	a, sumA := widen(p.A, n)
	b, sumB := widen(p.B, m)
	switch { // a uniform side takes the mass of the other one
	case p.A == nil && p.B != nil:
		sumA = sumB
	case p.B == nil:
		sumB = sumA
	}
	for _, s := range []struct {
		name string
		v    []T
		sum  float64
	}{{"A", p.A, sumA}, {"B", p.B, sumB}} {
		if s.v != nil && !(s.sum > 0) {
			return nil, nil, 0, device.Argument(s.name, "has the sum 0")
		}
		if math.IsInf(s.sum, 0) {
			return nil, nil, 0, device.Argument(s.name, "has a sum that overflows")
		}
	}
	if normalize {
		return a, b, 1, nil
	}
	// Weights that were normalised in T miss each other by rounding errors.
	if tol := math.Sqrt(device.Epsilon[T]()) / 16 * sumA; math.Abs(sumA-sumB) > tol {
		return nil, nil, 0, device.Argument("B", "has the sum %v and A the sum %v: scale them to the same mass or set Normalize", sumB, sumA)
	}
	return a, b, sumA, nil
}

// widen returns v in float64 scaled to the sum 1 and the sum it had, the
// uniform distribution for nil. A sum of 0 leaves v as it is.
func widen[T device.Float](v []T, n int) (w []float64, sum float64) {
	w = make([]float64, n)
	if v == nil {
		for i := range w {
			w[i] = 1 / float64(n)
		}
		return w, 1
	}
	for _, x := range v {
		sum += float64(x)
	}
	for i, x := range v {
		w[i] = float64(x)
		if sum > 0 {
			w[i] /= sum
		}
	}
	return w, sum
}

// points returns the numbers of points of a valid problem.
func points[T device.Float](p Problem[T]) (n, m int) {
	if p.Source != nil {
		return p.Source.Size()
	}
	if absent(p.Cost) {
		return p.X.Rows, p.Y.Rows
	}
	return p.Cost.Rows, p.Cost.Cols
}
