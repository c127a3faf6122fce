// Package sigmareparam bounds the entropy of attention and keeps it from
// collapsing: S. Zhai, T. Likhomanenko, E. Littwin, D. Busbridge, J. Ramapuram,
// Y. Zhang, J. Gu, J. Susskind, "Stabilizing Transformer Training by Preventing
// Attention Entropy Collapse", ICML 2023, arXiv 2303.06296.
//
// For logits L (T×T) with rows of norm at most σ, the entropy of every row of
// softmax(L) is at least [EntropyLowerBound](T, σ), which falls like T·σ·e^-σ:
// attention whose logits have a large spectral norm can collapse to single
// tokens. [Reparam] keeps the spectral norm of a weight matrix at a learned
// number γ,
//
//	Ŵ = (γ/σ(W))·W,
//
// with σ(W) followed by one step of power iteration for each update.
package sigmareparam
