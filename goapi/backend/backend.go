package backend

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
)

// Options for opening a device.
type Options struct {
	// Threads is the number of host threads of a CPU device. Zero means
	// OPENBLAS_NUM_THREADS or OMP_NUM_THREADS if set, else GOMAXPROCS.
	Threads int

	// Memory is how many bytes of memory the work takes on the device, 0 if
	// unknown. Auto passes over GPUs with less of it free; "cuda" takes the one
	// with most where none has enough.
	Memory uint64
}

// opener opens the devices of one backend. The argument is what follows the
// colon of the name.
type opener struct {
	name string
	open func(which string, o Options) (device.Device, error)
}

// openers are the backends in the order in which auto tries them.
var openers = []opener{
	{"cuda", func(which string, o Options) (device.Device, error) {
		return cusolver.Open(which, cusolver.Options{Memory: o.Memory})
	}},
	{"cpu", func(_ string, o Options) (device.Device, error) { return cblas.Open(cblas.Options{Threads: o.Threads}) }},
	{"go", func(string, Options) (device.Device, error) { return device.Go(), nil }},
}

// Open opens the device with the given name, "" meaning auto. Close it when
// done. With auto, the Warnings and Notes of the device's Info say why a better one was
// passed over.
func Open(name string, o Options) (device.Device, error) {
	if o.Threads < 0 {
		return nil, device.Argument("threads", "is %d, must not be negative", o.Threads)
	}
	if name == "" || name == "auto" {
		return openFirst(openers, o)
	}
	kind, which, numbered := strings.Cut(name, ":")
	for _, b := range openers {
		if b.name == kind && (!numbered || kind == "cuda" && which != "") {
			d, err := b.open(which, o)
			if o.Memory > 0 && errors.Is(err, device.ErrOutOfMemory) {
				o.Memory = 0
				return b.open(which, o)
			}
			return d, err
		}
	}
	return nil, fmt.Errorf("%w: %w", &device.UnavailableError{Device: name, Reason: "no device has this name; there are auto, cuda, cuda:N, cuda:UUID, cpu and go"}, device.ErrArgument)
}

// openFirst opens the first backend that can be opened.
func openFirst(candidates []opener, o Options) (device.Device, error) {
	var passed remarks
	for _, b := range candidates {
		d, err := b.open("", o)
		if err == nil {
			return passed.on(d), nil
		}
		if !errors.Is(err, device.ErrUnavailable) {
			return nil, err
		}
		passed.add(b.name, err)
	}
	return nil, &device.UnavailableError{Device: "auto", Reason: strings.Join(append(passed.warnings, passed.notes...), "; ")}
}

// reason returns why a backend could not be opened, its name first.
func reason(name string, err error) string {
	var u *device.UnavailableError
	if errors.As(err, &u) {
		return u.Device + ": " + u.Reason
	}
	return name + ": " + err.Error()
}

// remarks say which devices were passed over, and why.
type remarks struct{ warnings, notes []string }

func (r *remarks) add(name string, err error) {
	text := "passed over " + reason(name, err)
	var u *device.UnavailableError
	if errors.As(err, &u) && !u.Absent {
		r.warnings = append(r.warnings, text)
		return
	}
	r.notes = append(r.notes, text)
}

// on returns d with the remarks in its Info.
func (r *remarks) on(d device.Device) device.Device {
	if len(r.warnings)+len(r.notes) == 0 {
		return d
	}
	return &remarked{d, *r}
}

type remarked struct {
	device.Device
	remarks
}

func (d *remarked) Info() device.Info {
	info := d.Device.Info()
	info.Warnings = slices.Concat(info.Warnings, d.warnings)
	info.Notes = slices.Concat(info.Notes, d.notes)
	return info
}
