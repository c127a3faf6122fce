// Package sinkhornnewton reproduces the comparison of Sinkhorn–Newton–Sparse
// with Sinkhorn's iteration:
//
//	X. Tang, M. Shavlovsky, H. Rahmanian, E. Tardini, K. K. Thekumparampil,
//	T. Xiao, L. Ying, Accelerating Sinkhorn algorithm with sparse Newton
//	iterations, ICLR 2024, arXiv 2401.12253.
//
// The problem is min ⟨C,P⟩ + (1/η)·Σ P·log P over the plans P between two
// distributions, large η. The paper maximises
//
//	f(x,y) = ⟨r,x⟩ + ⟨c,y⟩ - (1/η)·Σ exp(η(xᵢ+yⱼ-Cᵢⱼ) - 1)
//
// first by N₁ iterations of Sinkhorn's, then by Newton's steps with the ⌈λ·(2n)²⌉
// largest elements of the Hessian matrix. Method Newton of package sinkhorn is
// that with ε = 1/η, the potentials x eliminated and the elements chosen by
// the mass that they leave out; where the rows are exact, NewtonStep.Dual is f.
// This package makes the problems of the paper's Table 1 and runs both methods
// on them.
package sinkhornnewton
