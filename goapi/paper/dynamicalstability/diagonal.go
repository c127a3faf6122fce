package dynamicalstability

import (
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Diagonal is the diagonal linear network f(x) = ⟨x, α∘α - β∘β⟩. Its parameters
// are in the order α, β.
type Diagonal struct {
	Alpha, Beta []float64
}

// Check reports whether the shapes fit and the numbers are finite.
func (m Diagonal) Check() error {
	if len(m.Alpha) != len(m.Beta) {
		return &device.ShapeError{Op: "diagonal network", Detail: fmt.Sprintf("α has %d elements, β %d", len(m.Alpha), len(m.Beta))}
	}
	if err := device.CheckInput("α", device.Vector(m.Alpha)); err != nil {
		return err
	}
	return device.CheckInput("β", device.Vector(m.Beta))
}

// Weights returns w = α∘α - β∘β.
func (m Diagonal) Weights() []float64 {
	w := make([]float64, len(m.Alpha))
	for j := range w {
		w[j] = (m.Alpha[j] - m.Beta[j]) * (m.Alpha[j] + m.Beta[j])
	}
	return w
}

// Sharpness returns tr H, ‖H‖_F and λ_max(H) for inputs with E xxᵀ = I:
// 4‖s‖₁, 4‖s‖₂ and 4‖s‖_∞ of s = α² + β². They are at least four times the same
// norms of the weights, with equality where αⱼβⱼ = 0: SGD, which bounds the
// trace, bounds the ℓ1 norm of the weights, gradient descent only the largest.
func (m Diagonal) Sharpness() (trace, frobenius, largest float64) {
	for j := range m.Alpha {
		s := m.Alpha[j]*m.Alpha[j] + m.Beta[j]*m.Beta[j]
		trace += 4 * s
		frobenius += 16 * s * s
		largest = max(largest, 4*s)
	}
	return trace, math.Sqrt(frobenius), largest
}

// Gradients returns the gradients of the outputs at the rows of x with respect
// to the parameters, n×2d: 2·xᵢ∘α and -2·xᵢ∘β.
func (m Diagonal) Gradients(x device.Dense[float64]) (device.Dense[float64], error) {
	if err := m.checkInputs(x); err != nil {
		return device.Dense[float64]{}, err
	}
	d := len(m.Alpha)
	g := device.NewDense[float64](x.Rows, 2*d)
	for i := range x.Rows {
		row := g.Row(i)
		for j, v := range x.Row(i) {
			row[j], row[d+j] = 2*v*m.Alpha[j], -2*v*m.Beta[j]
		}
	}
	return g, nil
}

func (m Diagonal) checkInputs(x device.Dense[float64]) error {
	if err := m.Check(); err != nil {
		return err
	}
	if err := device.CheckInput("inputs", x); err != nil {
		return err
	}
	if x.Cols != len(m.Alpha) {
		return &device.ShapeError{Op: "inputs", Detail: fmt.Sprintf("they have %d features, the network takes %d", x.Cols, len(m.Alpha))}
	}
	return nil
}
