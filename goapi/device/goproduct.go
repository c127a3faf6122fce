package device

import "runtime"

// Matrix products by blocks (Goto, van de Geijn: Anatomy of high-performance
// matrix multiplication, 2008): parts of op(A) and op(B) are copied to where
// the innermost kernel reads them in sequence, op(A) in panels of tileRows
// rows that stay in the second cache, op(B) in panels of tileCols columns.
const (
	tileRows    = 4
	blockDepth  = 192  // columns of op(A) that are copied at a time
	blockRows   = 96   // of op(A) that are copied at a time
	blockCols   = 4080 // of op(B), a multiple of every tile
	mostCols    = 48   // of a tile
	smallFlops  = 1 << 10
	singleFlops = 1 << 18 // fewer multiplications are not worth another goroutine
)

// tileCols returns the number of columns of a tile.
func tileCols[T Float]() int {
	var x T
	_, single := any(x).(float32)
	width := 4
	switch simd {
	case avx2:
		width = 12
	case avx512:
		width = 24
	}
	if single && simd > plainGo {
		width *= 2
	}
	return width
}

// op is op(A) = A or Aᵀ with α in front.
type op[T Float] struct {
	Dense[T]
	turned bool
	α      T
}

// panels copies rows [i0,i1) and columns [p0,p1) of op(A) to dst: panels of
// `height` rows, column after column, what is missing in the last one zero.
func (a op[T]) panels(height, i0, i1, p0, p1 int, dst []T) {
	depth := p1 - p0
	for i := i0; i < i1; i += height {
		panel := dst[:height*depth]
		dst = dst[height*depth:]
		rows := min(height, i1-i)
		if rows < height {
			clear(panel)
		}
		if a.turned {
			for p := range depth {
				at := (p0+p)*a.Stride + i
				out := panel[p*height:][:rows]
				if a.α == 1 {
					copy(out, a.Data[at:at+rows])
					continue
				}
				for r, v := range a.Data[at : at+rows] {
					out[r] = a.α * v
				}
			}
			continue
		}
		if rows == 4 && height == 4 {
			at := i*a.Stride + p0
			r0, r1 := a.Data[at:at+depth], a.Data[at+a.Stride:][:depth]
			r2, r3 := a.Data[at+2*a.Stride:][:depth], a.Data[at+3*a.Stride:][:depth]
			for p, v := range r0 {
				out := panel[4*p : 4*p+4]
				out[0], out[1], out[2], out[3] = a.α*v, a.α*r1[p], a.α*r2[p], a.α*r3[p]
			}
			continue
		}
		for r := range rows {
			at := (i+r)*a.Stride + p0
			for p, v := range a.Data[at : at+depth] {
				panel[p*height+r] = a.α * v
			}
		}
	}
}

// multiplication is a product on its way, with the memory that it works in.
type multiplication[T Float] struct {
	crew
	left, right    op[T]
	c              Dense[T]
	lower          bool
	width          int
	j0, j1, p0, p1 int // columns of C and of op(A) in work
	panels, groups int // of op(B), and into how many parts those are divided

	packed []T   // op(B)
	own    [][]T // part of op(A) of each goroutine, and a tile that reaches beyond C

	pack, multiply func(worker, i int) // packPanel and multiplyPart, made once
}

// multiplications32 and 64 keep those that are done.
var (
	multiplications32 Shelf[multiplication[float32]]
	multiplications64 Shelf[multiplication[float64]]
)

func multiplications[T Float]() *Shelf[multiplication[T]] {
	if shelf, ok := any(&multiplications32).(*Shelf[multiplication[T]]); ok {
		return shelf
	}
	return any(&multiplications64).(*Shelf[multiplication[T]])
}

// product adds α·op(A)·op(B) to C. If lower is set, only tiles that reach the
// diagonal of C or what is below it are computed. The result does not depend
// on the number of goroutines.
func product[T Float](tA, tB Trans, α T, a, b, c Dense[T], lower bool) {
	shelf := multiplications[T]()
	w := shelf.Take()
	if w == nil {
		w = new(multiplication[T])
		w.pack, w.multiply = w.packPanel, w.multiplyPart
	}
	w.left, w.right, w.c, w.lower = op[T]{a, tA == Transp, α}, op[T]{b, tB == NoTrans, 1}, c, lower
	w.run()
	w.left, w.right, w.c = op[T]{}, op[T]{}, Dense[T]{} // matrices need not outlive the call
	shelf.Give(w)
}

