package optim

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// ScaleRule is a factor of the update that depends on the shape m×n of the
// matrix (of the block, if it is cut).
type ScaleRule string

const (
	// Unscaled is the factor 1.
	Unscaled ScaleRule = "none"
	// Tall is √max(1, m/n): Jordan's Muon.
	Tall ScaleRule = "tall"
	// MatchAdamW is 0.2·√max(m, n), which gives an orthogonal update the
	// root mean square that AdamW's updates have, so that its learning rate
	// and decay can be used (Liu et al. 2025, Moonlight).
	MatchAdamW ScaleRule = "match-adamw"
	// Spectral is √(m/n), the ratio of outputs to inputs (Ahn et al. 2025, Dion).
	Spectral ScaleRule = "spectral"
)

func (r ScaleRule) check() error {
	switch r {
	case Unscaled, Tall, MatchAdamW, Spectral:
		return nil
	}
	return device.Argument("scale", "is %q, must be none, tall, match-adamw or spectral", string(r))
}

func (r ScaleRule) factor(b block) float64 {
	m, n := float64(b.rows()), float64(b.cols())
	switch r {
	case Tall:
		return math.Sqrt(max(1, m/n))
	case MatchAdamW:
		return 0.2 * math.Sqrt(max(m, n))
	case Spectral:
		return math.Sqrt(m / n)
	}
	return 1
}
