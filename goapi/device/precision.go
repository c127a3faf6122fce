package device

import "fmt"

// Precision is how the elements of float32 matrices enter products.
type Precision int

const (
	Exact Precision = iota // as they are
	TF32                   // rounded to 11 bits
	BF16                   // rounded to 8 bits
	FP16                   // rounded to 11 bits; from 65520 on they overflow, below 2⁻¹⁴ bits are lost
)

func (p Precision) String() string {
	switch p {
	case Exact:
		return "exact"
	case TF32:
		return "tf32"
	case BF16:
		return "bf16"
	case FP16:
		return "fp16"
	}
	return fmt.Sprintf("Precision(%d)", int(p))
}

// Unit returns the largest relative error of the rounding, 0 for Exact.
func (p Precision) Unit() float64 {
	switch p {
	case TF32, FP16:
		return 0x1p-11
	case BF16:
		return 0x1p-8
	}
	return 0
}

// Rounder is implemented by queues that multiply faster what they may round:
// GPUs on their tensor cores, CPUs with instructions for bfloat16.
type Rounder interface {
	// TryRound sets how the elements enter products from now on, and returns
	// how they did before. It returns false, with nothing changed, where that
	// is no faster than Exact.
	TryRound(p Precision) (before Precision, ok bool)
}

// Round lets q round what enters Gemm, Syrk, SymProduct and SymApply until end
// is called, and returns the precision in effect: p, or Exact on devices that
// gain nothing by it and for float64. Sums have the precision of float32 in
// any case. It is for algorithms whose results can stand it and that say so:
// the error of a product is Unit times the sum of the magnitudes of its terms,
// twice.
func Round[T Float](q Queue[T], p Precision) (got Precision, end func()) {
	if r, ok := q.(Rounder); ok && p != Exact {
		if before, ok := r.TryRound(p); ok {
			return p, func() { r.TryRound(before) }
		}
	}
	return Exact, func() {}
}

// TryRound changes to the kernels for p.
func (q *hostQueue[T]) TryRound(p Precision) (before Precision, ok bool) {
	before = q.precision
	k := q.exact
	if p != Exact {
		if k, ok = k.Rounded(p); !ok {
			return before, false
		}
	}
	q.kernels, q.precision = k, p
	return before, true
}

// Rounded is for kernels that gain nothing by it.
func (GoKernels[T]) Rounded(Precision) (HostKernels[T], bool) { return nil, false }

var _ Rounder = (*hostQueue[float32])(nil)
