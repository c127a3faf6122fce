//go:build cgo && linux && !nocuda

package cusolver

// #include <stdlib.h>
// #include "rz.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

// libraries are NVIDIA's libraries as this process has loaded them. They stay
// loaded until it ends: they keep memory of threads and handlers for the exit,
// which a library must outlive.
type libraries struct {
	api     *C.rz_api
	devices int    // GPUs that CUDA shows
	driver  int    // newest CUDA version that the driver serves, 12040 for 12.4
	nvrtc   string // version "12.4", "" if there is none
	version string // of cuBLAS and cuSOLVER, for a user
}

// loaded are the libraries found so far, by the folders that were named. The
// driver is enough to list GPUs, the rest is loaded for the first one opened.
var loaded = struct {
	sync.Mutex
	drivers  map[string]*libraries
	complete map[string]bool
}{drivers: map[string]*libraries{}, complete: map[string]bool{}}

// attempts lists what was tried, and why it did not do.
type attempts []string

// add notes what was tried, once: the same libraries can be found in several ways.
func (a *attempts) add(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(*a, s) {
		*a = append(*a, s)
	}
}

// handle is a library that the loader has opened.
type handle unsafe.Pointer

// load opens a library by path or name.
func load(path string, onlyIfLoaded bool) (handle, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	only := C.int(0)
	if onlyIfLoaded {
		only = 1
	}
	var why [1024]C.char
	h := C.rz_load(name, only, &why[0], C.size_t(len(why)))
	if h == nil {
		return nil, fmt.Errorf("%s", C.GoString(&why[0]))
	}
	return handle(h), nil
}

// origin returns the path of the file behind h.
func origin(h handle) string {
	var path [4096]C.char
	C.rz_origin(unsafe.Pointer(h), &path[0], C.size_t(len(path)))
	return C.GoString(&path[0])
}

// bind takes the functions of one library from h.
func bind(api *C.rz_api, library C.int, h handle) error {
	if missing := C.rz_bind(api, library, unsafe.Pointer(h)); missing != nil {
		return fmt.Errorf("%s lacks the function %s", origin(h), C.GoString(missing))
	}
	return nil
}

// namedFolders returns the folders that the caller, else RITZ_CUDA_LIBDIR,
// names.
func namedFolders(o Options, s surroundings) []string {
	folders := o.LibDirs
	if folders == nil {
		folders = filepath.SplitList(s.env("RITZ_CUDA_LIBDIR"))
	}
	var named []string
	for _, folder := range folders {
		if path, err := filepath.Abs(folder); err == nil && folder != "" {
			named = append(named, path)
		}
	}
	return named
}

// openDriver loads and starts the driver.
func openDriver(named []string, s surroundings) (*libraries, error) {
	loaded.Lock()
	defer loaded.Unlock()
	key := strings.Join(named, string(os.PathListSeparator))
	if l := loaded.drivers[key]; l != nil {
		return l, l.start()
	}
	l := &libraries{api: newAPI()}
	var tried attempts
	absent := true
	for _, path := range driverPaths("libcuda.so.1", named, s) {
		h, err := load(path, false)
		if err == nil {
			absent = false
			err = bind(l.api, C.RZ_CUDA, h)
		}
		if err != nil {
			tried.add("%v", err)
			continue
		}
		err = l.start()
		if e, ok := err.(*Error); ok && e.Code == 34 { // a stub; the driver may be elsewhere
			tried.add("%s: %v", origin(h), err)
			continue
		}
		loaded.drivers[key] = l
		return l, err
	}
	C.free(unsafe.Pointer(l.api))
	return nil, &device.UnavailableError{Device: "cuda", Reason: "no NVIDIA driver here: " + strings.Join(tried, "; "), Absent: absent}
}

// newAPI returns a table without functions.
func newAPI() *C.rz_api { return (*C.rz_api)(C.calloc(1, C.sizeof_rz_api)) }

// start starts the driver and counts the GPUs. It may be called again.
func (l *libraries) start() error {
	var count, version C.int
	if err := failure(C.rz_init(l.api, &count, &version)); err != nil {
		return err
	}
	l.devices, l.driver = int(count), int(version)
	return nil
}

