//go:build cgo && linux && !nocuda

package fakecuda

// #cgo LDFLAGS: -ldl
// #include <dlfcn.h>
// #include <stdlib.h>
//
// typedef const char *(*ctl)(const char *);
// static const char *call_ctl(void *f, const char *command) { return ((ctl)f)(command); }
import "C"

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"unsafe"
)

// driver is the stand-in libcuda that this process has loaded: one process
// can have only one.
var driver struct {
	sync.Mutex
	folder string
	ctl    unsafe.Pointer // rz_emu_ctl
}

// load loads the driver in folder, or returns an error if another one is
// loaded already.
func load(folder string) error {
	driver.Lock()
	defer driver.Unlock()
	if driver.ctl != nil && driver.folder == folder {
		return nil
	}
	if driver.ctl != nil {
		return fmt.Errorf("this process has loaded the libraries in %s already", driver.folder)
	}
	path := C.CString(filepath.Join(folder, "libcuda.so.1"))
	defer C.free(unsafe.Pointer(path))
	name := C.CString("rz_emu_ctl")
	defer C.free(unsafe.Pointer(name))
	handle := C.dlopen(path, C.RTLD_NOW|C.RTLD_LOCAL)
	if handle == nil {
		return fmt.Errorf("loading the stand-in driver: %s", C.GoString(C.dlerror()))
	}
	driver.folder, driver.ctl = folder, C.dlsym(handle, name)
	return nil
}

// control sends a command of emu_driver.h to the driver.
func control(command string) string {
	c := C.CString(command)
	defer C.free(unsafe.Pointer(c))
	driver.Lock()
	defer driver.Unlock()
	if driver.ctl == nil {
		return "the stand-in driver is not loaded"
	}
	return C.GoString(C.call_ctl(driver.ctl, c))
}

// Configure makes the machine that options describe, with zero counters. What
// a program still holds of the machine before becomes invalid.
func Configure(options string) error {
	if reply := control("configure " + options); reply != "" {
		return fmt.Errorf("%s", reply)
	}
	return nil
}

// Calls returns how often each function was called since Configure. It also has
// "bytes(to host)" and "bytes(to device)" that were copied, "waits()" for work that
// was not done, and what wastes time: "waits that spin()", "streams that wait for
// the legacy stream()", "products in the library's workspace()", "memory that a
// pool gave back()".
func Calls() map[string]int {
	calls := map[string]int{}
	for line := range strings.Lines(control("calls")) {
		line = strings.TrimSpace(line)
		last := strings.LastIndexByte(line, ' ') // names have spaces
		if n, err := strconv.Atoi(line[last+1:]); err == nil && last > 0 {
			calls[line[:last]] = n
		}
	}
	return calls
}

// Report returns, one a line, the rules that were broken since the last call
// and what is allocated now; "" if there is nothing to say.
func Report() string { return strings.TrimSpace(control("report")) }
