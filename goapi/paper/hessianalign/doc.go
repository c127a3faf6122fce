// Package hessianalign compares and aligns training domains through the gradient
// and the Hessian of a classifier's last layer.
//
//	S. Hemati, G. Zhang, A. Estiri and X. Chen, Understanding Hessian alignment
//	for domain generalization, ICCV 2023, arXiv 2308.11778.
//
// The head of a classifier maps the features z of a sample to logits a = W·x,
// x = (z,1), with probabilities p = softmax(a), or σ(a) for a single logit.
// With the n samples of a domain as rows of X and P and their classes as Y, its
// mean cross-entropy has the gradient and the Hessian
//
//	G = (P-Y)ᵀX/n,  H = Σ (diag(pᵢ) - pᵢpᵢᵀ) ⊗ xᵢxᵢᵀ/n,
//
// so that products with H, its diagonal and ‖H₁-H₂‖_F are a few matrix products
// and need no automatic differentiation:
//
//	H·V = SᵀX/n,  S = P∘(U - rowsum(P∘U)),  U = X·Vᵀ,
//	diag H = (P∘(1-P))ᵀ(X∘X)/n.
//
// Penalties that hold these quantities of several domains against their mean
// come with their gradients with respect to W and to the features, by which any
// network below the head can be trained.
package hessianalign
