package hessianalign

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
	"github.com/ritz-go/ritz/tests/matrices"
	"github.com/ritz-go/ritz/tests/refusal"
)

var (
	onDevices = devices.On
	refuses   = refusal.Expect
)

// bench is a queue with a head.
type bench struct {
	t *testing.T
	q device.Queue[float64]
	w device.Matrix[float64] // C×(d+1)
}

func newBench(t *testing.T, dev device.Device, c, d int) *bench {
	t.Helper()
	q := device.NewQueue[float64](dev)
	t.Cleanup(q.Close)
	b := &bench{t: t, q: q, w: q.Alloc(c, d+1)}
	w := matrices.Normal[float64](11, c, d+1)
	for i := range w.Data {
		w.Data[i] /= 2
	}
	q.Upload(b.w, w)
	return b
}

// domain makes a domain of normal features with labels of all classes.
func (b *bench) domain(seed uint64, n int) *Domain[float64] {
	b.t.Helper()
	d, c := b.w.Cols-1, b.w.Rows
	labels := make([]int, n)
	for i := range labels {
		labels[i] = int(rng.Uint64(seed, 3, uint64(i)) % uint64(max(2, c)))
	}
	m, err := NewDomain(b.q, d, labels, c)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := m.SetFeatures(b.q, matrices.Normal[float64](seed, n, d)); err != nil {
		b.t.Fatal(err)
	}
	b.evaluate(m)
	return m
}

func (b *bench) evaluate(m *Domain[float64]) float64 {
	b.t.Helper()
	risk, err := m.Evaluate(b.q, b.w)
	if err != nil {
		b.t.Fatal(err)
	}
	return risk
}

func (b *bench) get(a device.Matrix[float64]) device.Dense[float64] {
	b.t.Helper()
	d := device.NewDense[float64](a.Rows, a.Cols)
	b.q.Download(d, a)
	if err := b.q.Sync(); err != nil {
		b.t.Fatal(err)
	}
	return d
}

// nudge adds h to an element of a matrix.
func (b *bench) nudge(a device.Matrix[float64], i, j int, h float64) {
	b.q.AddDiag(h, a.Slice(i, i+1, j, j+1))
}

// dense returns the Hessian of a domain, from its products with all unit
// vectors at once.
func (b *bench) dense(m *Domain[float64]) device.Dense[float64] {
	b.t.Helper()
	defer b.q.Scope()()
	n := b.w.Len()
	unit, out := b.q.Alloc(n, n), b.q.Alloc(n*b.w.Rows, b.w.Cols)
	b.q.AddDiag(1, unit)
	if err := m.Product(b.q, unit.Reshape(n*b.w.Rows, b.w.Cols), out); err != nil {
		b.t.Fatal(err)
	}
	return b.get(out.Reshape(n, n))
}

func (b *bench) near(what string, got, want device.Dense[float64], tol float64) {
	b.t.Helper()
	size, off := 0.0, 0.0
	for i := range want.Rows {
		for j := range want.Cols {
			size = max(size, math.Abs(want.At(i, j)))
			off = max(off, math.Abs(got.At(i, j)-want.At(i, j)))
		}
	}
	if !(off <= tol*size) || size == 0 {
		b.t.Errorf("%s is off by %.3g of %.3g", what, off, size)
	}
}
