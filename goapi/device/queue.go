package device

// Trans says whether an operand is transposed.
type Trans bool

const (
	NoTrans Trans = false
	Transp  Trans = true
)

// Side says on which side of B the triangular matrix of Trsm stands.
type Side bool

const (
	Left  Side = false
	Right Side = true
)

// Uplo names a triangle.
type Uplo bool

const (
	Lower Uplo = false
	Upper Uplo = true
)

// Axis names what a vector of ScaleBy, AddBy or Reduce runs along.
type Axis int

const (
	PerRow Axis = iota // one number for each row
	PerCol             // one number for each column
	Whole              // one number for the matrix (Reduce and Dot only)
)

// Func is a function applied to every element.
type Func int

const (
	Abs Func = iota
	Square
	Sqrt
	Inv
	Exp
	Log
	Tanh
	Relu       // max(x, 0)
	Step       // 1 for x > 0, else 0: the derivative of Relu
	Gelu       // x·Φ(x), Φ the standard normal distribution function
	GeluPrime  // Φ(x) + x·φ(x)
	GeluSecond // (2 - x²)·φ(x)
	InfToZero  // 0 for ±Inf, else x
	Softplus   // log(1 + e^x)
	Logistic   // 1/(1 + e^-x), the derivative of Softplus
	Sin        // of radians; a GPU gives NaN beyond ±10⁹
	Cos
)

// Reduction combines the elements of a row, a column or a matrix.
type Reduction int

const (
	Sum Reduction = iota
	SumSquares
	SumAbs
	Max
	Min
	MaxAbs
)

// Distribution is the law of random elements.
type Distribution int

const (
	Normal     Distribution = iota // mean 0, variance 1
	Uniform                        // [0,1)
	Rademacher                     // -1 or +1 with equal probability
)

// Queue runs operations on matrices of one device in the order of the calls.
//
// Nothing is returned by the single operations. The first failure (wrong
// shapes, a factorization that broke down, out of memory, a lost device)
// turns the calls that follow into no-ops; Sync returns it and clears it.
//
// Unless an operation says otherwise its output must not overlap an input
// partially; element by element operations may write exactly onto an input.
// Queues of one device may share matrices; what one of them computes, another
// sees after Sync of the first.
// A vector argument is a matrix with one row or one column and the stated
// number of elements. Sums of float32 are accumulated in float64 where they
// are reductions; NaN propagates through every operation and reduction.
type Queue[T Float] interface {
	// Device returns the device that the queue belongs to.
	Device() Device

	// Alloc returns a zero matrix. It lives until the innermost open Scope
	// at the time of the call ends, or until Close.
	Alloc(rows, cols int) Matrix[T]
	// Scope opens a scope and returns the function that ends it: defer
	// q.Scope()() frees at return everything that was allocated since.
	Scope() (end func())
	// Upload copies src to dst.
	Upload(dst Matrix[T], src Dense[T])
	// Download copies src to dst after all earlier operations are done.
	Download(dst Dense[T], src Matrix[T])
	// Copy copies src to dst, which has the same shape; a row vector may be
	// copied to a column vector and back.
	Copy(dst, src Matrix[T])
	// Fill sets every element of a to α.
	Fill(α T, a Matrix[T])

	// Gemm computes C = α·op(A)·op(B) + β·C. With β = 0, C is not read.
	Gemm(tA, tB Trans, α T, a, b Matrix[T], β T, c Matrix[T])
	// Syrk computes C = α·op(A)·op(A)ᵀ + β·C for symmetric C; both
	// triangles are written. With β = 0, C is not read.
	Syrk(t Trans, α T, a Matrix[T], β T, c Matrix[T])
	// Trsm overwrites B with α·op(A)⁻¹·B (Left) or α·B·op(A)⁻¹ (Right),
	// A triangular with its diagonal; the other triangle is not read.
	Trsm(s Side, u Uplo, t Trans, α T, a, b Matrix[T])
	// Add computes C = α·op(A) + β·op(B). A zero Matrix for b means no
	// second term. C may be A or B where that one is not transposed.
	Add(α T, tA Trans, a Matrix[T], β T, tB Trans, b, c Matrix[T])
	// AddDiag adds α to the diagonal of A.
	AddDiag(α T, a Matrix[T])

	// Map computes B = f(A) element by element.
	Map(f Func, a, b Matrix[T])
	// Mul computes C = A∘B element by element.
	Mul(a, b, c Matrix[T])
	// Div computes C = A/B element by element, with 0/0 = 0.
	Div(a, b, c Matrix[T])
	// ScaleBy computes B = diag(d)·A (PerRow) or A·diag(d) (PerCol).
	ScaleBy(x Axis, d, a, b Matrix[T])
	// AddBy computes B = A + α·d·1ᵀ (PerRow) or A + α·1·dᵀ (PerCol).
	AddBy(x Axis, α T, d, a, b Matrix[T])
	// Reduce reduces the rows, the columns or the whole of A into the
	// vector out (1 element for Whole). Sums over nothing are 0, Max is
	// -Inf, Min is +Inf, MaxAbs is 0.
	Reduce(r Reduction, x Axis, a, out Matrix[T])
	// Dot is Reduce(Sum, x, A∘B, out) without forming the product.
	Dot(x Axis, a, b, out Matrix[T])

	// QR factors A (m×n, m ≥ n) as Q·R; A becomes Q (m×n, orthonormal
	// columns) and r the n×n upper triangle, zeros below.
	QR(a, r Matrix[T])
	// Cholesky replaces symmetric A (the lower triangle is read) by its
	// lower factor L, zeros above: A = L·Lᵀ. Failure:
	// ErrNotPositiveDefinite.
	Cholesky(a Matrix[T])
	// Eigh replaces symmetric A (n×n, the lower triangle is read) by its
	// eigenvectors, row i belonging to the i-th smallest eigenvalue w[i]:
	// A = Vᵀ·diag(w)·V with V the new content of a.
	Eigh(a, w Matrix[T])
	// SVD computes the thin singular value decomposition A = U·diag(s)·Vᵀ,
	// k = min(m,n): u is m×k, s has k elements in descending order, vt is
	// k×n. Zero matrices for u and vt ask for the values alone. A is
	// destroyed.
	SVD(a, u, s, vt Matrix[T])

	// Random fills A with random numbers that depend on seed, stream and
	// the position i*Cols+j alone: they are the same on every device.
	Random(d Distribution, seed, stream uint64, a Matrix[T])

	// Sync waits for all operations, then returns and clears the first
	// failure since the last Sync.
	Sync() error
	// Close frees what the queue still holds.
	Close()
}
