//go:build cgo && linux && !nocuda

package cusolver

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
)

// shown is a GPU or MIG instance as CUDA shows it to this process.
type shown struct {
	name       string
	uuid       [16]byte
	bus        string // PCI address
	memory     uint64 // bytes
	capability int
	prohibited bool // by its compute mode
}

// reconcile returns m as CUDA sees it, list being CUDA's GPUs in their order.
// NVML knows every GPU of the machine and its free memory, CUDA alone knows
// what this process may use.
func reconcile(m Machine, list []shown) Machine {
	gpus := append([]GPU(nil), m.GPUs...)
	for i := range gpus {
		if gpus[i].Usable {
			gpus[i].Usable, gpus[i].Reason = false, "CUDA does not show it to this process"
		}
		gpus[i].Ordinal = -1
	}
	for ordinal, d := range list {
		i := position(m.GPUs, d)
		if i < 0 {
			gpus = append(gpus, GPU{Index: ordinal, UUID: d.text()})
			i = len(gpus) - 1
		}
		g := &gpus[i]
		g.Ordinal, g.Name, g.Capability, g.TotalMemory, g.Bus = ordinal, d.name, d.capability, d.memory, d.bus
		g.Reason = unfit(d.capability, d.prohibited)
		g.Usable = g.Reason == ""
		if g.Usable {
			g.Reason = fmt.Sprintf("usable as cuda:%d", ordinal)
		}
	}
	m.GPUs = gpus
	return m
}

// unfit returns why no process may compute on a GPU, "" if there is no reason.
func unfit(capability int, prohibited bool) string {
	switch {
	case prohibited:
		return "its compute mode prohibits computing"
	case capability != 0 && capability < MinCapability:
		return fmt.Sprintf("compute capability %d.%d is older than %d.%d",
			capability/10, capability%10, MinCapability/10, MinCapability%10)
	}
	return ""
}

// position returns where d stands among the GPUs of NVML, or -1: by its UUID,
// else by its PCI address. Drivers before CUDA 11.4 know a MIG instance by the
// UUID of its GPU, as do bus addresses in any version; it is then the instance
// that CUDA shows according to CUDA_VISIBLE_DEVICES.
func position(gpus []GPU, d shown) int {
	i := sameUUID(gpus, d.uuid)
	if i < 0 {
		i = slices.IndexFunc(gpus, func(g GPU) bool { return !g.MIG() && sameBus(g.Bus, d.bus) })
	}
	if i < 0 || gpus[i].Reason != migParent {
		return i
	}
	instance := -1
	for k, g := range gpus {
		if g.MIG() && g.Parent == gpus[i].UUID && (instance < 0 || g.Usable && !gpus[instance].Usable) {
			instance = k
		}
	}
	return instance
}

// sameBus compares PCI addresses, domain:bus:device.function, as numbers; NVML
// writes the domain with eight digits. The function does not matter.
func sameBus(a, b string) bool {
	parse := func(s string) (n [3]uint64, ok bool) {
		s, _, _ = strings.Cut(s, ".")
		parts := strings.Split(s, ":")
		if len(parts) != 3 {
			return n, false
		}
		for i, p := range parts {
			v, err := strconv.ParseUint(p, 16, 32)
			if err != nil {
				return n, false
			}
			n[i] = v
		}
		return n, true
	}
	na, ok := parse(a)
	nb, okb := parse(b)
	return ok && okb && na == nb
}

// text returns the UUID as NVML would write it. CUDA names a MIG instance after
// its profile.
func (d shown) text() string {
	if strings.Contains(d.name, " MIG ") {
		return "MIG-" + uuidText(d.uuid)
	}
	return "GPU-" + uuidText(d.uuid)
}

// sameUUID returns the position of the GPU or MIG instance with this UUID, or
// -1. NVML writes it after GPU- or MIG-.
func sameUUID(gpus []GPU, uuid [16]byte) int {
	text := uuidText(uuid)
	for i, g := range gpus {
		if len(g.UUID) > 4 && strings.EqualFold(g.UUID[4:], text) {
			return i
		}
	}
	return -1
}

func uuidText(u [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// reason returns an error without the name of the device in front.
func reason(err error) string {
	var u *device.UnavailableError
	if errors.As(err, &u) {
		return u.Reason
	}
	return err.Error()
}
