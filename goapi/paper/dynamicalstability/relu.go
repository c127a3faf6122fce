package dynamicalstability

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/ritz-go/ritz/goapi/device"
)

// ReLU is the two-layer network f(x) = Σⱼ Aⱼ·max(⟨wⱼ,x⟩,0), wⱼ the rows of the
// m×d matrix W. Its parameters are in the order A, W.
type ReLU struct {
	A []float64
	W device.Dense[float64]
}

// Check reports whether the shapes fit and the numbers are finite.
func (m ReLU) Check() error {
	if err := device.CheckInput("hidden weights", m.W); err != nil {
		return err
	}
	if len(m.A) != m.W.Rows {
		return &device.ShapeError{Op: "output weights", Detail: fmt.Sprintf("there are %d for %d hidden units", len(m.A), m.W.Rows)}
	}
	return device.CheckInput("output weights", device.Vector(m.A))
}

// Parameters returns the number of parameters, m·(d+1).
func (m ReLU) Parameters() int { return len(m.A) * (m.W.Cols + 1) }

// PathNorm returns Σⱼ |Aⱼ|·‖wⱼ‖.
func (m ReLU) PathNorm() float64 {
	sum := 0.0
	for j, a := range m.A {
		sum += math.Abs(a) * floats.Norm(m.W.Row(j), 2)
	}
	return sum
}

// IsotropicTrace returns tr H for inputs with the law N(0,I) or uniform on the
// sphere of radius √d: ½·Σⱼ(‖wⱼ‖² + d·Aⱼ²). It is at least √d·PathNorm, and
// equal to it where ‖wⱼ‖ = √d·|Aⱼ|, so that a minimum at which SGD with single
// samples is stable has PathNorm ≤ 2/(η√d).
func (m ReLU) IsotropicTrace() float64 {
	sum := 0.0
	for j, a := range m.A {
		w := m.W.Row(j)
		sum += floats.Dot(w, w) + float64(m.W.Cols)*a*a
	}
	return sum / 2
}

// Gradients returns the gradients of the outputs at the rows of x with respect
// to the parameters, n×m·(d+1). The unit's derivative at 0 is taken as 0.
func (m ReLU) Gradients(x device.Dense[float64]) (device.Dense[float64], error) {
	if err := m.checkInputs(x); err != nil {
		return device.Dense[float64]{}, err
	}
	units, d := len(m.A), m.W.Cols
	g := device.NewDense[float64](x.Rows, m.Parameters())
	for i := range x.Rows {
		row := g.Row(i)
		for j, a := range m.A {
			z := floats.Dot(m.W.Row(j), x.Row(i))
			if z <= 0 {
				continue
			}
			row[j] = z
			floats.AddScaled(row[units+j*d:units+(j+1)*d], a, x.Row(i))
		}
	}
	return g, nil
}

func (m ReLU) checkInputs(x device.Dense[float64]) error {
	if err := m.Check(); err != nil {
		return err
	}
	if err := device.CheckInput("inputs", x); err != nil {
		return err
	}
	if x.Cols != m.W.Cols {
		return &device.ShapeError{Op: "inputs", Detail: fmt.Sprintf("they have %d features, the network takes %d", x.Cols, m.W.Cols)}
	}
	return nil
}

// GaussianHessian returns H = E ∇f∇fᵀ, m·(d+1) square, for x ~ N(0,I), in closed
// form. With φ the angle of wᵢ and wⱼ and u their directions,
//
//	E[uᵢᵀx·uⱼᵀx | both > 0]·P = (sin φ + (π-φ)·cos φ)/2π,
//	E[xxᵀ | both > 0]·P = (π-φ)/2π·I + (uᵢuⱼᵀ + uⱼuᵢᵀ - cos φ·(uᵢuᵢᵀ + uⱼuⱼᵀ))/(2π·sin φ)
//
// (Cho and Saul 2009). A unit with wⱼ = 0 has no gradient.
func (m ReLU) GaussianHessian() (device.Dense[float64], error) {
	if err := m.Check(); err != nil {
		return device.Dense[float64]{}, err
	}
	units, d := len(m.A), m.W.Cols
	h := device.NewDense[float64](m.Parameters(), m.Parameters())
	norm := make([]float64, units)
	u := device.NewDense[float64](units, d)
	for j := range units {
		norm[j] = floats.Norm(m.W.Row(j), 2)
		if norm[j] > 0 {
			floats.ScaleTo(u.Row(j), 1/norm[j], m.W.Row(j))
		}
	}
	block := device.NewDense[float64](d, d)
	for i := range units {
		for j := range units {
			if norm[i] == 0 || norm[j] == 0 {
				continue
			}
			sin, cos, φ := angle(u.Row(i), u.Row(j))
			h.Set(i, j, norm[i]*norm[j]*(sin+(math.Pi-φ)*cos)/(2*math.Pi))
			moment(block, u.Row(i), u.Row(j), sin, cos, φ)
			for k := range d {
				at := units + i*d + k
				floats.AddScaled(h.Row(at)[units+j*d:units+(j+1)*d], m.A[i]*m.A[j], block.Row(k))
				// E ∂f/∂Aᵢ·∂f/∂wⱼ = Aⱼ·E[wᵢᵀx·x | both > 0].
				v := m.A[j] * floats.Dot(block.Row(k), m.W.Row(i))
				h.Set(i, units+j*d+k, v)
				h.Set(units+j*d+k, i, v)
			}
		}
	}
	return h, nil
}

// angle returns the angle of two unit vectors with its sine and cosine, also
// where they are nearly parallel.
func angle(u, v []float64) (sin, cos, φ float64) {
	var minus, plus float64
	for k := range u {
		minus += (u[k] - v[k]) * (u[k] - v[k])
		plus += (u[k] + v[k]) * (u[k] + v[k])
	}
	φ = 2 * math.Atan2(math.Sqrt(minus), math.Sqrt(plus)) // Kahan
	sin, cos = math.Sincos(φ)
	return sin, cos, φ
}

// moment stores E[xxᵀ·1(uᵀx > 0, vᵀx > 0)] in block, for unit vectors u and
// v = cos φ·u + sin φ·e: (π-φ)/2π·I + (sin φ·cos φ·(uuᵀ - eeᵀ) + sin²φ·(ueᵀ + euᵀ))/2π,
// the formula above without its quotient, which loses all digits at small
// angles.
func moment(block device.Dense[float64], u, v []float64, sin, cos, φ float64) {
	e := make([]float64, len(u))
	if sin > 0 {
		floats.AddScaledTo(e, v, -cos, u)
		if norm := floats.Norm(e, 2); norm > 0 {
			floats.Scale(1/norm, e)
		}
	}
	for k := range u {
		for l := range u {
			x := sin*cos*(u[k]*u[l]-e[k]*e[l]) + sin*sin*(u[k]*e[l]+e[k]*u[l])
			if k == l {
				x += math.Pi - φ
			}
			block.Set(k, l, x/(2*math.Pi))
		}
	}
}
