package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// Symmetric products at every level against sums in float64, in blocks of the
// depth and of rows, for factors in both orientations.
func TestSymProduct(t *testing.T) {
	for _, level := range Levels() {
		SetLevel(level)
		t.Run(level, func(t *testing.T) {
			testSymProduct[float32](t, 0x1p-23)
			testSymProduct[float64](t, 0x1p-52)
		})
	}
	SetLevel(Levels()[len(Levels())-1])
}

func testSymProduct[T Float](t *testing.T, eps float64) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 11, 12, 13, 31, 32, 33, 48, 49, 100, 145} {
		for _, depth := range []int{1, 2, 17, 40} {
			for _, transposed := range []bool{false, true} {
				rows, cols := n, depth
				if transposed {
					rows, cols = cols, rows
				}
				ld := cols + 3
				a := make([]T, rows*ld)
				for i := range a {
					a[i] = T(r.NormFloat64())
				}
				at := func(i, p int) float64 {
					if transposed {
						return float64(a[p*ld+i])
					}
					return float64(a[i*ld+p])
				}
				// D = C before the product, symmetric, with NaN above the diagonal.
				const α, β, γ = 0.5, -2, 3
				ldc := n + 5
				c := make([]T, n*ldc)
				for i := range c {
					c[i] = T(math.NaN())
				}
				d := make([]float64, n*n)
				for i := range n {
					for j := range i + 1 {
						c[i*ldc+j] = T(r.NormFloat64())
						d[i*n+j] = float64(c[i*ldc+j])
					}
				}
				const step = 16
				packed, work := make([]T, SymPacked(n, step)), make([]T, SymRows*step)
				for from := 0; from < depth; from += step {
					to := min(depth, from+step)
					part := a[from:]
					if transposed {
						part = a[from*ld:]
					}
					if transposed {
						part = part[:(to-from-1)*ld+n]
					} else {
						part = part[:(n-1)*ld+to-from]
					}
					for j := 0; j < n; j += 2 * SymWidth {
						SymPack(j, min(n, j+2*SymWidth), to-from, part, ld, transposed, packed)
					}
					term := SymTerm[T]{Beta: 1, D: c, LD: ldc, Gamma: γ, Last: to == depth}
					if from == 0 {
						term.Beta = β
					}
					for i := 0; i < n; i += SymRows {
						SymProduct(i, min(n, i+SymRows), to-from, T(α), part, ld, transposed, packed, term, c, ldc, work)
					}
				}
				name := fmt.Sprintf("n=%d depth=%d transposed=%v", n, depth, transposed)
				for i := range n {
					for j := range i + 1 {
						want, size := β*d[i*n+j], math.Abs(β*d[i*n+j])
						for p := range depth {
							want += α * at(i, p) * at(j, p)
							size += math.Abs(at(i, p) * at(j, p))
						}
						if i == j {
							want += γ
							size += γ
						}
						got := float64(c[i*ldc+j])
						if !(math.Abs(got-want) <= 2*eps*float64(depth+4)*size) || c[j*ldc+i] != c[i*ldc+j] {
							t.Fatalf("%s: element %d, %d is %v and %v, want %v", name, i, j, got, c[j*ldc+i], want)
						}
					}
					for j := n; j < ldc && i*ldc+j < len(c); j++ {
						if c[i*ldc+j] == c[i*ldc+j] {
							t.Fatalf("%s: row %d is written beyond the end", name, i)
						}
					}
				}
			}
		}
	}
}

// A packed product of two different matrices is right to the last column.
func TestPackedProduct(t *testing.T) {
	for _, level := range Levels() {
		SetLevel(level)
		t.Run(level, func(t *testing.T) {
			testPackedProduct[float32](t, 0x1p-23)
			testPackedProduct[float64](t, 0x1p-52)
		})
	}
	SetLevel(Levels()[len(Levels())-1])
}

func testPackedProduct[T Float](t *testing.T, eps float64) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range [][3]int{{1, 1, 1}, {13, 70, 20}, {50, 33, 7}, {12, 32, 5}, {97, 31, 40}} {
		m, n, k := s[0], s[1], s[2]
		a, b, c := make([]T, m*k), make([]T, k*n), make([]T, m*n)
		for _, x := range [][]T{a, b, c} {
			for i := range x {
				x[i] = T(r.NormFloat64())
			}
		}
		before := append([]T(nil), c...)
		packed, work := make([]T, SymPacked(n, k)), make([]T, SymRows*k)
		SymPack(0, n, k, b, n, true, packed)
		for i := 0; i < m; i += SymRows {
			PackedProduct(i, min(m, i+SymRows), n, k, 1, a, k, false, packed, 1, c, n, work)
		}
		for i := range m {
			for j := range n {
				want := float64(before[i*n+j])
				size := math.Abs(want)
				for p := range k {
					v := float64(a[i*k+p]) * float64(b[p*n+j])
					want += v
					size += math.Abs(v)
				}
				if d := math.Abs(float64(c[i*n+j]) - want); !(d <= 2*eps*float64(k+2)*size) {
					t.Fatalf("%v: element %d, %d is off by %v", s, i, j, d)
				}
			}
		}
	}
}
