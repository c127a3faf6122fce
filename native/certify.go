package native

import "math"

// PlanCosts is LogStep without entries that also adds the costs of the plan,
// column by column, Σᵢ P[i,j]·C[i,j], to t. Costs +Inf count 0.
func PlanCosts[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s, t []T) {
	fits(m, n, c, ldc)
	sameLength(len(g), n)
	sameLength(len(a), m)
	sameLength(len(f), m)
	sameLength(len(s), n)
	sameLength(len(t), n)
	if m > 0 && n > 0 {
		planCosts(m, n, ε, c, ldc, g, a, f, s, t)
	}
}

// MinTransform computes f[i] = minⱼ (C[i,j] - g[j]) and lowers h[j] to
// minᵢ (C[i,j] - f[i]) for the m×n matrix c, which it reads once. d[i] becomes
// Σⱼ C[i,j]·w[j] without the costs +Inf; w and d may both be nil.
func MinTransform[T Float](m, n int, c []T, ldc int, g, w, f, h, d []T) {
	fits(m, n, c, ldc)
	sameLength(len(g), n)
	sameLength(len(f), m)
	sameLength(len(h), n)
	if w != nil || d != nil {
		sameLength(len(w), n)
		sameLength(len(d), m)
	}
	if m > 0 && n > 0 {
		minTransform(m, n, c, ldc, g, w, f, h, d)
	}
}

func planCostsGo[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s, t []T) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		p := make([]T, n)
		logStepGo(1, n, ε, row, n, g, a[i:i+1], f[i:i+1], p, 0, nil)
		for j, x := range p {
			s[j] += x
			if !math.IsInf(float64(row[j]), 1) {
				t[j] += x * row[j]
			}
		}
	}
}

func minTransformGo[T Float](m, n int, c []T, ldc int, g, w, f, h, d []T) {
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		least, sum := T(math.Inf(1)), T(0)
		for j, x := range row {
			least = min(least, x-g[j])
			if w != nil && !math.IsInf(float64(x), 1) {
				sum += x * w[j]
			}
		}
		f[i] = least
		if w != nil {
			d[i] = sum
		}
		for j, x := range row {
			h[j] = min(h[j], x-least)
		}
	}
}
