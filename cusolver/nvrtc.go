//go:build cgo && linux && !nocuda

package cusolver

// #include <stdlib.h>
// #include "rz.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/ritz-go/ritz/native/cuda"
)

// kernelABI counts the changes to how kernels are compiled and called that
// their texts do not show. It is part of the key of a cached image.
const kernelABI = "1"

// target returns the architecture that NVRTC is to compile for, "" if it does
// not know this GPU or is not there. The a of sm_90a allows instructions that
// only this very GPU has; NVRTC 11 does not know it.
func (l *libraries) target(capability int) string {
	var supported C.int
	if l.nvrtc == "" || C.rz_nvrtc_supports(l.api, C.int(capability), &supported).library != 0 || supported == 0 {
		return ""
	}
	if capability == 90 && !strings.HasPrefix(l.nvrtc, "11.") {
		return "sm_90a"
	}
	return fmt.Sprintf("sm_%d", capability)
}

func compileOptions(target string) []string {
	return []string{"--gpu-architecture=" + target, "--std=c++17", "-default-device"}
}

// cubinKeyOf returns the key of a module compiled for target.
func (l *libraries) cubinKeyOf(m cuda.Module, target string) string {
	options := strings.Join(compileOptions(target), " ")
	return cubinKey(m.Source, cuda.Runtime, options, l.nvrtc, kernelABI)
}

// compile compiles a module to machine code.
func (l *libraries) compile(m cuda.Module, target string) ([]byte, error) {
	var memory []unsafe.Pointer
	defer func() {
		for _, p := range memory {
			C.free(p)
		}
	}()
	text := func(s string) *C.char {
		p := C.CString(s)
		memory = append(memory, unsafe.Pointer(p))
		return p
	}
	options := compileOptions(target)
	values := (**C.char)(C.calloc(C.size_t(len(options)), C.size_t(unsafe.Sizeof(uintptr(0)))))
	memory = append(memory, unsafe.Pointer(values))
	for i, o := range options {
		unsafe.Slice(values, len(options))[i] = text(o)
	}
	var image unsafe.Pointer
	var bytes C.size_t
	var log [4096]C.char
	status := C.rz_nvrtc_compile(l.api, text(m.Source), text(m.Name+".cu"), text(cuda.Runtime), text("rt.h"),
		values, C.int(len(options)), &image, &bytes, &log[0], C.size_t(len(log)))
	defer C.free(image)
	if err := failure(status); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(C.GoString(&log[0])))
	}
	return C.GoBytes(image, C.int(bytes)), nil
}
