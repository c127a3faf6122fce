//go:build cgo && linux && !nocuda

package cusolver

// #include <stdlib.h>
// #include "rz.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/ritz-go/ritz/goapi/device"
)

func open(which string, o Options) (device.Device, error) {
	around := ownSurroundings()
	named := namedFolders(o, around)
	l, err := openDriver(named, around)
	if err != nil {
		return nil, asUnavailable(err)
	}
	list, err := l.list()
	if err != nil {
		return nil, asUnavailable(err)
	}
	m, err := probeNVML(named, around)
	if err != nil {
		m = Machine{} // CUDA alone tells what there is
	}
	m = reconcile(m, list)
	var full *device.OutOfMemoryError // of a GPU that was opened and had too little free
	for {
		g, err := Select(m, which, o.Memory)
		if err != nil {
			var u *device.UnavailableError
			if full != nil && errors.As(err, &u) && u.Cause == nil {
				u.Cause = full
			}
			return nil, err
		}
		if err := l.complete(named, around); err != nil {
			return nil, err
		}
		d, err := l.open(g)
		if err == nil && which == "" {
			// The context tells, where NVML is not there or counts otherwise.
			if free := d.free(); free != 0 && free < o.Memory {
				full = &device.OutOfMemoryError{Device: d.info.Name, Wanted: o.Memory, Free: free}
				err = fmt.Errorf("%s free, %s needed", gibibytes(free), gibibytes(o.Memory))
			}
		}
		if err == nil {
			return d, nil
		}
		if d != nil {
			d.Close()
		}
		if which != "" {
			return nil, &device.UnavailableError{Device: fmt.Sprintf("cuda:%d", g.Ordinal), Reason: err.Error()}
		}
		refuse(m.GPUs, g.Ordinal, err)
	}
}

// refuse notes that a GPU could not be opened.
func refuse(gpus []GPU, ordinal int, err error) {
	for i := range gpus {
		if gpus[i].Ordinal == ordinal {
			gpus[i].Usable, gpus[i].Reason = false, err.Error()
		}
	}
}

// list returns the GPUs that CUDA shows.
func (l *libraries) list() ([]shown, error) {
	list := make([]shown, l.devices)
	for i := range list {
		p, err := l.properties(i)
		if err != nil {
			return nil, err
		}
		list[i] = shown{
			name:       C.GoString(&p.name[0]),
			bus:        C.GoString(&p.bus[0]),
			memory:     uint64(p.memory),
			capability: int(p.capability),
			prohibited: p.mode == C.RZ_MODE_PROHIBITED,
		}
		for b, v := range p.uuid.bytes {
			list[i].uuid[b] = byte(v)
		}
	}
	return list, nil
}

func (l *libraries) properties(ordinal int) (*C.rz_properties, error) {
	var p C.rz_properties
	return &p, failure(C.rz_describe(l.api, C.int(ordinal), &p))
}

// driverVersion returns the newest CUDA version that the driver serves.
func (l *libraries) driverVersion() string {
	return fmt.Sprintf("%d.%d", l.driver/1000, l.driver%1000/10)
}

// open makes the context of a GPU, and a first stream: what is wrong with the
// GPU or the libraries shows here and not at work.
func (l *libraries) open(chosen GPU) (*gpu, error) {
	p, err := l.properties(chosen.Ordinal)
	if err != nil {
		return nil, err
	}
	g := &gpu{
		c:         (*C.rz_gpu)(C.calloc(1, C.sizeof_rz_gpu)),
		libraries: l,
		users:     1,
		info: device.Info{
			Name:     fmt.Sprintf("cuda:%d", chosen.Ordinal),
			Backend:  "CUDA",
			Hardware: chosen.Name,
			Threads:  1,
			Memory:   chosen.TotalMemory,
			Level:    fmt.Sprintf("sm_%d", chosen.Capability),
			Library:  fmt.Sprintf("%s, driver for CUDA %s", l.version, l.driverVersion()),
		},
	}
	*g.c = C.rz_gpu{
		api:             l.api,
		device:          p.device,
		capability:      p.capability,
		multiprocessors: p.multiprocessors,
		shared_memory:   p.shared_memory,
		pools:           p.pools,
	}
	if status := C.rz_retain(g.c); status.library != 0 {
		C.free(unsafe.Pointer(g.c))
		return nil, failure(status)
	}
	s, err := g.acquire()
	if err != nil {
		g.Close()
		return nil, err
	}
	s.retire()
	return g, nil
}
