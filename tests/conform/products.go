package conform

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

var bothTrans = []device.Trans{device.NoTrans, device.Transp}

func testTransfer[T device.Float](t *testing.T, b *bench[T]) {
	for _, r := range sizes {
		for _, c := range []int{1, 8, 33} {
			a := b.random(r, c)
			m := b.put(a)
			b.near("Upload, Download", b.get(m), at(a), constant(0))
			n := b.blank(r, c)
			b.q.Copy(n, m)
			b.near("Copy", b.get(n), at(a), constant(0))
		}
	}
	row := b.random(1, 9)
	col := b.blank(9, 1)
	b.q.Copy(col, b.put(row))
	b.near("Copy row to column", b.get(col), op(device.Transp, row), constant(0))
	back := b.blank(1, 9)
	b.q.Copy(back, col)
	b.near("Copy column to row", b.get(back), at(row), constant(0))
	if z := b.get(b.q.Alloc(5, 7)); frobenius(5, 7, at(z), zero) != 0 {
		t.Error("Alloc does not return zeros")
	}
	for _, s := range [][2]int{{0, 3}, {3, 0}, {0, 0}} {
		b.get(b.q.Alloc(s[0], s[1]))
	}
	end := b.q.Scope()
	inner := b.q.Alloc(3, 3)
	b.q.Fill(2, inner)
	end()
	outer := b.q.Alloc(3, 3)
	b.near("Alloc after a scope", b.get(outer), zero, constant(0))
}

func testGemm[T device.Float](t *testing.T, b *bench[T]) {
	for _, tA := range bothTrans {
		for _, tB := range bothTrans {
			for _, s := range [][3]int{{1, 1, 1}, {1, 40, 1}, {2, 3, 7}, {9, 8, 17}, {33, 1, 5}, {1, 33, 9}, {17, 9, 1}, {33, 130, 8}, {130, 17, 33}} {
				m, n, k := s[0], s[1], s[2]
				A, B, C := b.random(flip(tA, m, k)), b.random(flip(tB, k, n)), b.random(m, n)
				for _, f := range [][2]T{{1, 0}, {-0.5, 1}, {2, -3}, {0, 0.5}} {
					c := b.put(C)
					if f[1] == 0 {
						c = b.blank(m, n) // must not be read
					}
					b.q.Gemm(tA, tB, f[0], b.put(A), b.put(B), f[1], c)
					sum, size := product(op(tA, A), op(tB, B), k)
					α, β := float64(f[0]), float64(f[1])
					b.near("Gemm "+shapeName(m, n, k), b.get(c),
						func(i, j int) float64 { return α*sum(i, j) + β*float64(C.At(i, j)) },
						// Each of the k products and sums rounds once.
						func(i, j int) float64 {
							return float64(k+3) * b.eps * (math.Abs(α)*size(i, j) + math.Abs(β*float64(C.At(i, j))))
						})
				}
			}
		}
	}
	c := b.put(b.random(3, 4))
	b.q.Gemm(device.NoTrans, device.NoTrans, 1, b.q.Alloc(3, 0), b.q.Alloc(0, 4), 0, c)
	b.near("Gemm over nothing", b.get(c), zero, constant(0))

	A, B := b.random(3, 5), b.random(5, 4)
	A.Set(1, 2, T(math.NaN()))
	b.q.Gemm(device.NoTrans, device.NoTrans, 1, b.put(A), b.put(B), 0, c)
	for j, v := range b.get(c).Row(1) {
		if v == v {
			t.Errorf("Gemm: NaN of A is lost in column %d of C", j)
		}
	}
}

// A large product is checked with a random vector: C·x = A·(B·x).
func testGemmLarge[T device.Float](t *testing.T, b *bench[T]) {
	const m, n, k = 301, 257, 403
	A, B, x := b.random(m, k), b.random(k, n), b.random(n, 1)
	c := b.blank(m, n)
	b.q.Gemm(device.NoTrans, device.NoTrans, 1, b.put(A), b.put(B), 0, c)
	C := b.get(c)
	bx, bxSize := product(at(B), at(x), n)
	abx, _ := product(at(A), cached(k, bx), k)
	_, size := product(at(A), cached(k, bxSize), k)
	cx, _ := product(at(C), at(x), n)
	for i := range m {
		// Rounding of C grows with k, of the check with float64 only.
		if d := math.Abs(cx(i, 0) - abx(i, 0)); d > float64(k)*b.eps*size(i, 0) {
			t.Fatalf("row %d of C·x differs by %.3g", i, d)
		}
	}
}

// cached tabulates the first column of f.
func cached(n int, f func(i, j int) float64) func(i, j int) float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = f(i, 0)
	}
	return func(i, _ int) float64 { return v[i] }
}

func testSyrk[T device.Float](t *testing.T, b *bench[T]) {
	for _, tr := range bothTrans {
		for _, n := range sizes {
			for _, k := range []int{1, 9, 33} {
				A := b.random(flip(tr, n, k))
				c := b.blank(n, n)
				b.q.Syrk(tr, 2, b.put(A), 0, c)
				C := b.get(c)
				sum, size := product(op(tr, A), op(!tr, A), k)
				b.near("Syrk", C, func(i, j int) float64 { return 2 * sum(i, j) },
					func(i, j int) float64 { return float64(k+3) * b.eps * 2 * size(i, j) })
				b.near("symmetry of Syrk", C, op(device.Transp, C), constant(0))
				b.q.Syrk(tr, 1, b.put(A), 0.5, c)
				b.near("Syrk with β", b.get(c), func(i, j int) float64 { return 2 * sum(i, j) },
					func(i, j int) float64 { return float64(2*k+6) * b.eps * 2 * size(i, j) })
			}
		}
	}
}

func testTrsm[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range sizes {
		for _, rhs := range []int{1, 9} {
			for _, side := range []device.Side{device.Left, device.Right} {
				for _, uplo := range []device.Uplo{device.Lower, device.Upper} {
					for _, tr := range bothTrans {
						A := b.random(n, n)
						triangle := zero
						for i := range n { // well conditioned: diagonal about 2, the rest below 1/n
							for j := range n {
								A.Set(i, j, A.At(i, j)/T(4*n))
							}
							A.Set(i, i, 2+A.At(i, i))
						}
						triangle = func(i, j int) float64 {
							if i != j && (i < j) != (uplo == device.Upper) {
								return 0
							}
							return float64(A.At(i, j))
						}
						poisoned := A.Clone() // the other triangle must not be read
						for i := range n {
							for j := range n {
								if i != j && (i < j) != (uplo == device.Upper) {
									poisoned.Set(i, j, T(math.NaN()))
								}
							}
						}
						opTri := triangle
						if tr == device.Transp {
							opTri = func(i, j int) float64 { return triangle(j, i) }
						}
						B := b.random(n, rhs)
						if side == device.Right {
							B = b.random(rhs, n)
						}
						x := b.put(B)
						b.q.Trsm(side, uplo, tr, 3, b.put(poisoned), x)
						X := b.get(x)
						sum, size := product(opTri, at(X), n)
						if side == device.Right {
							sum, size = product(at(X), opTri, n)
						}
						for i := range B.Rows {
							for j := range B.Cols {
								if d := math.Abs(sum(i, j) - 3*float64(B.At(i, j))); !(d <= float64(4*n+8)*b.eps*size(i, j)) {
									t.Fatalf("Trsm n=%d: residual %.3g at (%d,%d)", n, d, i, j)
								}
							}
						}
					}
				}
			}
		}
	}
}
