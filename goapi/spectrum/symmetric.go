package spectrum

import (
	"math"
	"runtime"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
)

// checkSymmetric returns max|a|, or what is wrong with a square matrix that
// should be finite and symmetric to eps·n·max|a|. It reads the matrix once.
func checkSymmetric[T device.Float](a device.Dense[T]) (largest float64, err error) {
	n := a.Rows
	blocks := (n + tile - 1) / tile
	workers := max(1, min(runtime.GOMAXPROCS(0), blocks))
	found := make([]extremes, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			// Every workers-th block row: they grow downwards.
			for b := w; b < blocks; b += workers {
				scan(a, b*tile, &found[w])
			}
		})
	}
	wg.Wait()
	var all extremes
	for _, f := range found {
		all.skew, all.size = max(all.skew, f.skew), max(all.size, f.size)
	}
	largest = math.Float64frombits(all.size)
	tol := device.Epsilon[T]() * float64(n) * largest
	if n > 0 && math.Float64frombits(all.skew) <= tol && !math.IsInf(largest, 0) {
		return largest, nil
	}
	if err := device.CheckInput("matrix", a); err != nil {
		return 0, err
	}
	return 0, asymmetry(a, tol)
}

// seemsSymmetric compares x·A with x·Aᵀ for a random x, which takes two
// products where a comparison of all entries takes twenty. It reports whether
// A is symmetric to rounding and its numbers are of a usual size; if not, or if
// A is small, the entries have to be looked at.
func seemsSymmetric[T device.Float](q device.Queue[T], a device.Matrix[T]) (bool, error) {
	n := a.Rows
	if n < 256 {
		return false, nil
	}
	defer q.Scope()()
	x, images, size := q.Alloc(1, n), q.Alloc(2, n), q.Alloc(1, 2)
	q.Random(device.Normal, 0x5e1fad01, uint64(n), x)
	q.Gemm(device.NoTrans, device.Transp, 1, x, a, 0, images.Row(0))
	q.Gemm(device.NoTrans, device.NoTrans, 1, x, a, 0, images.Row(1))
	q.Add(1, device.NoTrans, images.Row(1), -1, device.NoTrans, images.Row(0), images.Row(1))
	q.Reduce(device.MaxAbs, device.PerRow, images, size)
	host := make([]T, 2)
	q.Download(device.Vector(host), size)
	if err := q.Sync(); err != nil {
		return false, err
	}
	largest, skew := float64(host[0]), float64(host[1])
	// Entries are at most about as large as the products, and these at most n
	// times as large as they.
	if !(largest > 0) || exponent[T](largest*float64(n)) != 0 || exponent[T](largest/float64(n)) != 0 {
		return false, nil
	}
	return skew <= 4*device.Epsilon[T]()*math.Sqrt(float64(n))*largest, nil
}

// tile is the side of the tiles in which a matrix is compared with its
// transpose: two of them stay in the first-level cache.
const tile = 32

// extremes are max|a[i,j]-a[j,i]| and max|a[i,j]| as the bits of float64
// numbers. Those of numbers without a sign are ordered like the numbers, with
// infinity and NaN above all, and integers are compared without a branch.
type extremes struct{ skew, size uint64 }

// scan takes into e the rows [i0,i0+tile) of the lower triangle.
func scan[T device.Float](a device.Dense[T], i0 int, e *extremes) {
	const sign = 1 << 63
	skew, size := e.skew, e.size
	for j0 := 0; j0 <= i0; j0 += tile {
		for i := i0; i < min(i0+tile, a.Rows); i++ {
			row := a.Row(i)[j0:min(j0+tile, i+1)]
			at := j0*a.Stride + i
			for j, v := range row {
				d := v - a.Data[at+j*a.Stride]
				skew = max(skew, math.Float64bits(float64(d))&^sign)
				size = max(size, math.Float64bits(float64(v))&^sign)
			}
		}
	}
	e.skew, e.size = skew, size
}

// asymmetry names the first pair of entries that differ by more than tol.
func asymmetry[T device.Float](a device.Dense[T], tol float64) error {
	for i := range a.Rows {
		for j := range i {
			if d := math.Abs(float64(a.At(i, j)) - float64(a.At(j, i))); d > tol {
				return device.Argument("matrix", "is not symmetric: entries (%d,%d) and (%d,%d) differ by %.3g", i, j, j, i, d)
			}
		}
	}
	return nil
}
