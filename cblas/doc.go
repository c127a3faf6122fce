// Package cblas is the CPU device over OpenBLAS and LAPACK, with our own SIMD
// kernels (package native) for what no BLAS has.
//
// Matrices are row-major; LAPACK's are column-major. Nothing is transposed
// for that: a row-major matrix is its transpose in column-major order, and
// every factorization here has a counterpart of the transpose that leaves its
// results where row-major order wants them (the LQ factorization for QR, the
// SVD with U and V exchanged, the upper Cholesky factor for the lower one).
//
// Programs that use gonum can have the same speed from it with one call:
//
//	cblas.Use()
//
// after which blas64, blas32, lapack64 and therefore gonum/mat run on
// OpenBLAS.
//
// OpenBLAS is linked with -lopenblas. The build tag ritz_static links its
// static archive instead; with ritz_extblas nothing is linked, for another
// BLAS and LAPACK named in CGO_LDFLAGS.
package cblas
