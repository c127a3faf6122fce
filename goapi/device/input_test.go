package device_test

import (
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/cblas"
	. "github.com/ritz-go/ritz/goapi/device"
)

func onDevices(t *testing.T, f func(t *testing.T, dev Device)) {
	t.Run("go", func(t *testing.T) { f(t, Go()) })
	dev, err := cblas.Open(cblas.Options{})
	switch {
	case err == nil:
		t.Run("openblas", func(t *testing.T) { f(t, dev) })
	case !errors.Is(err, ErrUnavailable) || strings.Contains(os.Getenv("RITZ_REQUIRE"), "openblas"):
		t.Fatal(err)
	}
}

// without runs f and reports a panic.
func without(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", name, p)
		}
	}()
	f()
}

// operands are matrices that fit no operation below, by name.
func operands[T Float](q, foreign Queue[T]) map[string]Matrix[T] {
	a := q.Alloc(5, 7)
	freed := func() Matrix[T] { defer q.Scope()(); return q.Alloc(5, 7) }()
	return map[string]Matrix[T]{
		"zero Matrix":    {},
		"negative shape": a.Slice(4, 1, 0, 7),
		"beyond buffer":  a.Slice(0, 5, 3, 13),
		"offset":         {Rows: 5, Cols: 7, LD: 7, Off: -1, Buf: a.Buf},
		"LD":             {Rows: 5, Cols: 7, LD: 6, Buf: a.Buf},
		"negative LD":    {Rows: 5, Cols: 7, LD: -7, Buf: a.Buf},
		"overflowing LD": {Rows: 3, Cols: 7, LD: 1 << 62, Buf: a.Buf},
		"reshaped":       a.Reshape(3, 4),
		"freed":          freed,
		"other buffer":   {Rows: 5, Cols: 7, LD: 7, Buf: strange(35)},
	}
}

// strange is a Buffer that no device made.
type strange int

func (s strange) Len() int { return int(s) }

// calls are all operations of a queue, and the fused ones, with x in the place
// of one operand after the other.
func calls[T Float](q Queue[T], x Matrix[T]) map[string]func() {
	m := func(r, c int) Matrix[T] { return q.Alloc(r, c) }
	return map[string]func(){
		"Upload":           func() { q.Upload(x, NewDense[T](5, 7)) },
		"Download":         func() { q.Download(NewDense[T](5, 7), x) },
		"Copy to":          func() { q.Copy(x, m(5, 7)) },
		"Copy from":        func() { q.Copy(m(5, 7), x) },
		"Fill":             func() { q.Fill(1, x) },
		"Gemm A":           func() { q.Gemm(NoTrans, NoTrans, 1, x, m(7, 2), 0, m(5, 2)) },
		"Gemm B":           func() { q.Gemm(NoTrans, Transp, 1, m(2, 7), x, 0, m(2, 5)) },
		"Gemm C":           func() { q.Gemm(Transp, NoTrans, 1, m(2, 5), m(2, 7), 1, x) },
		"Syrk A":           func() { q.Syrk(NoTrans, 1, x, 0, m(5, 5)) },
		"Syrk C":           func() { q.Syrk(NoTrans, 1, m(5, 2), 0, x) },
		"Trsm A":           func() { q.Trsm(Left, Lower, NoTrans, 1, x, m(5, 2)) },
		"Trsm B":           func() { q.Trsm(Right, Upper, Transp, 1, m(7, 7), x) },
		"Add A":            func() { q.Add(1, NoTrans, x, 1, NoTrans, m(5, 7), m(5, 7)) },
		"Add C":            func() { q.Add(1, NoTrans, m(5, 7), 1, NoTrans, Matrix[T]{}, x) },
		"AddDiag":          func() { q.AddDiag(1, x) },
		"Map A":            func() { q.Map(Exp, x, m(5, 7)) },
		"Map B":            func() { q.Map(Exp, m(5, 7), x) },
		"Mul":              func() { q.Mul(x, m(5, 7), m(5, 7)) },
		"Div":              func() { q.Div(m(5, 7), x, m(5, 7)) },
		"ScaleBy d":        func() { q.ScaleBy(PerRow, x, m(5, 7), m(5, 7)) },
		"ScaleBy":          func() { q.ScaleBy(PerCol, m(1, 7), x, m(5, 7)) },
		"AddBy":            func() { q.AddBy(PerRow, 1, m(1, 5), m(5, 7), x) },
		"Reduce":           func() { q.Reduce(Sum, PerRow, x, m(1, 5)) },
		"Reduce out":       func() { q.Reduce(Max, PerCol, m(5, 7), x) },
		"Dot":              func() { q.Dot(Whole, m(5, 7), x, m(1, 1)) },
		"QR":               func() { q.QR(x, m(7, 7)) },
		"QR r":             func() { q.QR(m(9, 5), x) },
		"Cholesky":         func() { q.Cholesky(x) },
		"Eigh":             func() { q.Eigh(x, m(1, 5)) },
		"Eigh w":           func() { q.Eigh(m(5, 5), x) },
		"EighRange":        func() { EighRange(q, x, m(1, 5), m(1, 5), 0) },
		"EighRange w":      func() { EighRange(q, m(5, 5), x, Matrix[T]{}, 0) },
		"SVD":              func() { q.SVD(x, Matrix[T]{}, m(1, 5), Matrix[T]{}) },
		"SVD s":            func() { q.SVD(m(5, 7), Matrix[T]{}, x, Matrix[T]{}) },
		"SVD u":            func() { q.SVD(m(9, 4), x, m(1, 4), m(4, 4)) },
		"SVD vt":           func() { q.SVD(m(9, 4), m(9, 4), m(1, 4), x) },
		"Random":           func() { q.Random(Normal, 1, 2, x) },
		"SoftMin":          func() { SoftMin(q, PerRow, 1, x, m(1, 7), m(1, 5)) },
		"SoftMin g":        func() { SoftMin(q, PerCol, 1, m(5, 7), x, m(1, 7)) },
		"SoftMin out":      func() { SoftMin(q, PerRow, 1, m(5, 7), m(1, 7), x) },
		"Gibbs":            func() { Gibbs(q, 1, m(1, 5), m(1, 7), x, m(5, 7)) },
		"Gibbs f":          func() { Gibbs(q, 1, x, m(1, 7), m(5, 7), m(5, 7)) },
		"ScalingStep":      func() { ScalingStep(q, x, m(1, 5), m(1, 7), m(1, 5), m(1, 7)) },
		"ScalingStep v":    func() { ScalingStep(q, m(5, 7), m(1, 5), x, m(1, 5), m(1, 7)) },
		"PairwiseCost":     func() { PairwiseCost(q, 2, x, m(4, 7), m(5, 4)) },
		"PairwiseCost out": func() { PairwiseCost(q, 1, m(5, 2), m(9, 2), x) },
	}
}

