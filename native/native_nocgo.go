//go:build !cgo

package native

import "math"

// Level names the instruction level in use.
func Level() string { return "go" }

// Levels lists the levels that this processor can run, lowest first.
func Levels() []string { return []string{"go"} }

// SetLevel chooses a level, for tests and measurements. It reports whether
// the level exists here.
func SetLevel(level string) bool { return level == "go" }

func exp[T Float](x, y []T) {
	for i, v := range x {
		y[i] = T(math.Exp(float64(v)))
	}
}

func tanh[T Float](x, y []T) {
	for i, v := range x {
		y[i] = T(math.Tanh(float64(v)))
	}
}

func softMinRows[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	softMinRowsGo(m, n, ε, c, ldc, g, out)
}

func softMinCols[T Float](m, n int, ε T, c []T, ldc int, g, out []T) {
	softMinColsGo(m, n, ε, c, ldc, g, out)
}

func gibbs[T Float](m, n int, ε T, f, g, c []T, ldc int, out []T, ldo int) {
	gibbsGo(m, n, ε, f, g, c, ldc, out, ldo)
}

func scalingStep[T Float](m, n int, k []T, ldk int, a, v, u, s []T) {
	scalingStepGo(m, n, k, ldk, a, v, u, s)
}

func pairwiseCost[T Float](m, n, d, p int, x []T, ldx int, yt, out []T, ldo int) {
	pairwiseCostGo(m, n, d, p, x, ldx, yt, out, ldo)
}

func minRows[T Float](m, n int, c []T, ldc int, g, out []T) { minRowsGo(m, n, c, ldc, g, out) }

func minCols[T Float](m, n int, c []T, ldc int, g, out []T) { minColsGo(m, n, c, ldc, g, out) }

func matVec[T Float](m, n int, a []T, lda int, x, y []T) {
	for i := range m {
		sum := 0.0
		for j, v := range a[i*lda : i*lda+n] {
			sum += float64(v) * float64(x[j])
		}
		y[i] = T(sum)
	}
}

func vecMat[T Float](m, n int, a []T, lda int, x, y []T) {
	for i := range m {
		for j, v := range a[i*lda : i*lda+n] {
			y[j] += x[i] * v
		}
	}
}

func symVec[T Float](lo, hi int, a []T, lda int, x, y []T) {
	for i := lo; i < hi; i++ {
		row := a[i*lda : i*lda+i+1]
		sum := float64(row[i]) * float64(x[i])
		for j, v := range row[:i] {
			sum += float64(v) * float64(x[j])
			y[j] += x[i] * v
		}
		y[i] += T(sum)
	}
}

func tallGram[T Float](m, n int, a []T, lda int, x, g []float64, ld int, _ []float64) {
	q := make([]float64, n)
	for i := range m {
		tallRow(n, a[i*lda:], x, ld, q)
		for r, v := range q {
			for c := r; c < n; c++ {
				g[r*ld+c] += v * q[c]
			}
		}
	}
}

func tallMul[T Float](m, n, k int, a []T, lda int, x []float64, ld int, y []float64, ldy int, u []T, ldu int, c TallCheck, _ []float64) {
	q, r := make([]float64, n), make([]float64, k)
	for i := range m {
		row := a[i*lda:]
		tallRow(n, row, x, ld, q)
		for j := range k {
			s := 0.0
			for l, v := range q {
				s += v * y[l*ldy+j]
			}
			u[i*ldu+j] = T(s)
			r[j] = float64(u[i*ldu+j])
		}
		if c.Gram.Data != nil {
			addRow(c, n, row, r)
		}
	}
}

// addRow adds what the row a of A and the row u of U contribute.
func addRow[T Float](c TallCheck, n int, a []T, u []float64) {
	for r, v := range u {
		for j := r; j < len(u); j++ {
			c.Gram.Data[r*c.Gram.LD+j] += v * u[j]
		}
	}
	for p := range c.Squares {
		d := 0.0
		for j := range n {
			d += float64(a[j]) * c.W[j*TallProbes+p]
		}
		for j, v := range u {
			d -= v * c.Z[j*TallProbes+p]
		}
		c.Squares[p] += d * d
	}
}

func tangentForward[T Float](rows, k, a int, bias, s []T, lds int, u []T, ldu int, y []T, ldy int) {
	tangentForwardGo(rows, k, a, bias, s, lds, u, ldu, y, ldy)
}

func tangentBackward[T Float](rows, k, a int, s []T, lds int, c []T, ldc int, u []T, ldu int, e []T, lde int, sums []T) {
	tangentBackwardGo(rows, k, a, s, lds, c, ldc, u, ldu, e, lde, sums)
}

func adam[T Float](c *[6]T, w, g, m, v []T) { adamGo(c, w, g, m, v) }

func combine[T Float](p T, a []T, q T, b, c []T) { combineGo(p, a, q, b, c) }

func momentum[T Float](c *[6]T, w, g, m []T) { momentumGo(c, w, g, m) }

func powers[T Float](p float64, a []T, q float64, b []T) [3]float64 { return powersGo(p, a, q, b) }

func maxAbs[T Float](x []T) T { return maxAbsGo(x) }

func skinnyMul[T Float](m, w, k int, α T, a []T, lda int, b []T, ldb int, β T, c []T, ldc int) {
	sum := make([]T, w)
	for i := range m {
		clear(sum)
		for l, v := range a[i*lda : i*lda+k] {
			for j, x := range b[l*ldb : l*ldb+w] {
				sum[j] += v * x
			}
		}
		skinnyOut(α, sum, β, c[i*ldc:i*ldc+w])
	}
}

func skinnyTransMul[T Float](m, n, w int, α T, a []T, lda int, b []T, ldb int, β T, c []T, ldc int, sums []T) {
	for i := range m {
		for r, v := range a[i*lda : i*lda+n] {
			for j, x := range b[i*ldb : i*ldb+w] {
				sums[r*w+j] += v * x
			}
		}
	}
	for r := range n {
		skinnyOut(α, sums[r*w:(r+1)*w], β, c[r*ldc:r*ldc+w])
	}
}

func skinnyOut[T Float](α T, sum []T, β T, c []T) {
	for j, s := range sum {
		if β == 0 {
			c[j] = α * s
		} else {
			c[j] = α*s + β*c[j]
		}
	}
}