func (w *multiplication[T]) run() {
	m, n, k := w.c.Rows, w.c.Cols, w.left.Cols
	if w.left.turned {
		k = w.left.Rows
	}
	if m == 0 || n == 0 || k == 0 {
		return
	}
	w.width = tileCols[T]()
	threads := 1
	if m*n*k > singleFlops {
		threads = runtime.GOMAXPROCS(0)
	}
	up := func(x, of int) int { return (x + of - 1) / of }
	if need := min(blockDepth, k) * up(min(blockCols, n), w.width) * w.width; len(w.packed) < need {
		w.packed = make([]T, need)
	}
	for len(w.own) < threads {
		w.own = append(w.own, make([]T, blockRows*blockDepth+tileRows*mostCols))
	}
	for w.j0 = 0; w.j0 < n; w.j0 += blockCols {
		w.j1 = min(w.j0+blockCols, n)
		w.panels = up(w.j1-w.j0, w.width)
		blocks := up(m, blockRows)
		// Enough parts for all goroutines, of many columns where possible: each
		// copies its part of op(A) itself.
		w.groups = 1
		if threads > 1 {
			w.groups = min(max(1, w.panels/4), up(3*threads, blocks))
		}
		for w.p0 = 0; w.p0 < k; w.p0 += blockDepth {
			w.p1 = min(w.p0+blockDepth, k)
			w.each(min(threads, 1+w.panels*w.width*(w.p1-w.p0)/minChunk), w.panels, w.pack)
			w.each(threads, blocks*w.groups, w.multiply)
		}
	}
}

// packPanel copies panel number p of op(B).
func (w *multiplication[T]) packPanel(_, p int) {
	j := w.j0 + p*w.width
	w.right.panels(w.width, j, min(j+w.width, w.j1), w.p0, w.p1, w.packed[p*w.width*(w.p1-w.p0):])
}

// multiplyPart multiplies a block of op(A) by some panels of op(B).
func (w *multiplication[T]) multiplyPart(worker, part int) {
	i0 := part / w.groups * blockRows
	i1 := min(i0+blockRows, w.c.Rows)
	first, last := part%w.groups*w.panels/w.groups, (part%w.groups+1)*w.panels/w.groups
	if w.lower {
		last = min(last, (i1-1-w.j0)/w.width+1)
	}
	if first >= last || w.lower && i1 <= w.j0 {
		return
	}
	rows, depth := w.own[worker], w.p1-w.p0
	edge := rows[blockRows*blockDepth:]
	w.left.panels(tileRows, i0, i1, w.p0, w.p1, rows)
	for p := first; p < last; p++ {
		j := w.j0 + p*w.width
		for i := i0; i < i1; i += tileRows {
			if w.lower && j > i+tileRows-1 {
				continue
			}
			addTile(depth, rows[(i-i0)*depth:], w.packed[p*w.width*depth:], w.c, i, j, w.width, edge)
		}
	}
}

// addTile adds the product of two panels to the tile of C at (i,j). edge is for
// one that reaches beyond C.
func addTile[T Float](depth int, a, b []T, c Dense[T], i, j, width int, edge []T) {
	rows, cols := min(tileRows, c.Rows-i), min(width, c.Cols-j)
	if rows == tileRows && cols == width {
		multiplyPanels(depth, a, b, c.Data[i*c.Stride+j:], c.Stride, width)
		return
	}
	whole := edge[:tileRows*width]
	clear(whole)
	multiplyPanels(depth, a, b, whole, width, width)
	for r := range rows {
		out := c.Data[(i+r)*c.Stride+j:][:cols]
		for x := range out {
			out[x] += whole[r*width+x]
		}
	}
}

// multiplyPanels adds the product of a panel of op(A) and one of op(B) to
// tileRows×width elements.
func multiplyPanels[T Float](depth int, a, b, c []T, stride, width int) {
	if simd > plainGo {
		switch x := any(a).(type) {
		case []float32:
			kernel := tile32FMA
			if simd == avx512 {
				kernel = tile32AVX512
			}
			kernel(depth, &x[0], &any(b).([]float32)[0], &any(c).([]float32)[0], stride)
		case []float64:
			kernel := tile64FMA
			if simd == avx512 {
				kernel = tile64AVX512
			}
			kernel(depth, &x[0], &any(b).([]float64)[0], &any(c).([]float64)[0], stride)
		}
		return
	}
	for half := 0; half < tileRows; half += 2 { // eight sums fit into registers
		var s00, s01, s02, s03, s10, s11, s12, s13 T
		for p := range depth {
			l, r := a[tileRows*p+half:][:2], b[4*p:][:4]
			x, y := l[0], l[1]
			s00 += x * r[0]
			s01 += x * r[1]
			s02 += x * r[2]
			s03 += x * r[3]
			s10 += y * r[0]
			s11 += y * r[1]
			s12 += y * r[2]
			s13 += y * r[3]
		}
		out := c[half*stride:][:4]
		out[0], out[1], out[2], out[3] = out[0]+s00, out[1]+s01, out[2]+s02, out[3]+s03
		out = c[(half+1)*stride:][:4]
		out[0], out[1], out[2], out[3] = out[0]+s10, out[1]+s11, out[2]+s12, out[3]+s13
	}
}

// smallProduct is product for so few elements that copying them does not pay.
func smallProduct[T Float](tA, tB Trans, α T, a, b, c Dense[T]) {
	ai, ap, depth := a.Stride, 1, a.Cols
	if tA == Transp {
		ai, ap, depth = 1, a.Stride, a.Rows
	}
	bp, bj := b.Stride, 1
	if tB == Transp {
		bp, bj = 1, b.Stride
	}
	for i := range c.Rows {
		row := c.Row(i)
		for j := range row {
			s := T(0)
			for p := range depth {
				s += a.Data[i*ai+p*ap] * b.Data[p*bp+j*bj]
			}
			row[j] += α * s
		}
	}
}
