package spectrum

import (
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// A block of four sees four copies of an eigenvalue in four steps; V is
// orthonormal, T the projection of the operator, and residuals are true.
func TestBlockLanczos(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n = 120
		d := make([]float64, n)
		for i := range d {
			d[i] = 0.01 * float64(i%7)
		}
		copy(d[50:], []float64{5, 5, 5, 5})
		op := diagonal[float64](d)
		for _, c := range []struct{ p, steps, size int }{{4, 4, 16}, {4, 29, 116}, {4, 100, n}, {7, 16, 112}, {7, 17, n}, {1, 7, 7}, {n, 1, n}, {n, 5, n}} {
			q := dev.F64()
			start := q.Alloc(c.p, n)
			q.Random(device.Normal, 5, 0, start)
			b, err := BlockLanczos(ctx, q, op, start, c.steps)
			if err != nil {
				t.Fatalf("%+v: %v", c, err)
			}
			if b.Basis.Rows != c.size || b.T.SymmetricDim() != c.size {
				t.Errorf("%+v: %d vectors, T of order %d", c, b.Basis.Rows, b.T.SymmetricDim())
			}
			if loss := orthogonalityLoss(q, b.Basis); loss > 1e-13 {
				t.Errorf("%+v: orthogonality loss %.3g", c, loss)
			}
			values, _ := b.Eigen()
			copies := 0
			for i, r := range b.Residuals() {
				near := math.Inf(1)
				for _, λ := range d {
					near = min(near, math.Abs(values[i]-λ))
				}
				if near > r+1e-13 {
					t.Errorf("%+v: value %v is %.3g off, residual %.3g", c, values[i], near, r)
				}
				if math.Abs(values[i]-5) < 1e-6 {
					copies++
				}
			}
			if want := min(c.p, 4); c.size < n && copies != want || c.size == n && copies != 4 {
				t.Errorf("%+v: %d copies", c, copies)
			}
			q.Close()
		}
		q := dev.F64()
		defer q.Close()
		zero, wide := q.Alloc(2, n), q.Alloc(n+1, n)
		refuses(t, "zero start", device.ErrArgument, func() error { _, err := BlockLanczos(ctx, q, op, zero, 3); return err })
		refuses(t, "too many", device.ErrArgument, func() error { _, err := BlockLanczos(ctx, q, op, wide, 3); return err })
		refuses(t, "no rows", device.ErrShape, func() error { _, err := BlockLanczos(ctx, q, op, q.Alloc(0, n), 3); return err })
		refuses(t, "steps", device.ErrArgument, func() error { _, err := BlockLanczos(ctx, q, op, zero, 0); return err })
		q.Random(device.Normal, 1, 0, zero)
		refuses(t, "not symmetric", device.ErrArgument, func() error { _, err := BlockLanczos(ctx, q, shift[float64](n), zero, 3); return err })
	})
}

// The second difference as a sparse matrix, with entries of one place in two
// parts and in no order.
func TestSparse(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		const n = 80
		a := svd.CSR[float64]{Rows: n, Cols: n, Start: []int{0}}
		for i := range n {
			if i+1 < n {
				a.Columns, a.Values = append(a.Columns, i+1), append(a.Values, -1)
			}
			a.Columns, a.Values = append(a.Columns, i, i), append(a.Values, 1.5, 0.5)
			if i > 0 {
				a.Columns, a.Values = append(a.Columns, i-1), append(a.Values, -1)
			}
			a.Start = append(a.Start, len(a.Columns))
		}
		op, err := Sparse(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []int{1, 3} {
			e, err := Eigs(ctx, dev, op, EigsOptions{K: 3, Which: BothEnds, Block: b, MaxProducts: 3000})
			if err != nil {
				t.Fatal(err)
			}
			for i, k := range []int{n, n - 1, 1} {
				if math.Abs(e.Values[i]-laplacianValue(n, k)) > 1e-9 {
					t.Errorf("block %d: value %d is %v, want %v", b, i, e.Values[i], laplacianValue(n, k))
				}
			}
			checkVectors(t, dev, op, e)
		}
		a.Values[1] = 7 // on the diagonal: still symmetric
		if _, err := Sparse(a); err != nil {
			t.Error(err)
		}
		a.Values[0] = -1.001
		refuses(t, "not symmetric", device.ErrArgument, func() error { _, err := Sparse(a); return err })
		a.Values[0] = math.NaN()
		refuses(t, "NaN", device.ErrNotFinite, func() error { _, err := Sparse(a); return err })
		refuses(t, "zero value", device.ErrEmpty, func() error { _, err := Sparse(svd.CSR[float64]{}); return err })
		refuses(t, "not square", device.ErrShape, func() error {
			_, err := Sparse(svd.CSR[float64]{Rows: 1, Cols: 2, Start: []int{0, 0}})
			return err
		})
		q := dev.F64()
		defer q.Close()
		refuses(t, "shapes", device.ErrShape, func() error { return op.Apply(ctx, q, q.Alloc(1, n), q.Alloc(1, n+1)) })
	})
}

// A multiple of the identity leaves nothing of any block but rounding errors,
// also where those are near the end of the range.
func TestBlockLanczosOfTheIdentity(t *testing.T) {
	testIdentityBlocks[float64](t, -990)
	testIdentityBlocks[float32](t, -100)
}

func testIdentityBlocks[T device.Float](t *testing.T, e int) {
	q := device.NewQueue[T](device.Go())
	defer q.Close()
	want := math.Ldexp(1, e)
	for n := 2; n < 20; n++ {
		for _, op := range both(rotated(q, constants(n, 1), e, uint64(n))) {
			for block := 1; block <= min(n, 4); block++ {
				start := q.Alloc(block, n)
				q.Random(device.Normal, 4, uint64(block), start)
				b, err := BlockLanczos(ctx, q, op, start, n)
				if err != nil {
					t.Fatalf("%T, n = %d, block %d: %v", T(0), n, block, err)
				}
				values, _ := b.Eigen()
				for i, r := range b.Residuals() {
					if math.Abs(values[i]-want) > r+30*device.Epsilon[T]()*want {
						t.Errorf("%T, n = %d, block %d: value %v, residual %v, want %v", T(0), n, block, values[i], r, want)
					}
				}
			}
		}
	}
}

func both[T device.Float](a, b Operator[T]) []Operator[T] { return []Operator[T]{a, b} }
