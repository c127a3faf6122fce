package device

// Steps of optimizers, which pass over weights, gradients and moving averages
// at the speed of memory.

// Adam are the numbers of one step of AdamW.
type Adam[T Float] struct {
	Mean, Square T // decay rates β₁, β₂ of the moving averages
	Keep         T // κ, what is left of the weights: 1 - rate·decay
	Size         T // α, the rate divided by 1 - β₁ᵗ
	Unbias       T // ς, 1/√(1 - β₂ᵗ)
	Epsilon      T // ε
}

// AdamStepper is implemented by queues with a one-pass AdamStep.
type AdamStepper[T Float] interface {
	TryAdamStep(c Adam[T], w, g, m, v Matrix[T]) bool
}

// AdamStep computes
//
//	m ← β₁·m + (1-β₁)·g,  v ← β₂·v + (1-β₂)·g²,  w ← κ·w - α·m/(ς·√v + ε)
//
// for ε > 0 and matrices of one shape, which must not overlap.
func AdamStep[T Float](q Queue[T], c Adam[T], w, g, m, v Matrix[T]) {
	if f, ok := q.(AdamStepper[T]); ok && f.TryAdamStep(c, w, g, m, v) {
		return
	}
	none := Matrix[T]{}
	defer q.Scope()()
	u, ε := q.Alloc(w.Rows, w.Cols), q.Alloc(w.Rows, 1)
	q.Add(1-c.Mean, NoTrans, g, c.Mean, NoTrans, m, m)
	q.Mul(g, g, u)
	q.Add(1-c.Square, NoTrans, u, c.Square, NoTrans, v, v)
	q.Map(Sqrt, v, u)
	q.Add(c.Unbias, NoTrans, u, 0, NoTrans, none, u)
	q.Fill(c.Epsilon, ε)
	q.AddBy(PerRow, 1, ε, u, u)
	q.Div(m, u, u)
	q.Add(-c.Size, NoTrans, u, c.Keep, NoTrans, w, w)
}

// Momentum are the numbers of one step along a moving average of gradients.
type Momentum[T Float] struct {
	Decay         T // λ, the share of the weights that is added to the gradient
	KeepMean      T // a
	AddGradient   T // b
	KeepWeights   T // c
	AlongGradient T // d
	AlongMean     T // e
}

// MomentumStepper is implemented by queues with a one-pass MomentumStep.
type MomentumStepper[T Float] interface {
	TryMomentumStep(c Momentum[T], w, g, m Matrix[T]) bool
}

// MomentumStep computes, with h = g + λ·w for the weights before the step,
//
//	m ← a·m + b·h,  w ← c·w + d·h + e·m
//
// for matrices of one shape, which must not overlap.
func MomentumStep[T Float](q Queue[T], c Momentum[T], w, g, m Matrix[T]) {
	if f, ok := q.(MomentumStepper[T]); ok && f.TryMomentumStep(c, w, g, m) {
		return
	}
	h := g
	if c.Decay != 0 {
		defer q.Scope()()
		h = q.Alloc(g.Rows, g.Cols)
		q.Add(1, NoTrans, g, c.Decay, NoTrans, w, h)
	}
	q.Add(c.AddGradient, NoTrans, h, c.KeepMean, NoTrans, m, m)
	if c.AlongGradient != 0 || c.KeepWeights != 1 {
		q.Add(c.AlongGradient, NoTrans, h, c.KeepWeights, NoTrans, w, w)
	}
	q.Add(c.AlongMean, NoTrans, m, 1, NoTrans, w, w)
}

// ScaledSummer is implemented by queues with a one-pass ScaledSums.
type ScaledSummer[T Float] interface {
	TryScaledSums(α T, a Matrix[T], β T, b, out Matrix[T]) bool
}

// ScaledSums computes, for X = α·A + β·B and its largest magnitude x, the
// three numbers x, Σ(Xᵢⱼ/x)² and Σ(Xᵢⱼ/x)⁴ into the vector out: sums of powers
// that do not overflow. They are 0 for X = 0 and where 1/x would overflow. The
// zero Matrix for b means no second term. If X is not finite, x is not either.
func ScaledSums[T Float](q Queue[T], α T, a Matrix[T], β T, b, out Matrix[T]) {
	if f, ok := q.(ScaledSummer[T]); ok && f.TryScaledSums(α, a, β, b, out) {
		return
	}
	defer q.Scope()()
	x, ones, scale := q.Alloc(a.Rows, a.Cols), q.Alloc(a.Rows, 1), q.Alloc(a.Rows, 1)
	inverse := q.Alloc(1, 1)
	sums := q.Alloc(1, 3)
	entry := func(i int) Matrix[T] { return sums.Slice(0, 1, i, i+1) }
	q.Add(α, NoTrans, a, β, NoTrans, b, x)
	q.Reduce(MaxAbs, Whole, x, entry(0))
	q.Map(Inv, entry(0), inverse)
	q.Map(InfToZero, inverse, inverse)
	q.Fill(1, ones)
	q.Gemm(NoTrans, NoTrans, 1, ones, inverse, 0, scale) // the one number for each row
	q.ScaleBy(PerRow, scale, x, x)
	q.Mul(x, x, x)
	q.Reduce(Sum, Whole, x, entry(1))
	q.Reduce(SumSquares, Whole, x, entry(2))
	q.Copy(out, sums)
}
