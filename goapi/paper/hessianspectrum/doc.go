// Package hessianspectrum looks at all eigenvalues of the Hessian of a small
// network: a bulk near zero and a few outliers.
//
//	L. Sagun, U. Evci, V. U. Güney, Y. Dauphin and L. Bottou, Empirical analysis
//	of the Hessian of over-parametrized neural networks, 2017, arXiv 1706.04454.
//
// For the mean loss over n samples with outputs f ∈ R^C, Jacobians J = ∂f/∂θ and
// the loss's Hessian Λ = ∇²_f ℓ, the Hessian is
//
//	H = G + F,  G = Σ JᵢᵀΛᵢJᵢ/n,  F = Σ Σ_c (∂ℓ/∂f_c)·∇²f_c/n,
//
// with the positive semidefinite Gauss–Newton matrix G of rank at most n·(C-1)
// for a softmax. At a minimum that fits the samples F vanishes, the spectrum is
// that of G, and the outliers tell of the data: K distinct points give
// K·(C-1) eigenvalues that are not zero, whatever the width of the network.
//
// [Assemble] forms a Hessian from products, [GaussNewton] finds the eigenvalues
// of G from the n·C×n·C matrix of inner products, which is smaller where the
// network is large, [Analyze] divides a spectrum into bulk and outliers, and
// [Line] follows the loss between two networks.
package hessianspectrum
