package svd

import (
	"errors"
	"math"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// unreliable is a device whose factorizations go wrong for a while, each by
// counting down from the number of its next calls that do.
type unreliable struct {
	device.Device
	svd, eigh int  // calls that fail
	wrong     bool // with a result that is slightly wrong instead of an error
}

func (d *unreliable) F32() device.Queue[float32] {
	return &unreliableQueue[float32]{Queue: d.Device.F32(), d: d}
}
func (d *unreliable) F64() device.Queue[float64] {
	return &unreliableQueue[float64]{Queue: d.Device.F64(), d: d}
}

type unreliableQueue[T device.Float] struct {
	device.Queue[T]
	d       *unreliable
	failure error
}

func (q *unreliableQueue[T]) Device() device.Device { return q.d }

func (q *unreliableQueue[T]) SVD(a, u, s, vt device.Matrix[T]) {
	q.Queue.SVD(a, u, s, vt)
	q.fail(&q.d.svd, s)
}

func (q *unreliableQueue[T]) Eigh(a, w device.Matrix[T]) {
	q.Queue.Eigh(a, w)
	q.fail(&q.d.eigh, w)
}

func (q *unreliableQueue[T]) fail(left *int, values device.Matrix[T]) {
	if *left == 0 {
		return
	}
	*left--
	if q.d.wrong {
		x := values.Slice(0, 1, values.Cols-1, values.Cols) // one value alone
		q.AddBy(device.PerRow, 1e-3, x, x, x)
		return
	}
	q.failure = &device.NotConvergedError{Method: "injected", Iterations: 1}
}

func (q *unreliableQueue[T]) Sync() error {
	err := errors.Join(q.Queue.Sync(), q.failure)
	q.failure = nil
	return err
}

// Whatever fails, the next method gives the result, and Failed names what did.
func TestFailuresFallToTheNextMethod(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testFailures[float64], testFailures[float32])
	})
}

func testFailures[T device.Float](t *testing.T, dev device.Device) {
	never := math.MaxInt
	for name, c := range map[string]struct {
		m, n      int
		method    Method
		svd, eigh int
		wrong     bool
		want      Method
		failed    []Method
	}{
		"nothing":               {30, 20, Full, 0, 0, false, Direct, nil},
		"gesdd once":            {30, 20, Full, 1, 0, false, Jacobi, []Method{Direct}},
		"gesdd always":          {30, 20, Direct, never, 0, false, Jacobi, []Method{Direct}},
		"wide, gesdd":           {20, 30, Auto, never, 0, false, Jacobi, []Method{Direct}},
		"eigenvectors":          {110, 100, Gram, 0, never, false, Direct, []Method{Gram}},
		"eigenvectors, auto":    {110, 100, Auto, 0, never, false, Direct, []Method{Gram}},
		"both":                  {110, 100, Auto, never, never, false, Jacobi, []Method{Gram, Direct}},
		"triangle once":         {90, 20, Auto, 1, 0, false, Direct, []Method{Tall}},
		"triangle always":       {20, 90, Tall, never, 0, false, Jacobi, []Method{Tall, Direct}},
		"wrong values":          {30, 20, Full, 1, 0, true, Jacobi, []Method{Direct}},
		"wrong values, tall":    {90, 20, Full, 2, 0, true, Jacobi, []Method{Tall, Direct}},
		"jacobi needs no other": {30, 20, Jacobi, never, never, false, Jacobi, nil},
	} {
		a := withSpectrum[T](61, c.m, c.n, logspace(min(c.m, c.n), 0, -1))
		for _, vectors := range []Vectors{Both, None} {
			if vectors == None && (c.wrong || c.eigh > 0) {
				continue // values alone cannot be checked, and need no eigenvectors
			}
			d := &unreliable{dev, c.svd, c.eigh, c.wrong}
			r, err := Compute(ctx, d, a, Options{Method: c.method, Vectors: vectors})
			if err != nil {
				t.Errorf("%s, %s: %v", name, vectors, err)
				continue
			}
			if r.Method != c.want || len(r.Failed) != len(c.failed) {
				t.Fatalf("%s, %s: %s after %v, want %s after %v", name, vectors, r.Method, r.Failed, c.want, c.failed)
			}
			for i, f := range r.Failed {
				if f.Method != c.failed[i] || !errors.Is(f.Err, device.ErrNotConverged) {
					t.Errorf("%s, %s: failure %d is %s: %v", name, vectors, i, f.Method, f.Err)
				}
			}
			limit := 100 * device.Epsilon[T]() * math.Sqrt(float64(max(c.m, c.n)))
			for i, want := range logspace(len(r.S), 0, -1) {
				if e := math.Abs(float64(r.S[i]) - want); e > limit {
					t.Errorf("%s, %s: σ%d is off by %.3g", name, vectors, i+1, e)
				}
			}
			if vectors == Both {
				if residual, u, v := trueErrors(a, r); max(residual, u, v) > limit {
					t.Errorf("%s: residual %.3g, orthogonality %.3g and %.3g", name, residual, u, v)
				}
			}
		}
	}
}