// Operands of a wrong shape or from elsewhere fail, do not panic, and leave
// the queue usable.
func TestBadOperands(t *testing.T) {
	onDevices(t, func(t *testing.T, dev Device) {
		badOperands[float64](t, dev)
		badOperands[float32](t, dev)
	})
}

func badOperands[T Float](t *testing.T, dev Device) {
	q, foreign := NewQueue[T](dev), NewQueue[T](Go())
	defer q.Close()
	defer foreign.Close()
	for name, x := range operands(q, foreign) {
		for op, call := range calls(q, x) {
			without(t, name+", "+op, func() {
				defer q.Scope()()
				call()
				if err := q.Sync(); !errors.Is(err, ErrShape) && !errors.Is(err, ErrArgument) {
					t.Errorf("%s, %s: %v", name, op, err)
				}
			})
		}
	}
	out, host := q.Alloc(1, 1), make([]T, 1)
	q.Fill(3, out)
	q.Download(Vector(host), out)
	if err := q.Sync(); err != nil || host[0] != 3 {
		t.Errorf("after errors: %v, %v", host[0], err)
	}
}

// What has no elements is no error where there is nothing to compute.
func TestEmptyOperands(t *testing.T) {
	onDevices(t, func(t *testing.T, dev Device) {
		q := dev.F64()
		defer q.Close()
		for op, call := range calls(q, q.Alloc(0, 0)) {
			without(t, op, func() { call(); q.Sync() })
		}
		none := q.Alloc(0, 3)
		for op, call := range map[string]func(){
			"Upload": func() { q.Upload(none, NewDense[float64](0, 3)) },
			"Gemm":   func() { q.Gemm(NoTrans, Transp, 1, none, q.Alloc(4, 3), 0, q.Alloc(0, 4)) },
			"Syrk":   func() { q.Syrk(Transp, 1, none, 0, q.Alloc(3, 3)) },
			"Map":    func() { q.Map(Exp, none, none) },
			"Reduce": func() { q.Reduce(Sum, PerCol, none, q.Alloc(1, 3)) },
			"Random": func() { q.Random(Normal, 1, 1, none) },
			"Eigh":   func() { q.Eigh(q.Alloc(0, 0), q.Alloc(1, 0)) },
		} {
			without(t, op, func() {
				call()
				if err := q.Sync(); err != nil {
					t.Errorf("%s: %v", op, err)
				}
			})
		}
	})
}

