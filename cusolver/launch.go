//go:build cgo && linux && !nocuda

package cusolver

/*
#include "rz.h"
#cgo noescape rz_launch
#cgo nocallback rz_launch
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"
)

// threads is the size of the blocks that all kernels are launched with.
const threads = 256

// blocks returns how many blocks cover n threads, or fewer: kernels loop over
// what is left. It is at most eight for each multiprocessor.
func (g *gpu) blocks(n int) int {
	most := 8 * max(1, int(g.c.multiprocessors))
	return max(1, min((n+threads-1)/threads, most))
}

// arguments are those of one kernel, packed as the device reads them.
type arguments struct {
	data    [256]byte
	offsets [24]C.int
	n, size int
}

func put[V any](a *arguments, v V) {
	size := int(unsafe.Sizeof(v))
	at := (a.size + size - 1) / size * size
	*(*V)(unsafe.Pointer(&a.data[at])) = v
	if size == 4 && at+8 <= len(a.data) {
		// A kernel that takes a wider argument gets a wrong one at once, and not
		// only if something else was there before.
		*(*uint32)(unsafe.Pointer(&a.data[at+4])) = math.MaxUint32
	}
	a.offsets[a.n] = C.int(at)
	a.n++
	a.size = at + size
}

// pack packs numbers of the types that kernels take. An address is a uint64,
// a size an int64 or an int, an enumeration an int32.
func (a *arguments) pack(values []any) {
	a.n, a.size = 0, 0
	for _, v := range values {
		switch v := v.(type) {
		case uint64:
			put(a, v)
		case int64:
			put(a, v)
		case int:
			put(a, int64(v))
		case int32:
			put(a, v)
		case float32:
			put(a, v)
		case float64:
			put(a, v)
		default:
			panic(fmt.Sprintf("cusolver: a kernel argument of type %T", v))
		}
	}
}

// launch starts the kernel of the given name, without ritz_ and _f32 or _f64,
// with so many blocks. A failure becomes that of the queue.
func (q *queue[T]) launch(name string, blocks int, values ...any) {
	q.launchShared(name, blocks, 0, values...)
}

// launchShared is launch with so many bytes of dynamic shared memory for each
// block.
func (q *queue[T]) launchShared(name string, blocks, shared int, values ...any) {
	var zero T
	function, err := q.gpu.kernel(name, unsafe.Sizeof(zero) == 4)
	if err != nil {
		q.failure = err
		return
	}
	a := &q.arguments
	a.pack(values)
	if shared > 0 { // a kernel has one limit for all queues
		q.gpu.shared.Lock()
		defer q.gpu.shared.Unlock()
	}
	q.check(C.rz_launch(q.c, function, C.uint(blocks), C.uint(shared), unsafe.Pointer(&a.data[0]), &a.offsets[0], C.int(a.n)))
}
