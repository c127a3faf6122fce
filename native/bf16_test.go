package native

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestToBF16(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range [][2]float32{
		{1, 1}, {0, 0}, {1 + 0x1p-7, 1 + 0x1p-7},
		{1 + 0x1p-8, 1}, {1 + 3*0x1p-8, 1 + 0x1p-6}, // halfway, to even
		{1 + 0x1p-8 + 0x1p-20, 1 + 0x1p-7}, {-1 - 0x1p-8 - 0x1p-20, -1 - 0x1p-7},
		{0x1p-127, 0}, {0x1p-126, 0x1p-126}, {math.MaxFloat32, inf}, {inf, inf}, {-inf, -inf},
	} {
		if got := ToBF16(c[0]); got != c[1] {
			t.Errorf("%x becomes %x, want %x", c[0], got, c[1])
		}
	}
	if x := ToBF16(nan); x == x {
		t.Errorf("NaN becomes %v", x)
	}
}

// Products of rounded factors, against sums in float64 of the same numbers, on
// both sides of the sizes of tiles and of pairs, in both orientations, by the
// processor's instruction and in plain Go.
func TestBF16Products(t *testing.T) {
	atEveryLevel(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, n := range []int{1, 3, 12, 13, 31, 33, 49, 100} {
			for _, k := range []int{1, 2, 17, 31, 32, 40, 65} {
				for _, transposed := range []bool{false, true} {
					rows, cols := n, k
					if transposed {
						rows, cols = k, n
					}
					ld := cols + 3
					a, b := random[float32](r, rows*ld, 1), random[float32](r, rows*ld, 1)
					exact := func(i, j int, a, b []float32) (sum, size float64) {
						for p := range k {
							x := float64(ToBF16(element(i, p, a, ld, transposed))) * float64(ToBF16(element(j, p, b, ld, transposed)))
							sum, size = sum+x, size+math.Abs(x)
						}
						return sum, size
					}
					words := (k + 1) / 2
					pack := func(b []float32) []float32 {
						packed := make([]float32, SymPacked(n, words))
						for j := 0; j < n; j += 2 * SymWidth {
							BF16Pack(j, min(n, j+2*SymWidth), k, b[:(rows-1)*ld+cols], ld, transposed, packed)
						}
						return packed
					}
					work := make([]float32, SymRows*words)
					const α, β, γ = 0.5, -2, 3
					ldc := n + 5
					c, d := random[float32](r, n*ldc, 1), random[float32](r, n*ldc, 1)
					before := append([]float32(nil), c...)
					packed := pack(b)
					for i := 0; i < n; i += SymRows {
						BF16Product(i, min(n, i+SymRows), n, k, α, a, ld, transposed, packed, β, c, ldc, work)
					}
					check := func(what string, i, j int, got, want, size float64) {
						t.Helper()
						if !(math.Abs(got-want) <= float64(k+4)*0x1p-23*size) {
							t.Fatalf("%s n=%d k=%d transposed=%v: element %d, %d is %v, want %v", what, n, k, transposed, i, j, got, want)
						}
					}
					for i := range n {
						for j := range ldc {
							old := float64(before[i*ldc+j])
							if j >= n {
								check("beyond the product", i, j, float64(c[i*ldc+j]), old, 0)
								continue
							}
							sum, size := exact(i, j, a, b)
							check("product", i, j, float64(c[i*ldc+j]), α*sum+β*old, α*size+math.Abs(β*old))
						}
					}
					packed = pack(a)
					for i := 0; i < n; i += SymRows {
						BF16SymProduct(i, min(n, i+SymRows), k, α, a, ld, transposed, packed,
							SymTerm[float32]{Beta: β, D: d, LD: ldc, Gamma: γ, Last: true}, c, ldc, work)
					}
					for i := range n {
						for j := range i + 1 {
							sum, size := exact(i, j, a, a)
							want := α*sum + β*float64(d[i*ldc+j])
							if i == j {
								want += γ
							}
							check("symmetric product", i, j, float64(c[i*ldc+j]), want, α*size+math.Abs(β*float64(d[i*ldc+j]))+γ)
							if c[i*ldc+j] != c[j*ldc+i] {
								t.Fatalf("n=%d k=%d: elements %d, %d are %v and %v", n, k, i, j, c[i*ldc+j], c[j*ldc+i])
							}
						}
					}
				}
			}
		}
	})
}