// Sizes that cannot be, constants without meaning, and queues used late.
func TestBadCalls(t *testing.T) {
	onDevices(t, func(t *testing.T, dev Device) {
		q := dev.F64()
		for _, s := range [][2]int{{-1, 2}, {2, -1}, {math.MaxInt, 2}, {1 << 31, 1 << 31}, {1 << 50, 1}} {
			without(t, "Alloc", func() {
				q.Alloc(s[0], s[1])
				if err := q.Sync(); !errors.Is(err, ErrShape) {
					t.Errorf("Alloc%v: %v", s, err)
				}
			})
		}
		a, w := q.Alloc(4, 4), q.Alloc(1, 4)
		for name, call := range map[string]func(){
			"Map":      func() { q.Map(Func(99), a, a) },
			"Reduce":   func() { q.Reduce(Reduction(99), PerRow, a, w) },
			"axis":     func() { q.Reduce(Sum, Axis(99), a, w) },
			"Dot axis": func() { q.Dot(Axis(-1), a, a, w) },
			"ScaleBy":  func() { q.ScaleBy(Whole, w, a, a) },
			"AddBy":    func() { q.AddBy(Axis(7), 1, w, a, a) },
			"Random":   func() { q.Random(Distribution(99), 1, 1, a) },
			"power":    func() { PairwiseCost(q, 3, a, a, a) },
			"SoftMin":  func() { SoftMin(q, Axis(9), 1, a, w, w) },
		} {
			without(t, name, func() {
				call()
				if err := q.Sync(); !errors.Is(err, ErrShape) && !errors.Is(err, ErrArgument) {
					t.Errorf("%s with a constant that does not exist: %v", name, err)
				}
			})
		}
		q.Close()
		q.Close()
		late := dev.F64()
		dev.Close()
		if err := dev.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
		for name, q := range map[string]Queue[float64]{"closed queue": q, "closed device": late, "new queue of a closed device": NewQueue[float64](dev), "no device": NewQueue[float64](nil)} {
			without(t, name, func() {
				for op, call := range calls(q, q.Alloc(5, 7)) {
					call()
					if err := q.Sync(); err == nil && !strings.HasSuffix(op, "A") {
						t.Errorf("%s: %s works", name, op)
					}
					q.Fill(1, a)
					if err := q.Sync(); !errors.Is(err, ErrClosed) {
						t.Fatalf("%s, %s: %v", name, op, err)
					}
				}
			})
		}
	})
}

// Factorizations of matrices that are not finite end, without a panic.
func TestNotFiniteFactorizations(t *testing.T) {
	onDevices(t, func(t *testing.T, dev Device) {
		notFinite[float64](t, dev)
		notFinite[float32](t, dev)
	})
}

func notFinite[T Float](t *testing.T, dev Device) {
	q := NewQueue[T](dev)
	defer q.Close()
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for _, n := range []int{1, 2, 5, 40} {
			for _, where := range []string{"everywhere", "one entry"} {
				make := func(m, n int) Matrix[T] {
					a := q.Alloc(m, n)
					q.Random(Normal, 3, 4, a)
					if where == "everywhere" {
						q.Fill(T(v), a)
					} else {
						q.Fill(T(v), a.Slice(m/2, m/2+1, n/2, n/2+1))
					}
					return a
				}
				without(t, where, func() {
					q.QR(make(n+3, n), q.Alloc(n, n))
					q.Sync()
					q.Cholesky(make(n, n))
					q.Sync()
					q.Eigh(make(n, n), q.Alloc(1, n))
					q.Sync()
					q.SVD(make(n+1, n), q.Alloc(n+1, n), q.Alloc(1, n), q.Alloc(n, n))
					q.Sync()
					q.SVD(make(n, n+1), Matrix[T]{}, q.Alloc(1, n), Matrix[T]{})
					q.Sync()
				})
			}
		}
	}
}

