// Package spectrum computes eigenvalues, spectral densities and traces of
// symmetric operators that are known by their products alone.
//
//   - [Eigs]: some eigenpairs at the ends of the spectrum, by Lanczos with
//     thick restarts (Wu and Simon, SIAM J. Matrix Anal. 2000), also in blocks
//     and from a start that is nearly right;
//   - [LOBPCG]: the same with a preconditioner (Knyazev, SIAM J. Sci. Comput.
//     2001);
//   - [Lanczos] and [BlockLanczos]: the recurrence itself, with a choice of
//     re-orthogonalization (Simon, Math. Comp. 1984);
//   - [SLQ] and [DeflatedSLQ]: stochastic Lanczos quadrature for densities,
//     counts, norms, log-determinants and other traces of functions (Ubaru,
//     Chen and Saad, SIAM J. Matrix Anal. 2017);
//   - [KPM]: the same by Chebyshev polynomials, without a basis to keep
//     (Weiße, Wellein, Alvermann and Fehske, Rev. Mod. Phys. 2006);
//   - [Trace] and [Diag]: Hutchinson's estimator, Hutch++ (Meyer, Musco, Musco
//     and Woodruff 2021), XTrace, XNysTrace and XDiag (Epperly, Tropp and Webber
//     2024), and a planner that takes the one that reaches an error with the
//     fewest products;
//   - [ApplyFunction]: f(H)·b.
//
// The unit of cost is the product of the operator with one vector. Operators
// take blocks of vectors, one in each row, so that they can use matrix
// products. Every result says how far it can be off: residuals for
// eigenpairs, standard errors with 95 % intervals for estimates. Long
// computations can keep their [State] in a file and go on from there after an
// interruption.
package spectrum
