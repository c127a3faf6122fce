package native

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
)

// Products at every level and of rounded factors, against sums in float64 of the
// same numbers, on both sides of the sizes of tiles, blocks and steps, for factors
// in both orientations and with rows apart. Nothing beside the product is written.
func TestPackedProduct(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 1, 1}, {1, 40, 3}, {40, 1, 17}, {11, 31, 2}, {12, 32, 5}, {13, 33, 40}, {97, 95, 31}, {96, 96, 32}, {50, 300, 33}, {200, 100, 260}, {30, 50, 1100}} {
			for i := range 8 {
				p := packedCase{m: s[0], n: s[1], k: s[2], ta: i&1 != 0, tb: i&2 != 0, γ: 0, β: float64(i&4) / 8}
				checkPacked[float32](t, p, 0x1p-23)
				checkPacked[float64](t, p, 0x1p-52)
				p.bf16 = true
				checkPacked[float32](t, p, 0x1p-23)
			}
		}
	})
}

// Symmetric products have both triangles, from the lower one of what is added.
func TestPackedSymmetricProduct(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {3, 2}, {11, 17}, {12, 40}, {13, 31}, {31, 32}, {33, 65}, {48, 5}, {95, 3}, {97, 40}, {145, 270}, {300, 33}} {
			for i := range 4 {
				p := packedCase{m: s[0], n: s[0], k: s[1], ta: i&1 != 0, tb: i&1 != 0, lower: true, γ: 3, β: -float64(i & 2)}
				checkPacked[float32](t, p, 0x1p-23)
				checkPacked[float64](t, p, 0x1p-52)
				p.bf16 = true
				checkPacked[float32](t, p, 0x1p-23)
			}
		}
	})
}

type packedCase struct {
	m, n, k             int
	ta, tb, lower, bf16 bool
	β, γ                float64
}

func checkPacked[T Float](t *testing.T, s packedCase, eps float64) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(s.m*s.n*s.k)))
	operand := func(n int, transposed bool) (x []T, ld int) {
		rows, cols := n, s.k
		if transposed {
			rows, cols = cols, rows
		}
		ld = cols + 3
		return random[T](r, (rows-1)*ld+cols, 1), ld
	}
	const α = 0.5
	p := Product[T]{M: s.m, N: s.n, K: s.k, TransA: s.ta, TransB: s.tb, Alpha: α, Beta: T(s.β), Gamma: T(s.γ), Lower: s.lower, BF16: s.bf16}
	p.A, p.LDA = operand(s.m, s.ta)
	p.B, p.LDB = p.A, p.LDA
	if !s.lower {
		p.B, p.LDB = operand(s.n, s.tb)
	}
	p.LDC = s.n + 5
	p.C = random[T](r, s.m*p.LDC, 1)
	p.D, p.LDD = p.C, p.LDC
	if s.β != 0 && s.lower { // another matrix, with nothing to read above the diagonal
		p.LDD = s.n + 2
		p.D = random[T](r, s.m*p.LDD, 1)
		for i := range s.m {
			for j := i + 1; j < s.n; j++ {
				p.D[i*p.LDD+j] = T(math.NaN())
			}
		}
	}
	d, ldd := append([]T(nil), p.D...), p.LDD
	c0 := append([]T(nil), p.C...)
	var w PackedProduct[T]
	w.Begin(p)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(w.Work)
	}
	w.Work()
	wg.Wait()
	value := func(x T) float64 {
		if s.bf16 {
			return float64(ToBF16(float32(x)))
		}
		return float64(x)
	}
	name := fmt.Sprintf("%T %+v", p.Alpha, s)
	for i := range s.m {
		for j := range p.LDC {
			got := float64(p.C[i*p.LDC+j])
			if j >= s.n {
				if got != float64(c0[i*p.LDC+j]) {
					t.Fatalf("%s: row %d is written beyond the end", name, i)
				}
				continue
			}
			if s.lower && j > i {
				if got != float64(p.C[j*p.LDC+i]) {
					t.Fatalf("%s: elements %d, %d are %v and %v", name, i, j, got, p.C[j*p.LDC+i])
				}
				continue
			}
			var want, size float64
			for q := range s.k {
				x := α * value(element(i, q, p.A, p.LDA, s.ta)) * value(element(j, q, p.B, p.LDB, s.tb))
				want, size = want+x, size+math.Abs(x)
			}
			if s.β != 0 {
				x := s.β * float64(d[i*ldd+j])
				want, size = want+x, size+math.Abs(x)
			}
			if i == j {
				want, size = want+s.γ, size+s.γ
			}
			// k+4 roundings, each of half a unit of what has been summed up.
			if !(math.Abs(got-want) <= float64(s.k+4)*eps*size) {
				t.Fatalf("%s: element %d, %d is %v, want %v", name, i, j, got, want)
			}
		}
	}
}
