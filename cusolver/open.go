package cusolver

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
)

// Select returns the GPU that which names: "" for the usable one with most
// free memory, a CUDA ordinal such as "1", or a UUID (or its unique prefix).
// With "", GPUs that are known to have less than so many bytes of memory free
// are passed over. The error matches device.ErrUnavailable.
func Select(m Machine, which string, memory uint64) (GPU, error) {
	usable := m.Usable()
	if which == "" {
		return freest(m, usable, memory)
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

// freest returns the GPU with most free memory among the usable ones of m, if
// that is enough. A GPU that does not tell comes last.
func freest(m Machine, usable []GPU, memory uint64) (GPU, error) {
	if len(usable) == 0 {
		return GPU{}, &device.UnavailableError{Device: "cuda", Reason: "no GPU is usable: " + reasons(m.GPUs)}
	}
	var fit []GPU
	for _, g := range usable {
		if g.FreeMemory == 0 || g.FreeMemory >= memory {
			fit = append(fit, g)
		}
	}
	if len(fit) == 0 {
		s := fmt.Sprintf("no GPU has %s free:", gibibytes(memory))
		for _, g := range usable {
			s += fmt.Sprintf(" cuda:%d %s;", g.Ordinal, gibibytes(g.FreeMemory))
		}
		most := slices.MaxFunc(usable, moreFree).FreeMemory
		return GPU{}, &device.UnavailableError{Device: "cuda", Reason: strings.TrimSuffix(s, ";"),
			Cause: &device.OutOfMemoryError{Device: "cuda", Wanted: memory, Free: most}}
	}
	return slices.MaxFunc(fit, moreFree), nil
}

func moreFree(a, b GPU) int { return cmp.Compare(a.FreeMemory, b.FreeMemory) }

func gibibytes(n uint64) string { return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30)) }

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

	// Memory is how many bytes of the GPU's memory the work takes, 0 if
	// unknown. It matters only where Open chooses the GPU.
	Memory uint64
}

// Open opens the GPU that which names as for Select. If "" leaves the choice
// and a GPU turns out to be in use by others, or too full, the next is taken. The error
// matches device.ErrUnavailable and says why no GPU can be used.
func Open(which string, o Options) (device.Device, error) { return open(which, o) }
