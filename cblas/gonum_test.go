//go:build cgo

package cblas

import (
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	blasgonum "gonum.org/v1/gonum/blas/gonum"
	"gonum.org/v1/gonum/blas/testblas"
	lapackgonum "gonum.org/v1/gonum/lapack/gonum"
	"gonum.org/v1/gonum/lapack/lapack64"
	"gonum.org/v1/gonum/lapack/testlapack"
	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/rng"
)

// gonum's own suites for its BLAS and LAPACK.

func TestBLASWithGonumsSuite(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"Dgemv":  func(t *testing.T) { testblas.DgemvTest(t, BLAS{}) },
		"Dger":   func(t *testing.T) { testblas.DgerTest(t, BLAS{}) },
		"Dsymv":  func(t *testing.T) { testblas.DsymvTest(t, BLAS{}) },
		"Dsyr":   func(t *testing.T) { testblas.DsyrTest(t, BLAS{}) },
		"Dsyr2":  func(t *testing.T) { testblas.Dsyr2Test(t, BLAS{}) },
		"Dtrmv":  func(t *testing.T) { testblas.DtrmvTest(t, BLAS{}) },
		"Dtrsv":  func(t *testing.T) { testblas.DtrsvTest(t, BLAS{}) },
		"Dgemm":  func(t *testing.T) { testblas.TestDgemm(t, BLAS{}) },
		"Dsymm":  func(t *testing.T) { testblas.DsymmTest(t, BLAS{}) },
		"Dsyrk":  func(t *testing.T) { testblas.DsyrkTest(t, BLAS{}) },
		"Dsyr2k": func(t *testing.T) { testblas.Dsyr2kTest(t, BLAS{}) },
		"Dtrmm":  func(t *testing.T) { testblas.DtrmmTest(t, BLAS{}) },
		"Dtrsm":  func(t *testing.T) { testblas.DtrsmTest(t, BLAS{}) },
	} {
		t.Run(name, test)
	}
}

func TestLapackWithGonumsSuite(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"Dgesvd": func(t *testing.T) { testlapack.DgesvdTest(t, Lapack{}, 1e-13) },
		"Dsyev":  func(t *testing.T) { testlapack.DsyevTest(t, Lapack{}) },
		"Dgeqrf": func(t *testing.T) { testlapack.DgeqrfTest(t, Lapack{}) },
		"Dgelqf": func(t *testing.T) { testlapack.DgelqfTest(t, Lapack{}) },
		"Dorgqr": func(t *testing.T) { testlapack.DorgqrTest(t, Lapack{}) },
		"Dorglq": func(t *testing.T) { testlapack.DorglqTest(t, Lapack{}) },
		"Dpotrf": func(t *testing.T) { testlapack.DpotrfTest(t, Lapack{}) },
	} {
		t.Run(name, test)
	}
}

// restore undoes Use, which is global to the process.
func restore() {
	blas64.Use(blasgonum.Implementation{})
	blas32.Use(blasgonum.Implementation{})
	lapack64.Use(lapackgonum.Implementation{})
}

func random(m, n int) *mat.Dense {
	a := mat.NewDense(m, n, nil)
	rng.Normal(3, 0, 0, a.RawMatrix().Data)
	return a
}

func TestMatOnOpenBLAS(t *testing.T) {
	a := random(90, 70)
	sym := mat.NewSymDense(70, nil)
	sym.SymOuterK(1, a.T())
	measure := func() (s, w []float64, r, solved mat.Dense) {
		var svd mat.SVD
		if !svd.Factorize(a, mat.SVDThin) {
			t.Fatal("SVD failed")
		}
		var eig mat.EigenSym
		if !eig.Factorize(sym, true) {
			t.Fatal("EigenSym failed")
		}
		var qr mat.QR
		qr.Factorize(a)
		qr.RTo(&r)
		var chol mat.Cholesky
		if !chol.Factorize(sym) {
			t.Fatal("Cholesky failed")
		}
		if err := chol.SolveTo(&solved, random(70, 3)); err != nil {
			t.Fatal(err)
		}
		// The factors must fit together too.
		var u, v, back mat.Dense
		svd.UTo(&u)
		svd.VTo(&v)
		back.Product(&u, mat.NewDiagDense(70, svd.Values(nil)), v.T())
		if !mat.EqualApprox(&back, a, 1e-12) {
			t.Error("U·S·Vᵀ is not A")
		}
		eig.VectorsTo(&v)
		back.Reset()
		back.Product(&v, mat.NewDiagDense(70, eig.Values(nil)), v.T())
		if !mat.EqualApprox(&back, sym, 1e-11) {
			t.Error("V·W·Vᵀ is not the symmetric matrix")
		}
		return svd.Values(nil), eig.Values(nil), r, solved
	}
	s0, w0, r0, x0 := measure()
	if !Use() {
		t.Fatal("Use reports failure")
	}
	defer restore()
	s1, w1, r1, x1 := measure()
	for i := range s0 {
		if d := s0[i] - s1[i]; d > 1e-12 || d < -1e-12 {
			t.Errorf("σ%d: %v and %v", i, s0[i], s1[i])
		}
		if d := w0[i] - w1[i]; d > 1e-11 || d < -1e-11 {
			t.Errorf("λ%d: %v and %v", i, w0[i], w1[i])
		}
	}
	if !mat.EqualApprox(&r0, &r1, 1e-11) || !mat.EqualApprox(&x0, &x1, 1e-9) {
		t.Error("QR or Cholesky differ from gonum's")
	}
}

func BenchmarkGonum(b *testing.B) {
	a := random(512, 512)
	var sym mat.SymDense
	sym.SymOuterK(1, a)
	for _, fast := range []bool{false, true} {
		name := "gonum"
		if fast {
			name = "openblas"
		}
		run := func(what string, f func()) {
			b.Run(what+"/"+name+"/512x512", func(b *testing.B) {
				if fast {
					Use()
					defer restore()
				}
				for b.Loop() {
					f()
				}
			})
		}
		run("SVD", func() { new(mat.SVD).Factorize(a, mat.SVDThin) })
		run("EigenSym", func() { new(mat.EigenSym).Factorize(&sym, true) })
		run("QR", func() { new(mat.QR).Factorize(a) })
	}
}
