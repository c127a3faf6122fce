// Package spectrum computes eigenvalues, spectral densities and traces of
// symmetric operators that are known by their products alone.
//
//   - [Eigs]: some eigenpairs at the ends of the spectrum, by block Lanczos
//     with thick restarts (Wu and Simon, SIAM J. Matrix Anal. 2000);
//   - [Lanczos]: the recurrence itself, with a choice of
//     re-orthogonalization (Simon, Math. Comp. 1984);
//   - [SLQ]: stochastic Lanczos quadrature for densities and traces of
//     functions (Ubaru, Chen and Saad, SIAM J. Matrix Anal. 2017);
//   - [Trace]: Hutchinson's estimator, Hutch++ (Meyer, Musco, Musco, Woodruff
//     2021), XTrace and XNysTrace (Epperly, Tropp and Webber 2024).
//
// The unit of cost is the product of the operator with one vector. Operators
// take blocks of vectors, one in each row, so that they can use matrix
// products. Every result says how far it can be off: residuals for
// eigenpairs, standard errors for estimates.
package spectrum
