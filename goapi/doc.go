// Package goapi is the overview of Ritz's Go packages; it holds no code.
//
// Open a device, give it matrices, look at the certificate of the result:
//
//	dev, err := backend.Open("auto", backend.Options{})
//	r, err := svd.Compute(ctx, dev, device.FromMat(a), svd.Options{Rank: 20})
//	fmt.Println(r.S, r.Certificate.ErrorBound)
//
// # Kernels
//
//   - [github.com/ritz-go/ritz/goapi/svd]: singular value decompositions,
//     full, truncated, values alone;
//   - [github.com/ritz-go/ritz/goapi/polar]: orthogonal polar factors by
//     Newton–Schulz iterations;
//   - [github.com/ritz-go/ritz/goapi/spectrum]: eigenvalues, densities and
//     traces of symmetric operators;
//   - [github.com/ritz-go/ritz/goapi/hessian] and
//     [github.com/ritz-go/ritz/goapi/nn]: the Hessians of networks as such
//     operators;
//   - [github.com/ritz-go/ritz/goapi/sinkhorn]: entropic optimal transport.
//
// # Devices
//
//   - [github.com/ritz-go/ritz/goapi/backend] opens devices by name;
//   - [github.com/ritz-go/ritz/goapi/device] defines matrices, queues of
//     operations and the pure Go device, for those who chain operations
//     without copies or write their own algorithms.
//
// # Files and random numbers
//
//   - [github.com/ritz-go/ritz/goapi/matio] reads and writes arrays;
//   - [github.com/ritz-go/ritz/goapi/rng] makes counter-based random numbers.
//
// # Conventions
//
// Functions that compute take a context, a device, matrices in row-major
// order (device.Dense, or gonum's by device.FromMat without a copy) and
// options whose zero value is useful. They are generic over float32 and
// float64. Input is checked before any work; errors match the variables of
// package device with errors.Is. An iteration that does not converge returns
// its last iterate and certificate with an error that matches
// device.ErrNotConverged. The same seed gives the same random numbers on
// every device.
package goapi
