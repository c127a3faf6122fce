package conform

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
)

// sparseOf returns an m×n matrix with about so many elements in a row, among
// them doubled ones, some rows without any and one that holds an element for
// every column, and the same matrix with the magnitudes of what was added.
func sparseOf[T device.Float](t *testing.T, m, n, perRow int) (a *device.Sparse[T], full, size device.Dense[float64]) {
	t.Helper()
	draw := make([]float64, 2*m*perRow+n)
	rng.Uniform(7, uint64(m*n), 0, draw)
	full, size = device.NewDense[float64](m, n), device.NewDense[float64](m, n)
	start, columns, values := []int{0}, []int(nil), []T(nil)
	next := func() float64 { x := draw[0]; draw = draw[1:]; return x }
	put := func(i, j int) {
		v := T(2*next() - 1)
		columns, values = append(columns, j), append(values, v)
		full.Set(i, j, full.At(i, j)+float64(v))
		size.Set(i, j, size.At(i, j)+math.Abs(float64(v)))
	}
	for i := range m {
		switch {
		case i%7 == 3:
		case i == m/2:
			for j := range n {
				put(i, j)
			}
		default:
			for range perRow {
				put(i, min(n-1, int(next()*float64(n))))
			}
		}
		start = append(start, len(columns))
	}
	a, err := device.NewSparse(m, n, start, columns, values)
	if err != nil {
		t.Fatal(err)
	}
	return a, full, size
}

func testSparse[T device.Float](t *testing.T, b *bench[T]) {
	for _, s := range []struct{ m, n, perRow, k int }{
		{1, 1, 1, 1}, {5, 4, 2, 1}, {40, 70, 3, 1}, {40, 70, 12, 3}, {9, 2500, 40, 1}, {7, 2500, 3, 33}, {20, 30, 5, 32}, {12, 10, 2, 130},
	} {
		a, full, size := sparseOf[T](t, s.m, s.n, s.perRow)
		for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
			b.sparseMul(q, a, at(full), at(size), s.k)
			b.sparseMul(q, a.T(), op(device.Transp, full), op(device.Transp, size), s.k)
		}
	}
	a, full, _ := sparseOf[T](t, 40, 70, 3)
	// A row is a column with its elements side by side.
	x, y := b.random(1, 70), b.blank(1, 40)
	column := func(m device.Matrix[T]) device.Matrix[T] {
		m.Rows, m.Cols, m.LD = m.Cols, 1, 1
		return m
	}
	device.SparseMul(b.q, 1, a, column(b.put(x)), 0, column(y))
	want, _ := product(at(full), op(device.Transp, x), 70)
	b.near("SparseMul of a row", b.get(y), func(i, j int) float64 { return want(j, i) }, constant(70*b.eps))
	// In a sequence, whose first run brings the matrix to the device.
	sequence, ym := device.NewSequence(b.q), b.put(device.NewDense[T](40, 1))
	xm := b.put(x.T())
	for range 4 {
		sequence.Run(0, func() { device.SparseMul(b.q, 0.25, a, xm, 1, ym) })
	}
	b.near("SparseMul in a sequence", b.get(ym), want, constant(280*b.eps))
	// Matrices that nobody holds any more make room.
	for range 5 {
		other, full, _ := sparseOf[T](t, 40, 70, 3)
		runtime.GC()
		device.SparseMul(b.q, 1, other, xm, 0, ym)
		want, _ := product(at(full), op(device.Transp, x), 70)
		b.near("SparseMul of another matrix", b.get(ym), want, constant(70*b.eps))
		device.ForgetSparse(b.q, other)
		b.q.Fill(0, ym)
		device.SparseMul(b.q, 1, other, xm, 0, ym)
		b.near("SparseMul of a matrix that was forgotten", b.get(ym), want, constant(70*b.eps))
	}
	// Nothing to do, shapes that do not fit, and elements that are not there.
	device.SparseMul(b.q, 1, a, b.q.Alloc(70, 0), 0, b.q.Alloc(40, 0))
	if err := b.q.Sync(); err != nil {
		t.Error(err)
	}
	for _, q := range []device.Queue[T]{b.q, basic[T]{b.q}} {
		for name, f := range map[string]func(){
			"X":      func() { device.SparseMul(q, 1, a, q.Alloc(69, 2), 0, q.Alloc(40, 2)) },
			"Y":      func() { device.SparseMul(q, 1, a, q.Alloc(70, 2), 0, q.Alloc(40, 3)) },
			"matrix": func() { device.SparseMul(q, 1, nil, q.Alloc(70, 2), 0, q.Alloc(40, 2)) },
		} {
			f()
			if err := q.Sync(); !errors.Is(err, device.ErrShape) {
				t.Errorf("SparseMul, wrong %s: %v, want a shape error", name, err)
			}
		}
	}
	empty, err := device.NewSparse[T](3, 2, []int{0, 0, 0, 0}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	three := b.blank(3, 2)
	device.SparseMul(b.q, 1, empty, b.put(b.random(2, 2)), 0, three)
	b.near("SparseMul without elements", b.get(three), zero, constant(0))
}

// sparseMul compares Y = α·A·X and Y = α·A·X + β·Y with sums over all elements.
func (b *bench[T]) sparseMul(q device.Queue[T], a *device.Sparse[T], full, size func(i, j int) float64, k int) {
	m, n := a.Dims()
	x, y := b.random(n, k), b.random(m, k)
	xm := b.put(x)
	want, _ := product(full, at(x), n)
	_, magnitude := product(size, at(x), n)
	// Sums are exact to float64; what comes out is rounded, and y once more.
	limit := func(i, j int) float64 {
		return 3*b.eps*(math.Abs(want(i, j))+math.Abs(float64(y.At(i, j)))) + float64(n)*0x1p-52*magnitude(i, j)
	}
	out := b.blank(m, k)
	device.SparseMul(q, -0.5, a, xm, 0, out)
	b.near("SparseMul", b.get(out), func(i, j int) float64 { return -0.5 * want(i, j) }, limit)
	out = b.put(y)
	device.SparseMul(q, 1, a, xm, -1, out)
	b.near("SparseMul onto Y", b.get(out), func(i, j int) float64 { return want(i, j) - float64(y.At(i, j)) }, limit)
}
