// Package hessian makes operators of the curvature of a loss with respect to
// the parameters of a model: what package spectrum takes to compute
// eigenvalues, densities, traces and diagonals. No matrix is formed; an
// operator multiplies a block of k directions at once.
//
//   - [MLP]: Hessian, generalized Gauss-Newton matrix or empirical Fisher
//     matrix of a multilayer perceptron, and of one of its layers.
//   - [Softmax]: the classifier without hidden layers, whose Hessian has a
//     closed form that needs no labels, with its exact diagonal.
//   - [FiniteDifference]: central differences of the user's gradient.
//
// The user's own Hessian-vector products become an operator by
// [github.com/ritz-go/ritz/goapi/spectrum.Func].
//
// Every operator has Dim, the number P of parameters, and Apply, which
// computes dst = src·H for k×P blocks, one direction in each row.
//
// # The three matrices
//
// With z(θ) the outputs of the model for a sample, J = ∂z/∂θ, ℓ the loss of
// the sample and means over the samples:
//
//   - [Hessian]: mean of ∂²ℓ/∂θ². It may have negative eigenvalues.
//   - [GGN]: mean of Jᵀ·(∂²ℓ/∂z²)·J, positive semidefinite. For the losses of
//     package nn it is the Fisher information of the model, whose labels are
//     drawn from the softmax of the outputs (or from a unit normal around
//     them). It equals the Hessian where the model is linear in θ.
//   - [Fisher]: mean of g·gᵀ over the samples' gradients g = ∂ℓ/∂θ, the
//     empirical Fisher matrix or uncentred gradient covariance. Its labels
//     are those of the data, so that it is not the Fisher information, and it
//     vanishes where every sample is fitted exactly.
package hessian
