//go:build cgo && linux && !nocuda

package fakecuda

import (
	"fmt"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// placed makes matrices whose rows lie so far apart that their elements have
// indices beyond 32 bits, of which few have memory behind them.
type placed[T device.Float] struct {
	device.Queue[T]
	gap int
}

// matrix returns an m×n matrix of normal numbers.
func (p placed[T]) matrix(seed uint64, m, n int) device.Matrix[T] {
	q := p.Queue
	a := q.Alloc(m, n)
	q.Random(device.Normal, seed, 0, a)
	if p.gap == 0 {
		return a
	}
	far := q.Alloc(m, n+p.gap).Slice(0, m, 0, n)
	q.Copy(far, a)
	return far
}

// like returns a matrix of zeros of the same shape.
func (p placed[T]) zeros(m, n int) device.Matrix[T] { return p.Alloc(m, n+p.gap).Slice(0, m, 0, n) }

// operations runs one operation after the other on matrices of p and calls
// check with what each leaves.
func (p placed[T]) operations(check func(name string, ms ...device.Matrix[T])) {
	q := p.Queue
	const m, n = 6, 5
	run := func(name string, f func() []device.Matrix[T]) {
		end := q.Scope()
		check(name, f()...)
		end()
	}
	list := func(ms ...device.Matrix[T]) []device.Matrix[T] { return ms }
	row := func(seed uint64, n int) device.Matrix[T] {
		v := q.Alloc(1, n)
		q.Random(device.Uniform, seed, 0, v)
		return v
	}
	a := func() device.Matrix[T] { return p.matrix(1, m, n) }
	b := func() device.Matrix[T] { return p.matrix(2, m, n) }
	square := func() device.Matrix[T] { // positive definite
		x, s := p.matrix(3, m, m), p.zeros(m, m)
		q.Syrk(device.NoTrans, 1, x, 0, s)
		q.AddDiag(1, s)
		return s
	}
	none := device.Matrix[T]{}
	run("Add", func() []device.Matrix[T] {
		c := p.zeros(m, n)
		q.Add(2, device.NoTrans, a(), 3, device.NoTrans, b(), c)
		return list(c)
	})
	run("Add transposed", func() []device.Matrix[T] {
		c := p.zeros(n, m)
		q.Add(2, device.Transp, a(), 0, device.NoTrans, none, c)
		return list(c)
	})
	run("elementwise", func() []device.Matrix[T] {
		x, y := a(), b()
		q.Mul(x, y, y)
		q.Div(x, y, y)
		q.Map(device.Exp, y, y)
		q.ScaleBy(device.PerRow, row(4, m), y, y)
		q.AddBy(device.PerCol, 2, row(5, n), y, y)
		q.Fill(3, x.Slice(m-1, m, 1, 3))
		return list(x, y)
	})
	run("Reduce", func() []device.Matrix[T] {
		rows, cols, whole := q.Alloc(m, 1), q.Alloc(1, n), q.Alloc(1, 1)
		q.Reduce(device.SumSquares, device.PerRow, a(), rows)
		q.Reduce(device.Sum, device.PerCol, a(), cols)
		q.Dot(device.Whole, a(), b(), whole)
		return list(rows, cols, whole)
	})
	run("a vector with steps", func() []device.Matrix[T] {
		out := p.zeros(m, 1)
		q.Reduce(device.Max, device.PerRow, a(), out)
		y := b()
		q.ScaleBy(device.PerRow, out, y, y)
		return list(out, y)
	})
	run("products", func() []device.Matrix[T] {
		c, s := p.zeros(m, m), p.zeros(n, n)
		q.Gemm(device.NoTrans, device.Transp, 1, a(), b(), 0, c)
		q.Syrk(device.Transp, 1, a(), 0, s)
		return list(c, s)
	})
	run("Cholesky", func() []device.Matrix[T] {
		l, x := square(), a()
		q.Cholesky(l)
		q.Trsm(device.Left, device.Lower, device.Transp, 2, l, x)
		return list(l, x)
	})
	run("QR", func() []device.Matrix[T] {
		x, r := a(), p.zeros(n, n)
		q.QR(x, r)
		return list(x, r)
	})
	run("Eigh", func() []device.Matrix[T] {
		w := q.Alloc(1, m)
		q.Eigh(square(), w)
		return list(w)
	})
	run("SVD", func() []device.Matrix[T] {
		u, s, vt, back := p.zeros(m, n), q.Alloc(1, n), p.zeros(n, n), p.zeros(m, n)
		q.SVD(a(), u, s, vt)
		q.ScaleBy(device.PerCol, s, u, u)
		q.Gemm(device.NoTrans, device.NoTrans, 1, u, vt, 0, back)
		return list(s, back)
	})
	run("SoftMin", func() []device.Matrix[T] {
		rows, cols := q.Alloc(m, 1), q.Alloc(1, n)
		device.SoftMin(q, device.PerRow, 0.5, a(), row(6, n), rows)
		device.SoftMin(q, device.PerCol, 0.5, a(), row(7, m), cols)
		return list(rows, cols)
	})
	run("minima", func() []device.Matrix[T] {
		rows, cols := q.Alloc(m, 1), q.Alloc(1, n)
		device.SoftMin(q, device.PerRow, 0, a(), row(6, n), rows)
		device.SoftMin(q, device.PerCol, 0, a(), row(7, m), cols)
		return list(rows, cols)
	})
	run("Gibbs", func() []device.Matrix[T] {
		c := a()
		device.Gibbs(q, 0.5, row(6, m), row(7, n), c, c)
		u, s := q.Alloc(1, m), q.Alloc(1, n)
		device.ScalingStep(q, c, row(8, m), row(9, n), u, s)
		return list(c, u, s)
	})
	run("plans", func() []device.Matrix[T] {
		f, s, t, plan := q.Alloc(1, m), q.Alloc(1, n), q.Alloc(1, n), p.zeros(m, n)
		device.PlanCosts(q, 0.5, a(), row(6, n), row(7, m), f, s, t)
		device.PlanRows(q, 0.5, a(), row(6, n), row(7, m), plan)
		return list(f, s, t, plan)
	})
	run("points", func() []device.Matrix[T] {
		out, low := p.zeros(m, m), q.Alloc(1, m)
		device.PairwiseCost(q, 2, a(), b(), out)
		device.SoftMinPoints(q, 2, 0.5, a(), b(), row(6, m), low)
		return list(out, low)
	})
	run("derivatives", func() []device.Matrix[T] {
		u, y, slope, sums := p.matrix(4, m, 2*n), p.zeros(m, 2*n), p.matrix(5, m, n), q.Alloc(1, 2*n)
		device.TangentForward(q, sums, slope, u, y)
		device.TangentBackward(q, slope, a(), u, y, sums)
		device.SoftmaxTangent(q, b(), u)
		return list(u, y, sums)
	})
	run("steps", func() []device.Matrix[T] {
		w, g, x, y := a(), b(), p.zeros(m, n), p.zeros(m, n)
		device.AdamStep(q, device.Adam[T]{Mean: 0.9, Square: 0.99, Keep: 1, Size: 0.1, Unbias: 1, Epsilon: 1e-3}, w, g, x, y)
		sums := q.Alloc(1, 3)
		device.ScaledSums(q, 1, w, 1, g, sums)
		return list(w, x, y, sums)
	})
	run("Random", func() []device.Matrix[T] {
		x := p.zeros(m, n)
		q.Random(device.Uniform, 9, 1, x)
		return list(x)
	})
	run("batch", func() []device.Matrix[T] {
		s, checks := p.zeros(m, 2), p.zeros(m, 4)
		batch := p.matrix(6, m, 4)
		q.(device.BatchSVDer[T]).TrySVDBatch(2, 2, batch, none, s, none, checks)
		return list(s)
	})
}

// Every operation does the same on matrices whose rows are 2³⁰ elements apart, so
// that all but the first lie beyond what 32 bits can count.
func TestLargeIndices(t *testing.T) {
	d := Open(t, Options{Machine: "mem=4000GiB"})
	t.Run("f32", func(t *testing.T) { largeIndices(t, d.F32()) })
	t.Run("f64", func(t *testing.T) { largeIndices(t, d.F64()) })
}

func largeIndices[T device.Float](t *testing.T, q device.Queue[T]) {
	defer q.Close()
	fetch := func(into *[][]T, names *[]string) func(string, ...device.Matrix[T]) {
		return func(name string, ms ...device.Matrix[T]) {
			for i, m := range ms {
				h := device.NewDense[T](m.Rows, m.Cols)
				q.Download(h, m)
				*into, *names = append(*into, h.Data), append(*names, fmt.Sprintf("%s (%d)", name, i))
			}
			if err := q.Sync(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	var want, got [][]T
	var names, same []string
	placed[T]{q, 0}.operations(fetch(&want, &names))
	placed[T]{q, 1 << 30}.operations(fetch(&got, &same))
	for i := range want {
		for k, x := range want[i] {
			// Aligned rows and others are added in different orders.
			if off := math.Abs(float64(got[i][k] - x)); !(off <= 200*device.Epsilon[T]()*(1+math.Abs(float64(x)))) {
				t.Errorf("%s: element %d is %v, want %v", names[i], k, got[i][k], x)
				break
			}
		}
	}
}
