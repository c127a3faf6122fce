package dynamicalstability

import (
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
)

// Alignment returns μ = tr(ΣH)/(2·R·‖H‖_F²) for the n×P gradients a of a model
// and its residuals rᵢ = f(xᵢ;θ)-yᵢ, where Σ = Σrᵢ²aᵢaᵢᵀ/n - ∇R∇Rᵀ is the
// covariance of the gradient of a sample and H = AᵀA/n. While μ ≥ μ₀, the mean
// loss of SGD can only stay bounded where ‖H‖_F ≤ √(B/μ₀)/η.
//
// The cost is n²·P operations. Errors: those of bad input; *device.ArgumentError
// if all residuals or all gradients are zero, for which μ is not defined.
func Alignment[T device.Float](dev device.Device, a device.Dense[T], residuals []T) (float64, error) {
	if err := device.CheckInput("gradients", a); err != nil {
		return 0, err
	}
	n := a.Rows
	if len(residuals) != n {
		return 0, &device.ShapeError{Op: "residuals", Detail: fmt.Sprintf("there are %d for %d gradients", len(residuals), n)}
	}
	if err := device.CheckInput("residuals", device.Vector(residuals)); err != nil {
		return 0, err
	}
	q := device.NewQueue[T](dev)
	defer q.Close()
	gram := device.NewDense[T](n, n)
	k := q.Alloc(n, n)
	q.Syrk(device.NoTrans, 1, device.Lend(q, a), 0, k)
	q.Download(gram, k)
	if err := q.Sync(); err != nil {
		return 0, err
	}
	// With K = AAᵀ: aᵢᵀHaᵢ = Σⱼ Kᵢⱼ²/n, ∇RᵀH∇R = ‖K·r/n‖²/n, ‖H‖_F = ‖K‖_F/n.
	var noise, mean, square, loss float64
	for i := range n {
		var row, product float64
		for j, v := range gram.Row(i) {
			row += float64(v) * float64(v)
			product += float64(v) * float64(residuals[j])
		}
		r := float64(residuals[i])
		noise += r * r * row
		mean += product * product
		square += row
		loss += r * r
	}
	m := float64(n)
	noise, mean, square, loss = noise/m/m, mean/m/m/m, square/m/m, loss/m // loss is 2R
	if loss == 0 || square == 0 {
		return 0, device.Argument("residuals", "or gradients are all zero: the alignment is not defined")
	}
	return (noise - mean) / (loss * square), nil
}
