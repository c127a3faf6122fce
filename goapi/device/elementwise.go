package device

// Row by row loops that all CPU devices share.

// each calls f for every row of a, rows spread over goroutines.
func each[T Float](a Dense[T], f func(x []T)) {
	if a.Cols == 0 {
		return
	}
	if a.Rows == 1 {
		f(a.Row(0))
		return
	}
	parallelRows(a.Rows, a.Cols, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			f(a.Row(i))
		}
	})
}

// zip calls f for the corresponding rows of three matrices of one shape.
func zip[T Float](a, b, c Dense[T], f func(x, y, z []T)) {
	if a.Rows == 0 || a.Cols == 0 {
		return
	}
	parallelRows(a.Rows, a.Cols, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			f(a.Row(i), b.Row(i), c.Row(i))
		}
	})
}

func copyRows[T Float](dst, src Dense[T]) {
	if dst.Rows == 0 || dst.Cols == 0 {
		return
	}
	parallelRows(dst.Rows, dst.Cols, func(_, lo, hi int) {
		if dst.Stride == dst.Cols && src.Stride == src.Cols {
			copy(dst.Data[lo*dst.Cols:hi*dst.Cols], src.Data[lo*dst.Cols:hi*dst.Cols])
			return
		}
		for i := lo; i < hi; i++ {
			copy(dst.Row(i), src.Row(i))
		}
	})
}

// scale multiplies by β; β = 0 clears whatever was there, NaN included.
func scale[T Float](β T, a Dense[T]) {
	each(a, func(x []T) {
		if β == 0 {
			clear(x)
			return
		}
		for j := range x {
			x[j] *= β
		}
	})
}

// Transposition works on square tiles: a tile of both matrices fits the
// first-level cache.
const tile = 32

// transposeAdd computes C = α·Aᵀ + β·C for rows [lo,hi) of C.
func transposeAdd[T Float](α T, a Dense[T], β T, c Dense[T], lo, hi int) {
	for i0 := lo; i0 < hi; i0 += tile {
		for j0 := 0; j0 < c.Cols; j0 += tile {
			i1, j1 := min(i0+tile, hi), min(j0+tile, c.Cols)
			for i := i0; i < i1; i++ {
				z := c.Data[i*c.Stride+j0 : i*c.Stride+j1]
				at := j0*a.Stride + i
				for j := range z {
					v := α * a.Data[at+j*a.Stride]
					if β != 0 {
						v += β * z[j]
					}
					z[j] = v
				}
			}
		}
	}
}

func transpose[T Float](a, b Dense[T]) {
	if b.Rows == 0 || b.Cols == 0 {
		return
	}
	parallelRows(b.Rows, b.Cols, func(_, lo, hi int) { transposeAdd(1, a, 0, b, lo, hi) })
}

// add computes C = α·op(A) + β·op(B), without the second term if !second.
func add[T Float](α T, tA Trans, a Dense[T], β T, tB Trans, b, c Dense[T], second bool) {
	if tA == Transp && second && tB == NoTrans { // do the plain term first
		α, β, tA, tB, a, b = β, α, tB, tA, b, a
	}
	parallelRows(c.Rows, c.Cols, func(_, lo, hi int) {
		switch {
		case tA == Transp:
			transposeAdd(α, a, 0, c, lo, hi)
		case second && tB == NoTrans:
			for i := lo; i < hi; i++ {
				x, y, z := a.Row(i), b.Row(i), c.Row(i)
				for j, v := range x {
					z[j] = α*v + β*y[j]
				}
			}
		default:
			for i := lo; i < hi; i++ {
				x, z := a.Row(i), c.Row(i)
				for j, v := range x {
					z[j] = α * v
				}
			}
		}
		if second && tB == Transp {
			transposeAdd(β, b, 1, c, lo, hi)
		}
	})
}

// Combine goes through the rows one element at a time.
func (GoKernels[T]) Combine(α T, a Dense[T], β T, b, c Dense[T]) {
	add(α, NoTrans, a, β, NoTrans, b, c, b.Data != nil)
}

func scaleBy[T Float](x Axis, d []T, a, b Dense[T]) {
	if a.Rows == 0 || a.Cols == 0 {
		return
	}
	parallelRows(a.Rows, a.Cols, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			src, dst := a.Row(i), b.Row(i)
			if x == PerRow {
				for j, v := range src {
					dst[j] = d[i] * v
				}
				continue
			}
			for j, v := range src {
				dst[j] = d[j] * v
			}
		}
	})
}

func addBy[T Float](x Axis, α T, d []T, a, b Dense[T]) {
	if a.Rows == 0 || a.Cols == 0 {
		return
	}
	parallelRows(a.Rows, a.Cols, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			src, dst := a.Row(i), b.Row(i)
			if x == PerRow {
				for j, v := range src {
					dst[j] = v + α*d[i]
				}
				continue
			}
			for j, v := range src {
				dst[j] = v + α*d[j]
			}
		}
	})
}
