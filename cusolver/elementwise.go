//go:build cgo && linux && !nocuda

package cusolver

import "github.com/ritz-go/ritz/goapi/device"

// sweep launches a kernel that goes over n elements, one thread for each as
// far as threads go.
func (q *queue[T]) sweep(kernel string, n int, values ...any) {
	if n > 0 {
		q.launch(kernel, q.gpu.blocks(n), values...)
	}
}

// rowWork is how many threads a kernel uses that has one result for each row:
// a warp for each, or a block for each long one.
func rowWork[T device.Float](a device.Matrix[T]) int {
	if a.Cols <= 1024 {
		return a.Rows * 32
	}
	return a.Rows * threads
}

// columnWork is how many threads a kernel uses that has one result for each
// column: a block for every 32 columns.
func columnWork[T device.Float](a device.Matrix[T]) int { return (a.Cols + 31) / 32 * threads }

// tileWork is how many threads a kernel uses that gives each block a square
// tile at a time.
func tileWork(rows, cols, side int) int {
	return ((rows + side - 1) / side) * ((cols + side - 1) / side) * threads
}

// step returns the distance between the elements of a vector.
func step[T device.Float](v device.Matrix[T]) int {
	if v.Rows > 1 {
		return v.LD
	}
	return 1
}

func (q *queue[T]) Add(α T, tA device.Trans, a device.Matrix[T], β T, tB device.Trans, b, c device.Matrix[T]) {
	if !q.begin(device.CheckAdd(tA, a, tB, b, c), a, b, c) {
		return
	}
	n := c.Len()
	if tA == device.Transp || tB == device.Transp && !b.IsZero() {
		n = tileWork(c.Rows, c.Cols, 32)
	}
	q.sweep("add", n, transposed(tA), α, address(a), a.LD, transposed(tB), β, address(b), b.LD,
		c.Rows, c.Cols, address(c), c.LD)
}

// transposed names an operand's transposition to the kernels.
func transposed(t device.Trans) int32 {
	if t == device.Transp {
		return 1
	}
	return 0
}

// transpose computes B = Aᵀ.
func (q *queue[T]) transpose(a, b device.Matrix[T]) {
	q.Add(1, device.Transp, a, 0, device.NoTrans, device.Matrix[T]{}, b)
}

func (q *queue[T]) AddDiag(α T, a device.Matrix[T]) {
	if q.begin(device.CheckSquare("AddDiag", a), a) {
		q.sweep("add_diag", a.Rows, α, a.Rows, address(a), a.LD)
	}
}

func (q *queue[T]) Map(f device.Func, a, b device.Matrix[T]) {
	if q.begin(device.CheckMap(f, a, b), a, b) {
		q.sweep("map", a.Len(), int32(f), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD)
	}
}

func (q *queue[T]) Mul(a, b, c device.Matrix[T]) {
	if q.begin(device.CheckSame("Mul", a, b, c), a, b, c) {
		q.sweep("mul", a.Len(), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, address(c), c.LD)
	}
}

func (q *queue[T]) Div(a, b, c device.Matrix[T]) {
	if q.begin(device.CheckSame("Div", a, b, c), a, b, c) {
		q.sweep("div", a.Len(), a.Rows, a.Cols, address(a), a.LD, address(b), b.LD, address(c), c.LD)
	}
}

func (q *queue[T]) ScaleBy(x device.Axis, d, a, b device.Matrix[T]) {
	if q.begin(device.CheckBroadcast("ScaleBy", x, d, a, b), d, a, b) {
		q.sweep("scale_by", a.Len(), int32(x), a.Rows, a.Cols, address(d), step(d), address(a), a.LD, address(b), b.LD)
	}
}

func (q *queue[T]) AddBy(x device.Axis, α T, d, a, b device.Matrix[T]) {
	if q.begin(device.CheckBroadcast("AddBy", x, d, a, b), d, a, b) {
		q.sweep("add_by", a.Len(), int32(x), α, a.Rows, a.Cols, address(d), step(d), address(a), a.LD, address(b), b.LD)
	}
}

func (q *queue[T]) Random(d device.Distribution, seed, stream uint64, a device.Matrix[T]) {
	if q.begin(device.CheckRandom(d, a), a) {
		q.sweep("random", a.Len(), int32(d), seed, stream, a.Rows, a.Cols, address(a), a.LD)
	}
}
