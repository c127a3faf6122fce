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
//     full, truncated, values alone, of many small matrices, of streams larger
//     than memory; symmetric eigenproblems, QR, least squares;
//   - [github.com/ritz-go/ritz/goapi/polar]: orthogonal polar factors, matrix
//     signs and inverse roots;
//   - [github.com/ritz-go/ritz/goapi/spectrum]: eigenvalues, densities, traces,
//     diagonals and functions of symmetric operators known by their products;
//   - [github.com/ritz-go/ritz/goapi/hessian] and
//     [github.com/ritz-go/ritz/goapi/nn]: the Hessians of networks, and of
//     functions with a gradient, as such operators;
//   - [github.com/ritz-go/ritz/goapi/optim]: optimizers on the device;
//   - [github.com/ritz-go/ritz/goapi/sinkhorn]: optimal transport, entropic,
//     exact, unbalanced, partial, of low rank, and its gradients.
//
// # Coming from elsewhere
//
// What is called otherwise in NumPy, SciPy, scikit-learn, PyTorch, POT and
// gonum:
//
//	numpy.linalg.svd, mat.SVD            svd.Compute
//	svd of a stack of matrices           svd.Batch
//	numpy.linalg.norm(A, 2 or "nuc"),    svd.Compute with svd.None, then
//	matrix_rank, cond                    svd.NewSpectrum
//	sklearn randomized_svd, svds         svd.Compute with Rank or Tol, svd.Top
//	numpy.linalg.pinv, lstsq             svd.PseudoInverse, svd.LeastSquares
//	numpy.linalg.eigh, mat.EigenSym      svd.Eigh
//	numpy.linalg.eigvalsh,               svd.Eigh with ValuesOnly, or with
//	scipy.linalg.eigh(subset_by_index)   First and Last
//	scipy.linalg.polar, signm            polar.Compute, polar.Sign
//	zeropower_via_newtonschulz5 (Muon)   polar.Compute with polar.Muon, optim.Muon
//	scipy eigsh, lobpcg                  spectrum.Eigs, spectrum.LOBPCG
//	LinearOperator                       spectrum.Func, svd.Operator
//	expm_multiply of a symmetric matrix  spectrum.ApplyFunction
//	PyHessian eigenvalues, trace,        spectrum.Eigs, Trace and SLQ of
//	density                              hessian.MLP, or of hessian.FiniteDifference
//	torch.optim                          optim.New with rules such as optim.AdamW
//	ot.sinkhorn, sinkhorn2               sinkhorn.Solve
//	ot.emd, emd2                         sinkhorn.Exact
//	ot.unbalanced, ot.partial            sinkhorn.Unbalanced, sinkhorn.Partial
//	ot.bregman.barycenter                sinkhorn.Barycenter
//	ot.gromov                            sinkhorn.Gromov
//	numpy.load, mmap_mode="r"            matio.Open with matio.Read, matio.Rows
//	numpy array, torch tensor            device.Dense in Go memory, device.Matrix
//	                                     on a device
//
// Matrices of gonum are device.FromMat and device.ToMat, slices
// device.DenseOf, arrays of files device.DenseOf(array.Matrix()). With
// cblas.Use() gonum itself runs on OpenBLAS.
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
