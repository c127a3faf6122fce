package conform

import (
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Residuals of factorizations are held against c·√(mn)·eps·‖A‖_F: LAPACK's
// bounds grow linearly with the dimension, in practice with its root.
func (b *bench[T]) tol(a device.Dense[T]) float64 {
	return 10 * math.Sqrt(float64(max(a.Rows, a.Cols))+10) * b.eps * max(frobenius(a.Rows, a.Cols, at(a), zero), math.SmallestNonzeroFloat64)
}

func (b *bench[T]) orthonormalColumns(what string, q device.Dense[T]) {
	b.t.Helper()
	sum, _ := product(op(device.Transp, q), at(q), q.Rows)
	if d := frobenius(q.Cols, q.Cols, sum, identity); !(d <= 10*b.eps*math.Sqrt(float64(q.Rows*q.Cols)+10)) {
		b.t.Errorf("%s %d×%d: orthogonality loss %.3g", what, q.Rows, q.Cols, d)
	}
}

// matrices returns m×n matrices that are easy, graded, rank-deficient, zero,
// huge and tiny.
func (b *bench[T]) matrices(m, n int) map[string]device.Dense[T] {
	all := map[string]device.Dense[T]{"normal": b.random(m, n), "zero": device.NewDense[T](m, n)}
	graded := b.random(m, n)
	for i := range m {
		for j := range n {
			graded.Set(i, j, graded.At(i, j)*T(math.Pow(10, -8*float64(j)/float64(n))))
		}
	}
	all["graded"] = graded
	low := device.NewDense[T](m, n)
	x, y := b.random(m, 1), b.random(1, n)
	for i := range m {
		for j := range n {
			low.Set(i, j, x.At(i, 0)*y.At(0, j))
		}
	}
	all["rank one"] = low
	scale := 1e150
	if b.eps > 1e-10 {
		scale = 1e18
	}
	for name, f := range map[string]float64{"huge": scale, "tiny": 1 / scale} {
		s := b.random(m, n)
		for i := range s.Data {
			s.Data[i] *= T(f)
		}
		all[name] = s
	}
	return all
}

var tallShapes = [][2]int{{1, 1}, {2, 1}, {3, 3}, {9, 8}, {33, 17}, {130, 33}, {60, 60}}

func testQR[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range tallShapes {
		for name, A := range b.matrices(s[0], s[1]) {
			q, r := b.put(A), b.blank(s[1], s[1])
			b.q.QR(q, r)
			Q, R := b.get(q), b.get(r)
			b.orthonormalColumns("QR of "+name, Q)
			sum, _ := product(at(Q), at(R), s[1])
			if d := frobenius(s[0], s[1], sum, at(A)); !(d <= b.tol(A)) {
				t.Errorf("QR of %s %v: residual %.3g, allowed %.3g", name, s, d, b.tol(A))
			}
			for i := range s[1] {
				for j := range i {
					if R.At(i, j) != 0 {
						t.Fatalf("R(%d,%d) = %v below the diagonal", i, j, R.At(i, j))
					}
				}
			}
		}
	}
}

func testCholesky[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range sizes {
		G := b.random(n, n+5)
		sum, _ := product(at(G), op(device.Transp, G), n+5)
		A := device.NewDense[T](n, n)
		for i := range n {
			for j := range n {
				A.Set(i, j, T(sum(i, j)))
			}
		}
		lower := A.Clone()
		for i := range n {
			for j := i + 1; j < n; j++ {
				lower.Set(i, j, T(math.NaN())) // must not be read
			}
		}
		m := b.put(lower)
		b.q.Cholesky(m)
		L := b.get(m)
		llt, _ := product(at(L), op(device.Transp, L), n)
		if d := frobenius(n, n, llt, at(A)); !(d <= b.tol(A)) {
			t.Errorf("Cholesky n=%d: residual %.3g, allowed %.3g", n, d, b.tol(A))
		}
		for i := range n {
			for j := i + 1; j < n; j++ {
				if L.At(i, j) != 0 {
					t.Fatalf("L(%d,%d) = %v above the diagonal", i, j, L.At(i, j))
				}
			}
		}
	}
	m := b.put(device.Dense[T]{Rows: 2, Cols: 2, Stride: 2, Data: []T{1, 2, 2, 1}})
	b.q.Cholesky(m)
	if err := b.q.Sync(); !errors.Is(err, device.ErrNotPositiveDefinite) {
		t.Errorf("Cholesky of an indefinite matrix: %v", err)
	}
}

func testEigh[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range sizes {
		for name, G := range b.matrices(n, n) {
			A := device.NewDense[T](n, n)
			for i := range n {
				for j := range n {
					A.Set(i, j, G.At(i, j)/2+G.At(j, i)/2)
				}
			}
			lower := A.Clone()
			for i := range n {
				for j := i + 1; j < n; j++ {
					lower.Set(i, j, T(math.NaN()))
				}
			}
			v, w := b.put(lower), b.blank(1, n)
			b.q.Eigh(v, w)
			V, W := b.get(v), b.get(w)
			b.orthonormalColumns("eigenvectors of "+name, V.T())
			scaled := V.Clone()
			for i := range n {
				for j := range n {
					scaled.Set(i, j, V.At(i, j)*W.At(0, i))
				}
				if i > 0 && W.At(0, i) < W.At(0, i-1) {
					t.Fatalf("eigenvalues of %s do not ascend", name)
				}
			}
			sum, _ := product(op(device.Transp, V), at(scaled), n)
			if d := frobenius(n, n, sum, at(A)); !(d <= 2*b.tol(A)) {
				t.Errorf("Eigh of %s n=%d: residual %.3g, allowed %.3g", name, n, d, 2*b.tol(A))
			}
		}
	}
	// The second difference matrix has eigenvalues 2-2cos(kπ/(n+1)).
	const n = 50
	A := device.NewDense[T](n, n)
	for i := range n {
		A.Set(i, i, 2)
		if i > 0 {
			A.Set(i, i-1, -1)
		}
	}
	w := b.blank(n, 1)
	b.q.Eigh(b.put(A), w)
	b.near("eigenvalues of the second difference", b.get(w),
		func(i, _ int) float64 { return 2 - 2*math.Cos(float64(i+1)*math.Pi/(n+1)) }, constant(20*b.eps))
}

// Eigenvalues without vectors, or with some, are those that come with all.
func testEighRange[T device.Float](t *testing.T, b *bench[T]) {
	for _, n := range sizes {
		for name, G := range b.matrices(n, n) {
			A, lower := device.NewDense[T](n, n), device.NewDense[T](n, n)
			for i := range n {
				for j := range n {
					A.Set(i, j, G.At(i, j)/2+G.At(j, i)/2)
					lower.Set(i, j, A.At(i, j))
					if j > i {
						lower.Set(i, j, T(math.NaN()))
					}
				}
			}
			w, alone := b.blank(1, n), b.blank(n, 1)
			b.q.Eigh(b.put(lower), w)
			device.EighRange(b.q, b.put(lower), alone, device.Matrix[T]{}, 0)
			want, got := b.get(w), b.get(alone)
			size := max(math.Abs(float64(want.At(0, 0))), math.Abs(float64(want.At(0, n-1))))
			b.near("eigenvalues alone of "+name, got, func(i, _ int) float64 { return float64(want.At(0, i)) }, constant(4*float64(n+20)*b.eps*size))
			for _, k := range []int{1, (n + 3) / 4, n} {
				first := (n - k) / 2
				v := b.blank(k, n)
				device.EighRange(b.q, b.put(lower), w, v, first)
				V, W := b.get(v), b.get(w)
				b.orthonormalColumns("chosen eigenvectors of "+name, V.T())
				av, _ := product(at(V), at(A), n)
				λv := func(i, j int) float64 { return float64(W.At(0, first+i)) * float64(V.At(i, j)) }
				if d := frobenius(k, n, av, λv); !(d <= 2*b.tol(A)) {
					t.Errorf("%d of %d eigenvectors of %s: residual %.3g, allowed %.3g", k, n, name, d, 2*b.tol(A))
				}
			}
		}
	}
}

func testSVD[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range append([][2]int{{1, 9}, {8, 33}, {17, 130}}, tallShapes...) {
		m, n := s[0], s[1]
		k := min(m, n)
		for name, A := range b.matrices(m, n) {
			u, σ, vt := b.blank(m, k), b.blank(1, k), b.blank(k, n)
			b.q.SVD(b.put(A), u, σ, vt)
			U, S, V := b.get(u), b.get(σ), b.get(vt)
			b.orthonormalColumns("U of "+name, U)
			b.orthonormalColumns("V of "+name, V.T())
			us := func(i, j int) float64 { return float64(U.At(i, j)) * float64(S.At(0, j)) }
			sum, _ := product(us, at(V), k)
			if d := frobenius(m, n, sum, at(A)); !(d <= b.tol(A)) {
				t.Errorf("SVD of %s %v: residual %.3g, allowed %.3g", name, s, d, b.tol(A))
			}
			for j := range k {
				if S.At(0, j) < 0 || j > 0 && S.At(0, j) > S.At(0, j-1) {
					t.Fatalf("singular values of %s do not descend: %v", name, S.Row(0))
				}
			}
			values := b.blank(k, 1)
			b.q.SVD(b.put(A), device.Matrix[T]{}, values, device.Matrix[T]{})
			b.near("values alone of "+name, b.get(values), func(i, _ int) float64 { return float64(S.At(0, i)) }, constant(b.tol(A)))
		}
	}
	// Lower triangular ones: σₖ = 1/(2 sin((2k-1)π/(4n+2))).
	const n = 50
	A := device.NewDense[T](n, n)
	for i := range n {
		for j := range i + 1 {
			A.Set(i, j, 1)
		}
	}
	σ := b.blank(1, n)
	b.q.SVD(b.put(A), device.Matrix[T]{}, σ, device.Matrix[T]{})
	b.near("singular values of triangular ones", b.get(σ),
		func(_, j int) float64 { return 1 / (2 * math.Sin(float64(2*j+1)*math.Pi/(4*n+2))) }, constant(30*b.eps*32))
}
