package svd

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/tests/devices"
)

// images returns the first m of the 10,000 handwritten digits of MNIST's test
// set, 784 pixels from 0 to 255 in each row.
func images(t *testing.T, m int) device.Dense[float64] {
	t.Helper()
	f, err := matio.Open("../../tests/data/mnist-t10k-images-idx3-ubyte.gz")
	if err != nil {
		t.Fatal(err)
	}
	x, err := matio.Read[float64](f, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows, cols, data := x.Matrix()
	if rows != 10000 || cols != 784 {
		t.Fatalf("MNIST is %d×%d", rows, cols)
	}
	return device.Dense[float64]{Rows: m, Cols: cols, Stride: cols, Data: data[:m*cols]}
}

// exactGram returns AᵀA of a matrix of small integers, exactly.
func exactGram(a device.Dense[float64]) [][]int64 {
	g := make([][]int64, a.Cols)
	for i := range g {
		g[i] = make([]int64, a.Cols)
	}
	type entry struct {
		j int
		v int64
	}
	var row []entry
	for i := range a.Rows {
		row = row[:0]
		for j, v := range a.Row(i) {
			if v != 0 {
				row = append(row, entry{j, int64(v)})
			}
		}
		for _, x := range row {
			for _, y := range row {
				g[x.j][y.j] += x.v * y.v
			}
		}
	}
	return g
}

// exactRank returns the rank of a matrix of integers modulo a prime, which is
// that of the integers unless the prime divides all of their largest minors.
func exactRank(g [][]int64) int {
	const p = 1<<31 - 1
	n := len(g)
	a := make([][]uint64, n)
	for i := range a {
		a[i] = make([]uint64, n)
		for j, v := range g[i] {
			a[i][j] = uint64((v%p + p) % p)
		}
	}
	power := func(x uint64, e int) uint64 {
		r := uint64(1)
		for ; e > 0; e >>= 1 {
			if e&1 == 1 {
				r = r * x % p
			}
			x = x * x % p
		}
		return r
	}
	rank := 0
	for j := 0; j < n; j++ {
		pivot := rank
		for pivot < n && a[pivot][j] == 0 {
			pivot++
		}
		if pivot == n {
			continue
		}
		a[rank], a[pivot] = a[pivot], a[rank]
		inverse := power(a[rank][j], p-2)
		for i := rank + 1; i < n; i++ {
			f := a[i][j] * inverse % p
			if f == 0 {
				continue
			}
			for l := j; l < n; l++ {
				a[i][l] = (a[i][l] + (p-f)*a[rank][l]) % p
			}
		}
		rank++
	}
	return rank
}

// Handwritten digits, many pixels of which are empty in all images: all 784
// singular values by the method for tall matrices, though a good hundred of
// them are zero. The rank is that of the integers, the values are those of
// their exact Gram matrix by gonum, and the certificate is true. Pure Go gets
// 2,000 images; the emulated GPU gets none, it would take minutes.
func TestMNIST(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		if devices.Size(dev, 1, 0) == 0 {
			t.Skip("too slow on the emulator")
		}
		a := images(t, size(dev, 10000, 2000))
		m, n := a.Rows, a.Cols
		gram := exactGram(a)
		exact := mat.NewSymDense(n, nil)
		for i := range n {
			for j := range i + 1 {
				exact.SetSym(i, j, float64(gram[i][j]))
			}
		}
		var ref mat.EigenSym
		if !ref.Factorize(exact, false) {
			t.Fatal("no reference")
		}
		squares := ref.Values(nil) // ascending

		r, err := Compute(ctx, dev, a, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Method != Tall || len(r.Failed) > 0 {
			t.Errorf("by %s after %v", r.Method, r.Failed)
		}
		spectrum, err := NewSpectrum(r.S, m, n)
		if err != nil {
			t.Fatal(err)
		}
		rank := exactRank(gram)
		if got := spectrum.Rank(0); got != rank || rank == n {
			t.Errorf("rank %d, that of the integers is %d", got, rank)
		}
		for i := range 50 {
			if d := math.Abs(r.S[i]/math.Sqrt(squares[n-1-i]) - 1); d > 1e-12 {
				t.Errorf("σ%d is off by %.3g of itself", i+1, d)
			}
		}
		c := r.Certificate
		for i, σ := range r.S { // what the squares lose: some n·eps·σ₁²/σ
			lost := min(float64(n)*0x1p-52*r.S[0]*r.S[0]/max(σ, 1e-300), math.Sqrt(float64(n)*0x1p-52)*r.S[0])
			if d := math.Abs(σ - math.Sqrt(max(squares[n-1-i], 0))); d > lost+c.ErrorBound {
				t.Errorf("σ%d is off by %.3g, certified %.3g", i+1, d, c.ErrorBound)
			}
		}
		residual, u, v := spectralErrors(t, dev, a, r)
		if residual > 5e-14 || max(u, v) > 5e-14 {
			t.Errorf("residual %.3g, orthogonality %.3g and %.3g", residual, u, v)
		}
		if residual*r.S[0] > c.ErrorBound || u > c.OrthogonalityU+1e-15 || v > c.OrthogonalityV+1e-15 {
			t.Errorf("certified %+v, true %.3g, %.3g and %.3g", c, residual*r.S[0], u, v)
		}

		// The 40 largest, whose error is certified to be that of the others.
		top, err := Compute(ctx, dev, a, Options{Rank: 40, Method: Randomized})
		if err != nil {
			t.Fatal(err)
		}
		rest := 0.0
		for _, s := range squares[:n-40] {
			rest += max(s, 0)
		}
		whole := mat.Trace(exact)
		if best := math.Sqrt(rest / whole); top.Certificate.Residual < best*(1-1e-9) || top.Certificate.Residual > best*(1+1e-4) {
			t.Errorf("rank 40: residual %.10g, the best is %.10g", top.Certificate.Residual, best)
		}
		for i, σ := range top.S {
			if d := math.Abs(σ - math.Sqrt(squares[n-1-i])); d > top.Certificate.ErrorBound+1e-9 {
				t.Errorf("rank 40: σ%d is off by %.3g, certified %.3g", i+1, d, top.Certificate.ErrorBound)
			}
		}
	})
}
