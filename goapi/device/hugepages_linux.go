package device

import (
	"syscall"
	"unsafe"
)

// useHugePages asks for pages of 2 MiB in the parts of b that were not used
// yet. It is a wish: the system may be set to ignore it.
func useHugePages(b []byte) {
	const page = 2 << 20
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (page - 1)
	if size := (len(b) - skip) &^ (page - 1); size > 0 {
		_ = syscall.Madvise(b[skip:skip+size], syscall.MADV_HUGEPAGE)
	}
}
