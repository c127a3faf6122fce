package cusolver

import (
	"fmt"
	"strconv"

	"github.com/ritz-go/ritz/goapi/device"
)

// Select returns the GPU that which names: "" for the usable one with most
// free memory, a CUDA ordinal such as "1", or a UUID (or its unique prefix).
// The error matches device.ErrUnavailable.
func Select(m Machine, which string) (GPU, error) {
	usable := m.Usable()
	if which == "" {
		if len(usable) == 0 {
			return GPU{}, &device.UnavailableError{Device: "cuda", Reason: "no GPU is usable: " + reasons(m.GPUs)}
		}
		best := usable[0]
		for _, g := range usable[1:] {
			if g.FreeMemory > best.FreeMemory {
				best = g
			}
		}
		return best, nil
	}
	name := "cuda:" + which
	if n, err := strconv.Atoi(which); err == nil {
		for _, g := range m.GPUs {
			if g.Ordinal == n && !g.Usable {
				return GPU{}, &device.UnavailableError{Device: name, Reason: g.Reason}
			}
			if g.Ordinal == n {
				return g, nil
			}
		}
		return GPU{}, &device.UnavailableError{Device: name, Reason: fmt.Sprintf("CUDA shows %d usable GPUs, numbered from 0", len(usable))}
	}
	i := byUUID(m.GPUs, which)
	if i < 0 {
		return GPU{}, &device.UnavailableError{Device: name, Reason: "no GPU or more than one has this UUID"}
	}
	if !m.GPUs[i].Usable {
		return GPU{}, &device.UnavailableError{Device: name, Reason: m.GPUs[i].Reason}
	}
	return m.GPUs[i], nil
}

func reasons(gpus []GPU) string {
	s := ""
	for _, g := range gpus {
		if s != "" {
			s += "; "
		}
		s += g.Name + ": " + g.Reason
	}
	return s
}

// Options for opening a GPU.
type Options struct {
	// LibDirs are folders that are searched before all others for NVIDIA's
	// libraries, the driver's included; together they hold one version of
	// CUDA. Nil means the list in the environment variable
	// RITZ_CUDA_LIBDIR.
	LibDirs []string
}

// Open opens the GPU that which names as for Select. If "" leaves the choice
// and a GPU turns out to be in use by others, the next is taken. The error
// matches device.ErrUnavailable and says why no GPU can be used.
func Open(which string, o Options) (device.Device, error) { return open(which, o) }
