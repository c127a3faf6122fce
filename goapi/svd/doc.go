// Package svd computes singular value decompositions A = U·diag(S)·Vᵀ and
// says how far they can be off.
//
// [Compute] takes a matrix in Go memory, [Factor] one on a device. These ways
// lead to the result:
//
//   - full: LAPACK's divide and conquer (gesdd) on the matrix itself, or, for
//     tall and wide matrices, on the triangle of a QR factorization; in
//     float64, where few singular values are small, the eigenvectors of AᵀA,
//     level by level, which is faster and as accurate;
//   - randomized: a block Krylov space of a random start (Musco and Musco,
//     NIPS 2015; Halko, Martinsson and Tropp, SIAM Review 2011) for the Rank
//     largest singular values, at the cost of a few products with A;
//   - lanczos: block Lanczos bidiagonalization with restarts, for the Rank
//     largest singular values to a residual of 1e-10 (float32: 1e-5);
//   - auto: randomized where Rank is so small that its Krylov space has at
//     most a third of the dimension, else full.
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
//	                               all values                   Stream, ValuesOnly, 1 pass
//	rows that come once            k largest, roughly           Stream, 1 pass
//	                               AᵀA within a bound           FrequentDirections
//	factors, new rows, A + X·Yᵀ    factors of the new matrix    Incremental
//
// With Tol, the Krylov space of randomized grows by 32 vectors at a time until
// the error is small enough; auto takes it from dimension 192 on, and falls
// back to full if the space would exceed a third of the dimension.
//
// [Batch] decomposes thousands of small matrices at once, by one-sided Jacobi
// rotations of one matrix in each lane of a vector register. [Spectrum] tells
// ranks, norms and the like from singular values; [PseudoInverse],
// [LeastSquares] and [SubspaceAngles] are what decompositions are often for.
//
// Every result carries a [Certificate] that is computed from the factors and
// the matrix, not from the way they were found.
package svd
