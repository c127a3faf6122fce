package native

import "math"

// Entries are elements of a matrix, row by row: those of row i are the ones
// from Ends[i-1] (0 for the first row) to Ends[i].
type Entries[T Float] struct {
	Cols []int32
	Vals []T
	Ends []int64
}

// LogStep computes f[i] = ε·log(a[i]/Σⱼ exp((g[j] - C[i,j])/ε)) for the rows
// of the m×n matrix c, so that row i of the plan P[i,j] =
// exp((f[i] + g[j] - C[i,j])/ε) sums to a[i], and adds the sums of the columns
// of the plan to s. c is read once and one exponential taken an element.
//
// With entries, those of the plan that are at least least are stored there.
func LogStep[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s []T, least T, entries *Entries[T]) {
	fits(m, n, c, ldc)
	sameLength(len(g), n)
	sameLength(len(a), m)
	sameLength(len(f), m)
	sameLength(len(s), n)
	if entries != nil {
		if cap(entries.Ends) < m {
			entries.Ends = make([]int64, m)
		}
		entries.Ends = entries.Ends[:m]
		entries.Cols, entries.Vals = entries.Cols[:0], entries.Vals[:0]
	}
	if m > 0 && n > 0 {
		logStep(m, n, ε, c, ldc, g, a, f, s, least, entries)
	}
}

// SoftMinPoints computes out[i] = -ε·log Σⱼ exp((g[j] - ‖xᵢ-yⱼ‖ᵖ)/ε), p = 1 or
// 2, for the m rows of x and the n rows of y of d coordinates each. With
// products, which need p = 2, ‖x-y‖² is ‖x‖²+‖y‖²-2⟨x,y⟩: faster from a few
// coordinates on, with errors relative to ‖x‖²+‖y‖².
func SoftMinPoints[T Float](m, n, d, p int, products bool, ε T, x []T, ldx int, y []T, ldy int, g, out []T) {
	fits(m, d, x, ldx)
	fits(n, d, y, ldy)
	sameLength(len(g), n)
	sameLength(len(out), m)
	if products && p != 2 {
		panic("native: products give squared distances alone")
	}
	if m > 0 && n > 0 && d > 0 {
		softMinPoints(m, n, d, p, products, ε, x, ldx, y, ldy, g, out)
	}
}

func logStepGo[T Float](m, n int, ε T, c []T, ldc int, g, a, f, s []T, least T, entries *Entries[T]) {
	e := make([]float64, n)
	for i := range m {
		row := c[i*ldc : i*ldc+n]
		top := math.Inf(-1)
		for j, x := range row {
			e[j] = float64(g[j]) - float64(x)
			if e[j] > top {
				top = e[j]
			}
		}
		if math.IsInf(top, -1) {
			top = 0
		}
		sum := 0.0
		for j, x := range e {
			e[j] = math.Exp((x - top) / float64(ε))
			sum += e[j]
		}
		w := float64(a[i]) / sum
		if a[i] == 0 && sum == 0 {
			w = 0
		}
		f[i] = T(float64(ε)*(math.Log(float64(a[i]))-math.Log(sum)) - top)
		for j, x := range e {
			p := T(w * x)
			s[j] += p
			if entries != nil && p >= least {
				entries.Cols = append(entries.Cols, int32(j))
				entries.Vals = append(entries.Vals, p)
			}
		}
		if entries != nil {
			entries.Ends[i] = int64(len(entries.Cols))
		}
	}
}

func softMinPointsGo[T Float](m, n, d, p int, ε T, x []T, ldx int, y []T, ldy int, g, out []T) {
	for i := range m {
		out[i] = T(softMin(n, float64(ε), func(j int) float64 {
			sum := 0.0
			for l := range d {
				e := float64(x[i*ldx+l]) - float64(y[j*ldy+l])
				sum += e * e
			}
			if p == 1 {
				sum = math.Sqrt(sum)
			}
			return float64(g[j]) - sum
		}))
	}
}
