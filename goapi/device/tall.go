package device

// TallMuler is implemented by queues that multiply a matrix with many rows and
// few columns by small matrices, tile by tile, without storing what is as
// tall. Sums and small matrices are float64 also for float32.
type TallMuler[T Float] interface {
	// TryTallGram returns (A·X)ᵀ(A·X) for A m×n and X upper triangular n×n,
	// or AᵀA for the zero Dense.
	TryTallGram(a Matrix[T], x Dense[float64]) (Dense[float64], bool)
	// TryTallMul computes U = (A·X)·Y with the same A·X to the bit, Y n×k,
	// and measures U where check is not nil.
	TryTallMul(a Matrix[T], x, y Dense[float64], u Matrix[T], check *TallCheck) bool
}

// TallProbes is the number of vectors in a TallCheck.
const TallProbes = 8

// TallCheck measures a tall matrix U (m×k) that TryTallMul computes from A
// (m×n), as it is stored, in the pass that stores it.
type TallCheck struct {
	W, Z    Dense[float64]      // n×TallProbes and k×TallProbes, given
	Gram    Dense[float64]      // UᵀU
	Squares [TallProbes]float64 // ‖A·w - U·z‖² for each column of W and Z
}
