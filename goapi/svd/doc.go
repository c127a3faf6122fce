// Package svd computes singular value decompositions A = U·diag(S)·Vᵀ and
// says how far they can be off.
//
// [Compute] takes a matrix in Go memory, [Factor] one on a device. These
// methods compute all singular values:
//
//   - direct: the decomposition of the device, with OpenBLAS our own divide and
//     conquer over its products or, for float32 and small or tall matrices,
//     LAPACK's (gesdd), which is followed by QR iteration (gesvd) should it
//     fail; values without vectors by way of a band matrix;
//   - gram: the eigenvectors of AᵀA, level by level, as accurate as direct and
//     faster where few singular values are small;
//   - tall: of tall and wide matrices, direct or gram of the small factor of a
//     QR factorization, made by products: Cholesky QR twice, or, for
//     ill-conditioned and rank-deficient matrices, with deflation of the small
//     singular values; matrices of condition up to 6 need no QR and are
//     decomposed by the eigenvectors of AᵀA alone;
//   - jacobi: one-sided rotations of a pivoted triangle, for singular values
//     that are accurate relative to themselves, however small, where A is a
//     well-conditioned matrix with scaled columns or rows; about ten times
//     slower than direct;
//   - full: the fastest of the first three for the matrix.
//
// These compute the Rank largest:
//
//   - randomized: a block Krylov space of a random start (Musco and Musco,
//     NIPS 2015; Halko, Martinsson and Tropp, SIAM Review 2011), at the cost
//     of a few products with A. On CPUs and with two PowerIterations or more
//     the space for a float64 result is computed in float32; if the bound
//     certified for that is not above 32 eps of float32, relative to σ₁, so
//     that it may be due to rounding, half as many steps in float64 follow;
//   - lanczos: block Lanczos bidiagonalization with restarts, each to a
//     residual of 1e-10 (float32: 1e-5).
//
// auto decides by the m×n shape, m ≥ n (wide matrices are transposed), Rank and
// Tol:
//
//	asked for                            auto takes
//	Rank, 3·(Rank+Oversampling)·
//	  (PowerIterations+1) ≤ n            randomized
//	Tol, n ≥ 192                         randomized, its space up to n/3, then full
//	else, m ≥ 2·n                        tall
//	else, vectors, n ≥ 96, float32       gram
//	else, vectors, n ≥ 96, float64       gram, if the mean of the squares of the
//	                                     values is at least 0.15·σ₁²
//	else                                 direct
//
// A method that fails is followed by the next one of
//
//	tall or gram → direct → jacobi
//
// It fails if the device says so, or if the certificate of its result shows
// more than rounding errors. Result.Method names the method that gave the
// result, Result.Failed those before it.
//
// polar.Decompose, of package polar, comes to singular vectors by the polar
// decomposition; [ComputeBy] takes any such method from outside. [Eigh] and
// [QR] are the symmetric eigendecomposition and the QR factorization, with and
// without pivoting, with the same care.
//
// What is larger than memory, given by its products, or changing has functions
// of its own:
//
//	given                          wanted                       use
//	matrix in memory               all values                   Compute, full
//	                               k largest, quickly           Compute, randomized
//	                               k largest, each accurate     Compute, lanczos
//	                               a relative error             Compute with Tol
//	                               rows and columns of it       Interpolate, Skeletonize
//	products A·X and Aᵀ·Y, sparse  k largest                    Top
//	a sketch A·Ω alone             the error of its range       LeaveOneOut
//	rows in a file                 k largest                    Stream, 2 passes or more
//	                               all values                   Stream, Vectors: None, 1 pass
//	rows that come once            k largest, roughly           Stream, 1 pass
//	                               AᵀA within a bound           FrequentDirections
//	factors, new rows, A + X·Yᵀ    factors of the new matrix    Incremental
//
// With Tol, the Krylov space of randomized grows by 32 vectors at a time until
// the error is small enough; auto takes it from dimension 192 on, and falls
// back to full if the space would exceed a third of the dimension.
//
// [Batch] decomposes thousands of small matrices at once, by one-sided Jacobi
// rotations of one matrix in each lane of a vector register, and [EighBatch]
// the eigenvalues and eigenvectors of symmetric ones. [Spectrum] tells
// ranks, norms and the like from singular values; [PseudoInverse],
// [LeastSquares] and [SubspaceAngles] are what decompositions are often for.
//
// Every result carries a [Certificate] that is computed from the factors and
// the matrix, not from the way they were found.
package svd
