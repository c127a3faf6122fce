package native

import "sync/atomic"

// packRows is what blocks of products begin at multiples of: a multiple of the
// heights and widths of all tiles, RITZ_PACK_ROWS in C.
const packRows = 96

// A Product is C = α·A·Bᵀ + β·D + γ·I for the M×K matrix A and the N×K matrix B.
// TransA and TransB tell that A and B hold the columns of those as rows.
type Product[T Float] struct {
	M, N, K        int
	A, B           []T
	LDA, LDB       int
	TransA, TransB bool
	Alpha, Beta    T
	D              []T // nil: zero; may be C
	LDD            int
	C              []T
	LDC            int

	// Lower is for symmetric products: only the lower triangle is computed, from
	// that of D, and copied to the upper one. Gamma is for them alone.
	Lower bool
	Gamma T

	BF16 bool // float32: A and B are rounded to bfloat16, see HasBF16
}

// A PackedProduct is a product on its way. The elements of A and B are packed
// in steps along K, and C is computed in blocks: both are tasks that any number
// of workers may share. The order of the sums does not depend on their number.
// It may be used for one product after the other.
type PackedProduct[T Float] struct {
	Product[T]
	left, right []T // packed rows, twice, so that those of a step are packed while others are multiplied
	corners     []int32
	counters    []int32
	step        int    // elements of a row that are packed at a time
	cols        int    // columns of a block
	worker      func() // Work, made once
}

const (
	// packedDepth is the number of words of a row that are packed at a time: a
	// panel of A takes a quarter of the first-level cache then.
	packedDepth = 256

	// blockCols is the number of columns of a block: their packed words stay in
	// the second-level cache. Small products have smaller blocks.
	blockCols    = 3 * packRows
	smallProduct = 1 << 19
)

// Begin prepares the tasks of p, which it checks, and returns the number of
// blocks.
func (w *PackedProduct[T]) Begin(p Product[T]) int {
	p.check()
	if p.Beta == 0 {
		p.D, p.LDD = nil, 0
	}
	w.Product = p
	most := packedDepth
	if p.BF16 {
		most *= 2
	}
	// Equal parts in whole vectors, so that no short one is left.
	steps := max(1, (p.K+most-1)/most)
	w.step = ((p.K+steps-1)/steps + 31) / 32 * 32
	words := w.step
	if p.BF16 {
		words /= 2
	}
	rows := func(n int) int { return (n + packRows - 1) / packRows * packRows }
	w.left, w.right = packRoom(w.left, 2*rows(p.M)*words), packRoom(w.right, 2*rows(p.N)*words)
	w.cols = blockCols
	if p.M*p.N < smallProduct {
		w.cols = packRows
	}
	w.corners = w.corners[:0]
	for j := 0; j < p.N; j += w.cols {
		i := 0
		if p.Lower {
			i = j
		}
		for ; i < p.M; i += packRows {
			w.corners = append(w.corners, int32(i), int32(j))
		}
	}
	w.counters = room(w.counters, 1+2*w.steps()+w.blocks())
	clear(w.counters)
	return w.blocks()
}

func (w *PackedProduct[T]) steps() int  { return (w.K + w.step - 1) / w.step }
func (w *PackedProduct[T]) packs() int  { return (max(w.M, w.N) + packRows - 1) / packRows }
func (w *PackedProduct[T]) blocks() int { return len(w.corners) / 2 }

// Worker returns Work, always the same function value.
func (w *PackedProduct[T]) Worker() func() {
	if w.worker == nil {
		w.worker = w.Work
	}
	return w.worker
}

// Work takes tasks until there are none left. Those that other workers have
// taken may not be done yet.
func (w *PackedProduct[T]) Work() {
	switch {
	case w.M == 0 || w.N == 0:
	case w.BF16 && !hasBF16():
		w.alone(ToBF16)
	default:
		w.work()
	}
}

// alone is Work in plain Go: the first worker computes all elements one by one,
// of factors that it rounds unless round is nil.
func (w *PackedProduct[T]) alone(round func(float32) float32) {
	if atomic.AddInt32(&w.counters[0], 1) > 1 {
		return
	}
	rounded := func(x T) T {
		if round != nil {
			return T(round(float32(x)))
		}
		return x
	}
	for i := range w.M {
		n := w.N
		if w.Lower {
			n = i + 1
		}
		for j := range n {
			var sum T
			for p := range w.K {
				sum += rounded(element(i, p, w.A, w.LDA, w.TransA)) * rounded(element(j, p, w.B, w.LDB, w.TransB))
			}
			sum *= w.Alpha
			if w.D != nil {
				sum += w.Beta * w.D[i*w.LDD+j]
			}
			if w.Lower && i == j {
				sum += w.Gamma
			}
			w.C[i*w.LDC+j] = sum
			if w.Lower {
				w.C[j*w.LDC+i] = sum
			}
		}
	}
}

// check panics if a matrix does not fit its slice.
func (p *Product[T]) check() {
	for _, f := range []struct {
		n          int
		x          []T
		ld         int
		transposed bool
	}{{p.M, p.A, p.LDA, p.TransA}, {p.N, p.B, p.LDB, p.TransB}} {
		if f.transposed {
			fits(p.K, f.n, f.x, f.ld)
		} else {
			fits(f.n, p.K, f.x, f.ld)
		}
	}
	fits(p.M, p.N, p.C, p.LDC)
	if p.D != nil && p.Beta != 0 {
		fits(p.M, p.N, p.D, p.LDD)
	}
	if p.K < 1 || p.Lower && p.N > p.M {
		panic("native: a product without a sum, or a triangle wider than high")
	}
	if p.Lower {
		fits(p.N, p.M, p.C, p.LDC)
	}
}

// packRoom is room for packed rows, in large pages.
func packRoom[T Float](x []T, n int) []T {
	if cap(x) < n {
		x = make([]T, n)
		wantHugePages(x)
	}
	return x[:n]
}

// room returns a slice of length n, x if that is large enough.
func room[E any](x []E, n int) []E {
	if cap(x) < n {
		return make([]E, n)
	}
	return x[:n]
}

// element is element p of row i.
func element[T Float](i, p int, a []T, ld int, transposed bool) T {
	if transposed {
		return a[p*ld+i]
	}
	return a[i*ld+p]
}
