// Package dynamicalstability says which step sizes keep gradient descent and
// stochastic gradient descent at a global minimum, and what that means for the
// minimum's sharpness and norms.
//
//	L. Wu and W. J. Su, The implicit regularization of dynamical stability in
//	stochastic gradient descent, ICML 2023, arXiv 2305.17490.
//	R. Mulayoff and T. Michaeli, Exact mean square linear stability analysis
//	for SGD, COLT 2024, arXiv 2306.07850.
//
// A model f(x;θ) that fits n samples exactly has the loss
// R(θ) = (1/2n)·Σ(f(xᵢ;θ)-yᵢ)². With the gradients aᵢ = ∇f(xᵢ;θ) as rows of A,
// its Hessian there is H = AᵀA/n, and a step of SGD with batches of B samples,
// drawn without replacement, is near it
//
//	δ ← δ - (η/B)·Σ aᵢaᵢᵀδ  over the batch.
//
// Gradient descent is stable for η ≤ 2/λ_max(H). SGD is stable in mean square
// for η ≤ 2/λ, λ the largest eigenvalue of the pencil D·Y = λ·C·Y over symmetric
// matrices Y,
//
//	C·Y = (HY + YH)/2,  D·Y = (1-p)·HYH + (p/n)·Σ(aᵢᵀYaᵢ)·aᵢaᵢᵀ,  p = (n-B)/(B(n-1)).
//
// At Y = I this gives the moment bound
// η ≤ 2·tr H/((1-p)‖H‖_F² + (p/n)Σ‖aᵢ‖⁴), and for B = 1 the trace bound
// η ≤ 2/tr H: the flatness that SGD selects is one of the trace, that of gradient
// descent one of the largest eigenvalue. For two-layer ReLU networks and
// diagonal linear networks the trace bounds the path norm and the ℓ1 norm.
package dynamicalstability
