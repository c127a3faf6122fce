package conform

import (
	"errors"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// A failure stops the queue until Sync, which returns and clears it.
func testFailure[T device.Float](t *testing.T, b *bench[T]) {
	m := b.put(b.random(3, 3))
	before := b.get(m)
	b.q.AddDiag(1, b.q.Alloc(2, 3)) // not square
	b.q.Fill(5, m)                  // must do nothing
	b.q.Gemm(device.NoTrans, device.NoTrans, 1, m, b.q.Alloc(2, 2), 0, m)
	if err := b.q.Sync(); !errors.Is(err, device.ErrShape) {
		t.Fatalf("Sync = %v, want the first failure", err)
	}
	b.near("operation after a failure", b.get(m), at(before), constant(0))
	b.q.Fill(5, m)
	b.near("operation after Sync", b.get(m), constant(5), constant(0))
}

func testShapes[T device.Float](t *testing.T, b *bench[T]) {
	q := b.q
	a23, a33, a34 := q.Alloc(2, 3), q.Alloc(3, 3), q.Alloc(3, 4)
	none := device.Matrix[T]{}
	foreign := device.Matrix[T]{Rows: 3, Cols: 3, LD: 3, Buf: alien[T]{}}
	beyond := a33
	beyond.Rows = 5
	for name, f := range map[string]func(){
		"Upload":         func() { q.Upload(a23, device.NewDense[T](3, 2)) },
		"Upload short":   func() { q.Upload(a23, device.Dense[T]{Rows: 2, Cols: 3, Stride: 3, Data: make([]T, 5)}) },
		"Download":       func() { q.Download(device.NewDense[T](3, 2), a23) },
		"Copy":           func() { q.Copy(a23, a33) },
		"Fill zero":      func() { q.Fill(1, none) },
		"Fill beyond":    func() { q.Fill(1, beyond) },
		"Fill foreign":   func() { q.Fill(1, foreign) },
		"Gemm":           func() { q.Gemm(device.NoTrans, device.NoTrans, 1, a23, a23, 0, a33) },
		"Gemm C":         func() { q.Gemm(device.Transp, device.NoTrans, 1, a23, a23, 0, a34) },
		"Syrk":           func() { q.Syrk(device.NoTrans, 1, a23, 0, a33) },
		"Trsm":           func() { q.Trsm(device.Left, device.Lower, device.NoTrans, 1, a33, a23) },
		"Add":            func() { q.Add(1, device.Transp, a23, 0, device.NoTrans, none, a23) },
		"Add second":     func() { q.Add(1, device.NoTrans, a23, 0, device.NoTrans, a33, a23) },
		"AddDiag":        func() { q.AddDiag(1, a23) },
		"Map":            func() { q.Map(device.Exp, a23, a33) },
		"Mul":            func() { q.Mul(a33, a33, a34) },
		"Div":            func() { q.Div(a33, a34, a33) },
		"ScaleBy":        func() { q.ScaleBy(device.PerRow, q.Alloc(1, 3), a23, a23) },
		"ScaleBy matrix": func() { q.ScaleBy(device.PerCol, a33, a23, a23) },
		"AddBy":          func() { q.AddBy(device.Whole, 1, q.Alloc(1, 1), a23, a23) },
		"Reduce":         func() { q.Reduce(device.Sum, device.PerCol, a23, q.Alloc(1, 2)) },
		"Dot":            func() { q.Dot(device.PerRow, a23, a33, q.Alloc(1, 2)) },
		"QR wide":        func() { q.QR(a23, a33) },
		"Cholesky":       func() { q.Cholesky(a23) },
		"Eigh":           func() { q.Eigh(a33, q.Alloc(1, 4)) },
		"EighRange":      func() { device.EighRange(q, a33, q.Alloc(1, 3), q.Alloc(2, 3), 2) },
		"EighRange w":    func() { device.EighRange(q, a33, q.Alloc(1, 4), none, 0) },
		"SVD":            func() { q.SVD(a34, a33, q.Alloc(1, 3), a33) },
		"SVD half":       func() { q.SVD(a34, a33, q.Alloc(1, 3), none) },
		"Alloc":          func() { q.Alloc(-1, 3) },
		"Slice":          func() { q.Fill(1, a33.Slice(2, 4, 0, 3)) },
		"Reshape":        func() { q.Fill(1, a33.Slice(0, 2, 0, 2).Reshape(1, 4)) },
		"SoftMin":        func() { device.SoftMin(q, device.PerRow, 1, a23, q.Alloc(1, 2), q.Alloc(1, 2)) },
		"Gibbs":          func() { device.Gibbs(q, 1, q.Alloc(1, 3), q.Alloc(1, 3), a23, a23) },
		"ScalingStep":    func() { device.ScalingStep(q, a23, q.Alloc(1, 2), q.Alloc(1, 2), q.Alloc(1, 2), q.Alloc(1, 3)) },
		"PairwiseCost":   func() { device.PairwiseCost(q, 2, a23, a34, a23) },
		"LogStep":        func() { device.LogStep(q, 1, a23, q.Alloc(1, 3), q.Alloc(1, 2), q.Alloc(1, 2), q.Alloc(1, 2)) },
		"PlanCosts": func() {
			v := q.Alloc(1, 3)
			device.PlanCosts(q, 1, a23, v, q.Alloc(1, 2), q.Alloc(1, 2), v, q.Alloc(1, 2))
		},
		"MinTransform":    func() { v := q.Alloc(1, 3); device.MinTransform(q, a23, v, v, q.Alloc(1, 2), v, none) },
		"PairwiseCost p":  func() { device.PairwiseCost(q, 3, a23, a33, a23) },
		"SoftMinPoints":   func() { device.SoftMinPoints(q, 2, 1, a23, a33, q.Alloc(1, 2), q.Alloc(1, 2)) },
		"SoftMinPoints d": func() { device.SoftMinPoints(q, 2, 1, a23, a34, q.Alloc(1, 3), q.Alloc(1, 2)) },
		"SoftMinPoints p": func() { device.SoftMinPoints(q, 0, 1, a23, a33, q.Alloc(1, 3), q.Alloc(1, 2)) },
		"SymProduct":      func() { device.SymProduct(q, a33, a34, a33) },
		"AdamStep":        func() { device.AdamStep(q, device.Adam[T]{Epsilon: 1}, a23, a23, a23, a33) },
		"MomentumStep":    func() { device.MomentumStep(q, device.Momentum[T]{}, a23, a33, a23) },
		"ScaledSums":      func() { device.ScaledSums(q, 1, a23, 1, a33, q.Alloc(1, 3)) },
		"ScaledSums out":  func() { device.ScaledSums(q, 1, a23, 0, none, q.Alloc(1, 2)) },
		"TangentForward":  func() { device.TangentForward(q, none, a23, a34, a34) },
		"TangentBackward": func() { device.TangentBackward(q, a23, a33, a23, a23, none) },
		"TangentSums":     func() { device.TangentBackward(q, a23, none, none, a23, q.Alloc(1, 2)) },
		"SoftmaxTangent":  func() { device.SoftmaxTangent(q, a23, a33) },
		"Inverse":         func() { device.Inverse(q, a23, q.Alloc(2, 3)) },
		"SymApply":        func() { device.SymApply(q, device.Left, a33, a23, q.Alloc(2, 3)) },
		"SymMul":          func() { device.SymMul(q, a33, a34, a34) },
	} {
		f()
		if err := q.Sync(); !errors.Is(err, device.ErrShape) && !errors.Is(err, device.ErrArgument) {
			t.Errorf("%s: %v, want a shape or argument error", name, err)
		}
	}
}

// alien is memory of no device.
type alien[T device.Float] struct{}

func (alien[T]) Len() int { return 100 }
