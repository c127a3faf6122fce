// Package polar computes orthogonal polar factors: for A = U·Σ·Vᵀ, the matrix
// U·Vᵀ, which is the orthogonal matrix nearest to A; and the matrix sign
// function and inverse roots of symmetric matrices.
//
// The iterations need matrix products alone. Each step applies an odd
// polynomial p(x) = a·x + b·x³ + c·x⁵ to all singular values at once,
//
//	G = X·Xᵀ,  X ← a·X + (b·G + c·G²)·X,
//
// with the smaller side of X in front, so that G is small, and with products
// that use its symmetry. The schemes differ in their coefficients:
//
//   - express: minimax coefficients for a known range of singular values
//     (Amsel, Persson, Musco, Gower: The Polar Express, 2025);
//   - cans: minimax cubic polynomials, in closed form (Grishina, Smirnov,
//     Rakhuba: Accelerating Newton–Schulz iteration by Chebyshev-type
//     polynomials, 2025);
//   - muon: the five fixed steps of the Muon optimizer (Jordan, 2024), which
//     map singular values to about 1 ± 0.3 and do not converge; you and dion:
//     those of other optimizers, which come closer;
//   - turbo: four steps after a scaling of the rows (columns if there are fewer)
//     by which no bound of the norm is needed (Boissin et al.: Turbo-Muon,
//     2025). The scaling changes the answer: it is the polar factor of the
//     scaled matrix;
//   - prism: each step fits its last coefficient to the matrix, by random
//     vectors (PRISM, 2026), and no range needs to be known;
//   - cubic and quintic: the classic Newton–Schulz iterations, Taylor series
//     of x·(x²)^-1/2, which converge slowly at first and fast at the end;
//   - minimax: few long steps, polynomials of degree 9 to 17 that deviate least
//     from 1 on the range that the steps before them leave, for a smallest
//     singular value that is estimated first;
//   - custom: the caller's own steps.
//
// Rational steps converge in fewer steps, with factorizations:
//
//   - halley: the dynamically weighted Halley iteration with Cholesky
//     factorizations, held back where these would lose accuracy;
//   - qdwh: the same with QR factorizations where needed, backward stable for
//     any condition (Nakatsukasa, Bai, Gygi: Optimizing Halley's iteration for
//     computing the matrix polar decomposition, 2010);
//   - newton: Newton's iteration with scaling (Higham: Computing the polar
//     decomposition, 1986; Byers and Xu: A new scaling for Newton's iteration,
//     2008), each step of which takes the root of the ratio of the singular
//     values, until polynomials or Halley steps are cheaper: one to three
//     inversions, backward stable for any condition;
//   - svd: from a singular value decomposition, the reference.
//
// auto estimates the smallest singular value from a Cholesky factor of the Gram
// matrix and takes the cheapest of express, minimax, halley and newton, in
// products of s×s matrices with an s×l one (2·s²·l) or among themselves (s³,
// for they are symmetric), a Cholesky factorization counting as s³, solves as
// 2.2 times their operations, an inverse as 4.5·s³ + 1152·s² and a QR factorization as
// 17·s²·l; the weights were measured. Halley steps are held back to c ≤ s²/4 or
// so, which moves what is factored by √c·eps. For singular values that a Gram
// matrix cannot tell from rounding errors, ratios above 1/√(s·eps), it takes
// newton, and svd for matrices without full rank. On CPUs svd also takes the
// place of what costs more than 23·s³ for float64 matrices of 128 or more that
// are nearly square.
//
// The Gram form of an iteration takes several steps on G alone and multiplies X
// by the product of their polynomials, which takes fewer operations if one side
// of A is longer than the other. It squares the growth of rounding errors;
// restarts, at which X is multiplied out and G computed afresh, hold that down.
//
// For rank-deficient matrices the polar factor is not unique. The iterations
// leave null directions at zero; svd completes them to an orthogonal matrix.
package polar
