// Package sinkhorn solves entropy-regularised optimal transport:
//
//	minimise ⟨C,P⟩ + ε·Σᵢⱼ Pᵢⱼ·log(Pᵢⱼ/(aᵢ·bⱼ))  over P ≥ 0, P·1 = a, Pᵀ·1 = b
//
// for a dense cost matrix C, in which +Inf forbids a pair; for two clouds of
// points, whose costs ‖xᵢ-yⱼ‖ or ‖xᵢ-yⱼ‖² are computed in tiles and need not be
// stored; for grids such as images, whose costs [Grid] takes axis by axis; or for
// other costs that a [Source] computes. [Exact] solves the problem without
// regularisation, ε = 0.
//
// # Potentials
//
// The optimal plan is Pᵢⱼ = aᵢ·bⱼ·exp((fᵢ+gⱼ-Cᵢⱼ)/ε). The potentials f and g
// are in the units of C and refer to the product measure a⊗b (the "KL form").
// Libraries that write Pᵢⱼ = exp((fᵢ+gⱼ-Cᵢⱼ)/ε) use the "entropy form", which
// differs by ε·log a and ε·log b: [Result.EntropyPotentials] converts. f+c and
// g-c describe the same plan.
//
// # Method
//
// Sinkhorn's iteration runs in the log domain, which no ε can overflow, or on
// scalings of a stored kernel exp((f̂ᵢ+ĝⱼ-Cᵢⱼ)/ε), which costs no exponential
// and reads the kernel once an iteration. The kernel is rebuilt around the
// current potentials f̂ and ĝ (absorption) before the scalings leave the range
// of the number type, and where even that fails the log domain takes over.
//
// Both are over-relaxed. With λ the second eigenvalue of the linearised
// iteration, plain Sinkhorn gains a factor λ an iteration, the relaxed one
// (1-√(1-λ))/(1+√(1-λ)): at λ = 0.98 that is 10 times fewer iterations. λ is
// estimated while iterating (Thibault, Chizat, Dossal, Papadakis: Overrelaxed
// Sinkhorn-Knopp, 2017; Lehmann, von Renesse, Sambale, Uschmajew: A note on
// overrelaxation in the Sinkhorn algorithm, 2021; Young's theory of SOR). Here
// only g is iterated, f being exact for it, and the relaxation takes the form
// of a heavy ball with step ω² and momentum (ω-1)², which has the same rate
// and keeps the iteration at one pass over the kernel. Small ε is approached
// through larger ones; where that is not enough, through the potentials of the
// exact problem, which the network simplex method finds in the time of a few
// dozen iterations. What float32 cannot reach is finished in float64.
//
// On a CPU a problem of float64 has its kernel in float32, with sums in
// float64: an iteration takes its time for the bytes that it reads. The rounding
// errors of the kernel move its fixed point by some 1e-9; one evaluation of the
// true plan moves it back, by a change of the marginals that the kernel is scaled
// to. Nonlinear conjugate gradients, with Sinkhorn's step as the preconditioned
// gradient, take the place of the over-relaxation there: they need no λ, and no
// more than one reading of the kernel for a step.
//
// Newton's method on the dual function finishes what the iteration would take
// long for: near the solution of a small ε the plan has few elements that
// count, and the Hessian matrix made of those is a sparse Laplacian, which
// conjugate gradients with an approximate Cholesky factorization solve in a few
// dozen iterations. A handful of steps then doubles the digits of the result
// again and again. Auto estimates what either would take.
//
// Distances between clouds that do not fit into Options.Memory are never
// stored: soft minima come straight from the points, in memory proportional to
// their number. Between clouds of many points in up to three dimensions at
// small ε, whose points see little of the other cloud, a start from the centres
// of clusters and soft minima from the pairs that count save most of the work.
//
// # Relatives
//
// [Unbalanced] penalises the marginals instead of fixing them, [Partial]
// transports a part of the mass, [Barycenter] finds the measure nearest to
// several, also on grids (images) without their n² costs, [Divergence] takes the
// bias of the regularisation away, [SolveLowRank] looks for plans of low rank in
// time and memory that grow with the number of points only, [Gromov] couples
// spaces that cannot be compared with each other. [Result.GradX] and its like are
// gradients of the value with respect to points and weights, [Result.HessianX]
// multiplies by second derivatives.
//
// # Certificate
//
// Whatever the number type, a result is checked in float64 with plans rebuilt
// from the potentials: how far the plan is from the marginals, the cost of a
// plan that meets them (rounded by Altschuler, Weed, Rigollet: Near-linear
// time approximation algorithms for optimal transport, 2017), and the value of
// a feasible dual solution. The cost without regularisation lies between the
// last two for certain, the errors of the floating-point sums included.
package sinkhorn