// One side alone is that of the whole decomposition, with a true certificate.
func TestOneSide(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		both(t, dev, testOneSide[float64], testOneSide[float32])
	})
}

func testOneSide[T device.Float](t *testing.T, dev device.Device) {
	eps := device.Epsilon[T]()
	for _, shape := range [][2]int{{30, 25}, {25, 30}, {110, 100}, {130, 20}, {20, 130}, {1, 6}, {6, 1}} {
		k := min(shape[0], shape[1])
		s := logspace(k, 0, -1.5)
		a := withSpectrum[T](62, shape[0], shape[1], s)
		for _, o := range []Options{{}, {Rank: (k + 1) / 2, Method: Full}, {Rank: min(2, k), Method: Randomized, PowerIterations: 1, Oversampling: 1}, {Tol: 0.05}, {Method: Jacobi}} {
			whole, err := Compute(ctx, dev, a, o)
			if err != nil {
				t.Fatal(err)
			}
			for _, side := range []Vectors{Left, Right} {
				o.Vectors = side
				r, err := Compute(ctx, dev, a, o)
				if err != nil {
					t.Fatal(err)
				}
				if (side == Left) == (len(r.U.Data) == 0) || (side == Right) == (len(r.Vt.Data) == 0) || len(r.S) != len(whole.S) {
					t.Fatalf("%v %+v: U has %d elements, Vt %d, S %d", shape, o, len(r.U.Data), len(r.Vt.Data), len(r.S))
				}
				// |vᵢ·wᵢ| of the vectors of both runs: their angle is eps·σ₁/gap.
				for i, σ := range r.S {
					if d := math.Abs(float64(σ - whole.S[i])); d > 100*float64(k)*eps {
						t.Errorf("%v %+v: σ%d differs by %.3g", shape, o, i+1, d)
					}
					dot := 0.0
					if side == Left {
						for j := range r.U.Rows {
							dot += float64(r.U.At(j, i)) * float64(whole.U.At(j, i))
						}
					} else {
						for j := range r.Vt.Cols {
							dot += float64(r.Vt.At(i, j)) * float64(whole.Vt.At(i, j))
						}
					}
					if d := math.Abs(math.Abs(dot) - 1); d > 1000*float64(max(shape[0], shape[1]))*eps {
						t.Errorf("%v %+v: vector %d is off by %.3g", shape, o, i+1, d)
					}
				}
				c := r.Certificate
				if o.Method == "" || o.Method == Full {
					if side == Left && o.Tol == 0 && (!(c.OrthogonalityU < 100*float64(k)*eps) || !math.IsNaN(c.OrthogonalityV) || !(c.Residual < 100*float64(k)*eps)) {
						t.Errorf("%v %+v: certificate %+v", shape, o, c)
					}
					if side == Right && o.Tol == 0 && (!(c.OrthogonalityV < 100*float64(k)*eps) || !math.IsNaN(c.OrthogonalityU) || !(c.Residual < 100*float64(k)*eps)) {
						t.Errorf("%v %+v: certificate %+v", shape, o, c)
					}
				}
			}
		}
	}
}

// The certificate of one side tells vectors that do not belong to the matrix.
func TestOneSideCertificateSeesErrors(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		q := dev.F64()
		defer q.Close()
		a := device.Lend(q, withSpectrum[float64](63, 40, 20, logspace(20, 0, -1)))
		for _, side := range []Vectors{Left, Right} {
			f, err := Factor(ctx, q, a, Options{Vectors: side})
			if err != nil {
				t.Fatal(err)
			}
			first, second := f.Vt.RowRange(0, 1), f.Vt.RowRange(1, 2)
			if side == Left {
				first, second = f.U.Slice(0, 40, 0, 1), f.U.Slice(0, 40, 1, 2)
			}
			w := q.Alloc(first.Rows, first.Cols) // turned by 1e-3 between two vectors
			q.Copy(w, first)
			q.Add(math.Cos(1e-3), device.NoTrans, w, math.Sin(1e-3), device.NoTrans, second, first)
			q.Add(-math.Sin(1e-3), device.NoTrans, w, math.Cos(1e-3), device.NoTrans, second, second)
			if err := f.certifySide(q, a, 1); err != nil {
				t.Fatal(err)
			}
			// The off-diagonal entry of VᵀAᵀA·V - S², twice, over ‖A‖_F².
			s := logspace(20, 0, -1)
			sum := 0.0
			for _, σ := range s {
				sum += σ * σ
			}
			want := math.Sqrt2 * 1e-3 * (s[0]*s[0] - s[1]*s[1]) / sum
			if c := f.Certificate; c.Residual < want/4 || c.Residual > 4*want {
				t.Errorf("%s: residual %.3g, want about %.3g", side, c.Residual, want)
			}
		}
	})
}