// complete loads cuBLAS and cuSOLVER, and NVRTC if it is there.
func (l *libraries) complete(named []string, s surroundings) error {
	loaded.Lock()
	defer loaded.Unlock()
	key := strings.Join(named, string(os.PathListSeparator))
	if loaded.complete[key] {
		return nil
	}
	var tried attempts
	for _, c := range candidates(named, l.driver/1000, s) {
		if l.try(c, s, &tried) {
			loaded.complete[key] = true
			return nil
		}
	}
	return unavailable("the driver serves CUDA %d.%d, but no cuBLAS and cuSOLVER for it were found: %s",
		l.driver/1000, l.driver%1000/10, strings.Join(tried, "; "))
}

// try loads one candidate.
func (l *libraries) try(c candidate, s surroundings, tried *attempts) bool {
	handles := map[string]handle{}
	// In the order of their dependencies: the loader then takes each one's
	// needs from what is loaded and not from somewhere else.
	for _, file := range []string{c.jitLink, c.lt, c.blas, c.sparse, c.solver} {
		wanted := file == c.lt || file == c.blas || file == c.solver
		path := c.find(file, s)
		if path == "" && !wanted {
			continue
		}
		if path == "" {
			tried.add("%s: no %s", strings.Join(c.folders, ", "), file)
			return false
		}
		h, err := load(path, c.loader == byOthers)
		if err != nil && wanted {
			if c.loader != byOthers {
				tried.add("%v", err)
			}
			return false
		}
		handles[file] = h
	}
	if err := l.bindSet(c.set, handles); err != nil {
		tried.add("%v", err)
		return false
	}
	l.findNVRTC(c, s)
	return true
}

// bindSet takes the functions of a set and refuses libraries of different
// sets.
func (l *libraries) bindSet(c set, handles map[string]handle) error {
	for library, file := range map[C.int]string{C.RZ_BLAS: c.blas, C.RZ_LT: c.lt, C.RZ_SOLVER: c.solver} {
		if err := bind(l.api, library, handles[file]); err != nil {
			return err
		}
	}
	var blas [3]C.int
	var lt, solver C.int
	C.rz_versions(l.api, &blas[0], &lt, &solver)
	if !c.fits(int(blas[0]), int(lt), int(solver)) {
		return fmt.Errorf("the libraries are of different CUDA versions: %s is cuBLAS %d.%d.%d, %s is cuBLASLt %d.%d, %s is cuSOLVER %d.%d.%d",
			origin(handles[c.blas]), blas[0], blas[1], blas[2], origin(handles[c.lt]), lt/10000, lt/100%100,
			origin(handles[c.solver]), solver/1000, solver/100%10, solver%100)
	}
	l.version = fmt.Sprintf("cuBLAS %d.%d.%d, cuSOLVER %d.%d.%d",
		blas[0], blas[1], blas[2], solver/1000, solver/100%10, solver%100)
	return nil
}

// findNVRTC loads NVRTC, from the same place as the rest if it is there. Doing
// without it costs speed only.
func (l *libraries) findNVRTC(c candidate, s surroundings) {
	for _, path := range []string{c.find(c.rt, s), c.rt} {
		if path == "" {
			continue
		}
		h, err := load(path, false)
		if err != nil || bind(l.api, C.RZ_NVRTC, h) != nil {
			continue
		}
		var major, minor C.int
		if C.rz_nvrtc_version(l.api, &major, &minor).library != 0 {
			continue
		}
		l.nvrtc = fmt.Sprintf("%d.%d", major, minor)
		// NVRTC opens its second half by name; a Python package has it in
		// a folder that the loader does not search.
		builtins := filepath.Join(filepath.Dir(origin(h)), "libnvrtc-builtins.so."+l.nvrtc)
		load(builtins, false)
		return
	}
}

func unavailable(format string, args ...any) error {
	return &device.UnavailableError{Device: "cuda", Reason: fmt.Sprintf(format, args...)}
}

// asUnavailable returns err, or its text as the reason why there is no GPU.
func asUnavailable(err error) error {
	var u *device.UnavailableError
	if errors.As(err, &u) {
		return u
	}
	return unavailable("%v", err)
}
