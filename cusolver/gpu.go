package cusolver

import (
	"fmt"
	"strings"
)

// MinCapability is the oldest compute capability that the kernels support
// (Ampere), as major*10+minor.
const MinCapability = 80

// GPU is one GPU or one MIG instance of a GPU.
type GPU struct {
	Index       int    // NVML's index of the GPU (of the parent for a MIG instance)
	Ordinal     int    // CUDA's number, -1 if CUDA does not show it to this process
	Name        string // "NVIDIA H200"
	UUID        string // "GPU-…" or "MIG-…"
	Parent      string // UUID of the GPU that a MIG instance belongs to, "" for none or if unknown
	Bus         string // PCI address, "0000:3b:00.0", "" if unknown
	TotalMemory uint64 // bytes
	FreeMemory  uint64 // bytes, 0 if unknown
	Capability  int    // compute capability, major*10+minor, 0 if unknown
	Usable      bool
	Reason      string // why it is usable or not, in words for a user
}

// MIG reports whether g is a MIG instance.
func (g GPU) MIG() bool { return strings.HasPrefix(g.UUID, "MIG-") }

func (g GPU) String() string {
	return fmt.Sprintf("%s (compute capability %d.%d, %.0f GiB, %s)",
		g.Name, g.Capability/10, g.Capability%10, float64(g.TotalMemory)/(1<<30), g.UUID)
}

// Machine is what NVML says of this machine.
type Machine struct {
	Driver string // driver version
	CUDA   string // newest CUDA version that the driver supports, "12.4"
	GPUs   []GPU
}

// Usable returns the usable GPUs in CUDA's order.
func (m Machine) Usable() []GPU {
	var gpus []GPU
	for ordinal := range m.GPUs {
		for _, g := range m.GPUs {
			if g.Usable && g.Ordinal == ordinal {
				gpus = append(gpus, g)
			}
		}
	}
	return gpus
}
