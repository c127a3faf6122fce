package sinkhornnewton

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

// Assignment is a random linear assignment problem: n×n costs that are uniform
// in [0,1), uniform masses. The numbers are those of the linear congruential
// generator s ← 1664525·s + 1013904223 mod 2³², s/2³², which every language
// reproduces, from the given seed on.
func Assignment(seed uint32, n int) sinkhorn.Problem[float64] {
	c := device.NewDense[float64](n, n)
	for i := range c.Data {
		seed = 1664525*seed + 1013904223
		c.Data[i] = float64(seed) / (1 << 32)
	}
	return sinkhorn.Problem[float64]{Cost: c}
}

// Ground is the cost of moving a unit of mass in the plane.
type Ground int

const (
	SquaredL2 Ground = iota // (Δu)² + (Δv)²
	L1                      // |Δu| + |Δv|
)

// Images is transport between two images of side×side pixels, whose
// intensities (not negative) are scaled to the sum 1, pixel (u,v) standing at
// (u/side, v/side). Pixels without intensity are left out. Errors: those of
// sizes and of images without any intensity.
func Images(from, to []float64, side int, ground Ground) (sinkhorn.Problem[float64], error) {
	var p sinkhorn.Problem[float64]
	if len(from) != side*side || len(to) != side*side {
		return p, &device.ShapeError{Op: "Images", Detail: "the images are not square"}
	}
	at, a := support(from)
	on, b := support(to)
	if len(at) == 0 || len(on) == 0 {
		return p, device.Argument("image", "has no intensity")
	}
	p.A, p.B, p.Cost = a, b, device.NewDense[float64](len(at), len(on))
	for i, k := range at {
		for j, l := range on {
			du, dv := float64(k/side-l/side)/float64(side), float64(k%side-l%side)/float64(side)
			if ground == L1 {
				p.Cost.Set(i, j, math.Abs(du)+math.Abs(dv))
			} else {
				p.Cost.Set(i, j, du*du+dv*dv)
			}
		}
	}
	return p, nil
}

// support returns where w is positive, and its values there over their sum.
func support(w []float64) (at []int, v []float64) {
	sum := 0.0
	for i, x := range w {
		if x > 0 {
			at, v = append(at, i), append(v, x)
			sum += x
		}
	}
	for i := range v {
		v[i] /= sum
	}
	return at, v
}

// Densities is transport on the line: n points tᵢ = (i+½)/n on either side,
// masses proportional to a and b at them, and costs |s-t|^power.
func Densities(n int, a, b func(t float64) float64, power float64) sinkhorn.Problem[float64] {
	p := sinkhorn.Problem[float64]{Cost: device.NewDense[float64](n, n), A: make([]float64, n), B: make([]float64, n)}
	sumA, sumB := 0.0, 0.0
	for i := range n {
		t := (float64(i) + .5) / float64(n)
		p.A[i], p.B[i] = a(t), b(t)
		sumA, sumB = sumA+p.A[i], sumB+p.B[i]
		for j := range n {
			p.Cost.Set(i, j, math.Pow(math.Abs(float64(i-j))/float64(n), power))
		}
	}
	for i := range n {
		p.A[i] /= sumA
		p.B[i] /= sumB
	}
	return p
}
