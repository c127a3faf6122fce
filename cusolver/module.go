//go:build cgo && linux && !nocuda

package cusolver

// #include <stdlib.h>
// #include "rz.h"
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unsafe"

	"github.com/ritz-go/ritz/native/cuda"
)

// modules are the kernels as one GPU has loaded them, all when the first is
// needed.
type modules struct {
	mu      sync.RWMutex
	loaded  []unsafe.Pointer
	kernels map[kernelName]unsafe.Pointer
	notes   []string // why a kernel is not compiled for this very GPU
}

type kernelName struct {
	name   string
	single bool
}

// compiling is held while kernels are compiled, so that two GPUs do not
// compile the same ones.
var compiling sync.Mutex

// kernel returns the function of a kernel for float32 (single) or float64.
func (g *gpu) kernel(name string, single bool) (unsafe.Pointer, error) {
	m, key := &g.modules, kernelName{name, single}
	m.mu.RLock()
	f := m.kernels[key]
	m.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := g.loadModules(); err != nil {
		return nil, err
	}
	f, err := g.find(key)
	if err == nil {
		m.kernels[key] = f
	}
	return f, err
}

// find looks for a kernel in all modules.
func (g *gpu) find(k kernelName) (unsafe.Pointer, error) {
	full := "ritz_" + k.name + "_f64"
	if k.single {
		full = "ritz_" + k.name + "_f32"
	}
	name := C.CString(full)
	defer C.free(unsafe.Pointer(name))
	for _, m := range g.modules.loaded {
		var f unsafe.Pointer
		status := C.rz_module_function(g.c, m, name, &f)
		if status.library == 0 {
			return f, nil
		}
		if status.code != 500 { // CUDA_ERROR_NOT_FOUND
			return nil, g.failed(status)
		}
	}
	return nil, fmt.Errorf("no kernel is called %s", full)
}

func (g *gpu) loadModules() error {
	m := &g.modules
	if m.loaded != nil {
		return nil
	}
	compiling.Lock()
	defer compiling.Unlock()
	var loaded []unsafe.Pointer
	m.notes = nil
	for _, text := range cuda.Modules() {
		module, err := g.loadModule(text)
		if err != nil {
			if g.lost() == nil {
				g.unload(loaded)
			}
			return fmt.Errorf("loading the kernels of module %s: %w", text.Name, err)
		}
		loaded = append(loaded, module)
	}
	m.loaded, m.kernels = loaded, map[kernelName]unsafe.Pointer{}
	return nil
}

func (g *gpu) unload(modules []unsafe.Pointer) error {
	var first error
	for _, m := range modules {
		first = cmp.Or(first, g.failed(C.rz_module_unload(g.c, m)))
	}
	return first
}

// loadModule loads a module compiled for this GPU, if NVRTC is there, else
// its PTX, which the driver compiles.
func (g *gpu) loadModule(m cuda.Module) (unsafe.Pointer, error) {
	if target := g.libraries.target(int(g.c.capability)); target != "" {
		module, err := g.loadCompiled(m, target)
		if !unfitKernel(err) {
			return module, err
		}
		g.modules.notes = append(g.modules.notes, fmt.Sprintf("the kernels of module %s come from PTX: %v", m.Name, err))
	}
	return g.loadImage(append([]byte(m.PTX), 0))
}

func (g *gpu) loadCompiled(m cuda.Module, target string) (unsafe.Pointer, error) {
	cache, key := openCubinCache(), g.libraries.cubinKeyOf(m, target)
	if image := cache.get(key); image != nil {
		module, err := g.loadImage(image)
		if !unfitKernel(err) {
			return module, err
		}
		cache.drop(key)
	}
	image, err := g.libraries.compile(m, target)
	if err != nil {
		return nil, err
	}
	module, err := g.loadImage(image)
	if err == nil {
		cache.put(key, image)
	}
	return module, err
}

// unfitKernel reports whether err says that a kernel could not be compiled, or
// not for this GPU or this driver; another form of it may do.
func unfitKernel(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	return e.Library == libraryNames[C.RZ_NVRTC] || badImage(e.Code)
}

func (g *gpu) loadImage(image []byte) (unsafe.Pointer, error) {
	var module unsafe.Pointer
	var log [4096]C.char
	p := C.CBytes(image)
	defer C.free(p)
	status := C.rz_module_load(g.c, p, &module, &log[0], C.size_t(len(log)))
	err := g.failed(status)
	if said := strings.TrimSpace(C.GoString(&log[0])); err != nil && said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	return module, err
}
