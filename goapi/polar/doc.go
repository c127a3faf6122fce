// Package polar computes orthogonal polar factors: for A = U·Σ·Vᵀ, the matrix
// U·Vᵀ, which is the orthogonal matrix nearest to A.
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
//   - muon: the five fixed steps of the Muon optimizer (Jordan, 2024), which
//     map singular values to about 1 ± 0.3 and do not converge;
//   - cubic and quintic: the classic Newton–Schulz iterations, Taylor series
//     of x·(x²)^-1/2, which converge slowly at first and fast at the end;
//   - svd: from a singular value decomposition, the reference.
//
// For rank-deficient matrices the polar factor is not unique. The iterations
// leave null directions at zero; svd completes them to an orthogonal matrix.
package polar