// Host matrices that do not fit their data are refused by Validate, which
// every algorithm asks first.
func TestDenseShapes(t *testing.T) {
	ok := NewDense[float64](2, 3)
	for name, c := range map[string]struct {
		a    Dense[float64]
		want error
	}{
		"zero value":      {Dense[float64]{}, ErrEmpty},
		"no rows":         {NewDense[float64](0, 3), ErrEmpty},
		"negative rows":   {NewDense[float64](-1, 3), ErrShape},
		"negative cols":   {NewDense[float64](3, -1), ErrShape},
		"both negative":   {NewDense[float64](-3, -1), ErrShape},
		"overflow":        {NewDense[float64](1<<40, 1<<40), ErrShape},
		"overflow to 0":   {NewDense[float64](1<<32, 1<<32), ErrShape},
		"short":           {Dense[float64]{Rows: 2, Cols: 3, Stride: 3, Data: make([]float64, 5)}, ErrShape},
		"short row":       {Dense[float64]{Rows: 1, Cols: 3, Stride: 3, Data: make([]float64, 2)}, ErrShape},
		"nil data":        {Dense[float64]{Rows: 2, Cols: 3, Stride: 3}, ErrShape},
		"stride":          {Dense[float64]{Rows: 2, Cols: 3, Stride: 2, Data: make([]float64, 9)}, ErrShape},
		"stride 0":        {Dense[float64]{Rows: 2, Cols: 3, Data: make([]float64, 9)}, ErrShape},
		"huge stride":     {Dense[float64]{Rows: 3, Cols: 3, Stride: math.MaxInt, Data: make([]float64, 9)}, ErrShape},
		"huge rows":       {Dense[float64]{Rows: math.MaxInt, Cols: 3, Stride: 3, Data: make([]float64, 9)}, ErrShape},
		"NaN":             {Vector([]float64{1, math.NaN()}), ErrNotFinite},
		"infinity":        {Vector([]float64{math.Inf(-1)}), ErrNotFinite},
		"nil vector":      {Vector[float64](nil), ErrEmpty},
		"nil gonum":       {FromMat(nil), ErrEmpty},
		"empty gonum":     {FromMat(new(mat.Dense)), ErrEmpty},
		"bad blas64":      {FromBLAS64(blas64.General{Rows: 2, Cols: 2, Stride: 1, Data: make([]float64, 4)}), ErrShape},
		"good":            {ok, nil},
		"last row exact":  {Dense[float64]{Rows: 2, Cols: 3, Stride: 5, Data: make([]float64, 8)}, nil},
		"one row, stride": {Dense[float64]{Rows: 1, Cols: 3, Stride: 50, Data: make([]float64, 3)}, nil},
	} {
		without(t, name, func() {
			if err := CheckInput(name, c.a); !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		})
	}
	if err := CheckInput("x", FromBLAS32(blas32.General{Rows: 2, Cols: 2, Stride: 2, Data: make([]float32, 3)})); !errors.Is(err, ErrShape) {
		t.Errorf("bad blas32: %v", err)
	}
	without(t, "conversions of nothing", func() {
		empty := NewDense[float64](0, 3)
		if m := ToMat(empty); !m.IsEmpty() {
			t.Error("ToMat of nothing is not empty")
		}
		if c := Convert[float32](empty); c.Rows != 0 || c.Cols != 3 {
			t.Errorf("Convert of nothing is %d×%d", c.Rows, c.Cols)
		}
		if c := empty.T(); c.Rows != 3 || c.Cols != 0 {
			t.Errorf("transposed nothing is %d×%d", c.Rows, c.Cols)
		}
		empty.Clone()
		empty.Slice(0, 0, 1, 2)
		ok.Slice(2, 2, 3, 3)
		_ = new(ShapeError).Error()
		_ = Argument("x", "is %d", 1).Error()
	})
}

// A host without kernels of its own has those in Go.
func TestHostWithoutKernels(t *testing.T) {
	closed := 0
	dev := NewHost(Info{Name: "bare"}, nil, nil, func() error { closed++; return errors.New("busy") })
	without(t, "Gemm", func() {
		q := dev.F32()
		a, c, host := q.Alloc(2, 2), q.Alloc(2, 2), NewDense[float32](2, 2)
		q.Fill(3, a)
		q.Gemm(NoTrans, Transp, 1, a, a, 0, c)
		q.Download(host, c)
		if err := q.Sync(); err != nil || host.At(1, 0) != 18 {
			t.Errorf("%v, %v", host.Data, err)
		}
	})
	if err := dev.Close(); err == nil || closed != 1 {
		t.Errorf("error %v of %d closings", err, closed)
	}
	if err := dev.Close(); err != nil || closed != 1 {
		t.Errorf("second Close: error %v, %d closings", err, closed)
	}
}

// The typed errors match their sentinels and nothing else.
func TestErrorIdentity(t *testing.T) {
	all := []error{ErrShape, ErrEmpty, ErrNotFinite, ErrArgument, ErrNotConverged, ErrNotPositiveDefinite, ErrUnavailable, ErrClosed}
	for typed, want := range map[error]error{
		&ShapeError{}: ErrShape, &NotFiniteError{}: ErrNotFinite, &ArgumentError{}: ErrArgument,
		&NotConvergedError{}: ErrNotConverged, &UnavailableError{}: ErrUnavailable,
	} {
		for _, e := range all {
			if errors.Is(typed, e) != (e == want) {
				t.Errorf("errors.Is(%T, %v) = %v", typed, e, errors.Is(typed, e))
			}
		}
		if typed.Error() == "" {
			t.Errorf("%T says nothing", typed)
		}
	}
}
