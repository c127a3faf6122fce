// Package svd computes singular value decompositions A = U·diag(S)·Vᵀ and
// says how far they can be off.
//
// [Compute] takes a matrix in Go memory, [Factor] one on a device. Three ways
// lead to the result:
//
//   - full: LAPACK's divide and conquer (gesdd) on the matrix itself, or, for
//     tall and wide matrices, on the triangle of a QR factorization; in
//     float64, where few singular values are small, the eigenvectors of AᵀA,
//     level by level, which is faster and as accurate;
//   - randomized: a block Krylov space of a random start (Musco and Musco,
//     NIPS 2015; Halko, Martinsson and Tropp, SIAM Review 2011) for the Rank
//     largest singular values, at the cost of a few products with A;
//   - auto: randomized where Rank is so small that its Krylov space has at
//     most a third of the dimension, else full.
//
// [Batch] decomposes thousands of small matrices at once, by one-sided Jacobi
// rotations of one matrix in each lane of a vector register. [Spectrum] tells
// ranks, norms and the like from singular values; [PseudoInverse],
// [LeastSquares] and [SubspaceAngles] are what decompositions are often for.
//
// Every result carries a [Certificate] that is computed from the factors and
// the matrix, not from the way they were found.
package svd
