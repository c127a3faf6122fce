//go:build cgo && linux && !nocuda

package cusolver

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
)

// shown is a GPU or MIG instance as CUDA shows it to this process.
type shown struct {
	name       string
	uuid       [16]byte
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
		i := sameUUID(gpus, d.uuid)
		if i < 0 {
			gpus = append(gpus, GPU{Index: ordinal, UUID: "GPU-" + uuidText(d.uuid)})
			i = len(gpus) - 1
		}
		g := &gpus[i]
		g.Ordinal, g.Name, g.Capability, g.TotalMemory = ordinal, d.name, d.capability, d.memory
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
