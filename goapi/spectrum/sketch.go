package spectrum

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
)

// sketch holds random vectors, their products, an orthonormal basis of these
// and its products: all that the estimators that learn the range of the
// operator need. It grows without losing a product.
type sketch[T device.Float] struct {
	*tracer[T]
	law   device.Distribution
	k     int              // vectors
	ω, y  device.Matrix[T] // k random rows and the operator applied to them
	basis device.Matrix[T] // orthonormal rows that span those of y
	z     device.Matrix[T] // the operator applied to the first rows of basis
	r     *mat.Dense       // yᵀ = basisᵀ·r
}

// extended returns a matrix of rows rows that begins with those of a.
func (s *sketch[T]) extended(a device.Matrix[T], rows int) device.Matrix[T] {
	b := s.q.Alloc(rows, s.n)
	if a.Rows > 0 {
		s.q.Copy(b.RowRange(0, a.Rows), a)
	}
	return b
}

// grow makes it k vectors with their products.
func (s *sketch[T]) grow(k int) error {
	old := s.k
	if k <= old {
		return nil
	}
	s.ω, s.y, s.k = s.extended(s.ω, k), s.extended(s.y, k), k
	for i := old; i < k; i++ { // a stream each
		s.q.Random(s.law, s.seed, uint64(i), s.ω.Row(i))
	}
	fresh := s.ω.RowRange(old, k)
	if s.law == device.Normal {
		if err := sphere(s.q, fresh); err != nil {
			return err
		}
	}
	return s.applyTo(fresh, s.y.RowRange(old, k))
}

// sphere gives rows the norm √n: normal ones become uniform on the sphere.
func sphere[T device.Float](q device.Queue[T], x device.Matrix[T]) error {
	defer q.Scope()()
	d, f := q.Alloc(1, x.Rows), make([]T, x.Rows)
	q.Reduce(device.SumSquares, device.PerRow, x, d)
	q.Download(device.Vector(f), d)
	if err := q.Sync(); err != nil {
		return err
	}
	for i, v := range f {
		f[i] = T(math.Sqrt(float64(x.Cols) / float64(v)))
	}
	q.Upload(d, device.Vector(f))
	q.ScaleBy(device.PerRow, d, x, x)
	return nil
}

// orthogonalize extends the basis to all products.
func (s *sketch[T]) orthogonalize() (err error) {
	old := s.basis.Rows
	if old == s.k {
		return nil
	}
	if old == 0 {
		s.basis, s.r, err = s.qr(s.y)
		return err
	}
	basis := s.extended(s.basis, s.k)
	fresh := basis.RowRange(old, s.k)
	s.q.Copy(fresh, s.y.RowRange(old, s.k))
	tiny := 10 * device.Epsilon[T]() * largestDiagonal(s.r)
	stream := uint64(0)
	l, err := orthonormalizeRows(s.q, s.basis, fresh, tiny, s.seed^0x9e7, &stream)
	if err != nil {
		return err
	}
	along, err := s.inner(s.basis, s.y.RowRange(old, s.k))
	if err != nil {
		return err
	}
	r := mat.NewDense(s.k, s.k, nil)
	r.Slice(0, old, 0, old).(*mat.Dense).Copy(s.r)
	r.Slice(0, old, old, s.k).(*mat.Dense).Copy(along)
	r.Slice(old, s.k, old, s.k).(*mat.Dense).Copy(l.T())
	s.basis, s.r = basis, r
	return nil
}

func largestDiagonal(r *mat.Dense) float64 {
	largest := 0.0
	n, _ := r.Dims()
	for i := range n {
		largest = max(largest, math.Abs(r.At(i, i)))
	}
	return largest
}

// image makes the products of the basis that are missing.
func (s *sketch[T]) image() error {
	if err := s.orthogonalize(); err != nil {
		return err
	}
	old := s.z.Rows
	if old == s.k {
		return nil
	}
	z := s.extended(s.z, s.k)
	if err := s.applyTo(s.basis.RowRange(old, s.k), z.RowRange(old, s.k)); err != nil {
		return err
	}
	s.z = z
	return nil
}

// combined is the standard error of samples that share products, see Trace:
// between what they show as independent ones, which is too small, and the
// jackknife over the estimates without one probe, which is too large, at the
// given weight of the latter in a geometric mean.
func combined(samples, without []float64, weight float64, products int) Estimate {
	e := meanOf(samples, products)
	k := float64(len(without))
	mean := 0.0
	for _, x := range without {
		mean += x / k
	}
	if jackknife := math.Sqrt((k-1)/k) * distance(without, mean); jackknife > e.StdErr {
		e.StdErr = math.Pow(e.StdErr, 1-weight) * math.Pow(jackknife, weight)
	}
	return e
}

// leading returns the block of the first k rows and columns.
func leading(a *mat.Dense, k int) *mat.Dense {
	return mat.DenseCopyOf(a.Slice(0, k, 0, k))
}
