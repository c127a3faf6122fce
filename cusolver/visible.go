package cusolver

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// visibility is the environment that decides which GPUs CUDA shows.
type visibility struct {
	devices string // CUDA_VISIBLE_DEVICES
	set     bool   // whether it is set
	pci     bool   // CUDA_DEVICE_ORDER=PCI_BUS_ID, NVML's own order
}

func visibilityFromEnv() visibility {
	devices, set := os.LookupEnv("CUDA_VISIBLE_DEVICES")
	return visibility{devices: devices, set: set, pci: os.Getenv("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"}
}

// apply sets the Ordinal of every GPU and completes Usable and Reason. NVML
// ignores CUDA_VISIBLE_DEVICES, so its rules stand here: entries are indices
// or UUIDs, which may be shortened to a unique prefix; the first entry that
// names nothing ends the list.
func (v visibility) apply(gpus []GPU) {
	shown := v.shown(gpus)
	for i := range gpus {
		g := &gpus[i]
		g.Ordinal = slices.Index(shown, i)
		switch {
		case g.Reason != "": // unfit whatever the environment says
		case g.Ordinal >= 0:
			g.Usable = true
			g.Reason = "usable as cuda:" + strconv.Itoa(g.Ordinal)
		case v.set:
			g.Reason = "hidden by CUDA_VISIBLE_DEVICES=" + strconv.Quote(v.devices)
		default:
			g.Reason = "CUDA shows one MIG instance to a process; name this one in CUDA_VISIBLE_DEVICES"
		}
	}
}

// shown returns the positions in gpus that CUDA shows, in CUDA's order.
func (v visibility) shown(gpus []GPU) []int {
	whole := make([]int, 0, len(gpus))
	mig := -1
	for i, g := range gpus {
		switch {
		case !g.MIG() && g.Reason != migParent:
			whole = append(whole, i)
		case g.MIG() && mig < 0:
			mig = i
		}
	}
	if !v.pci && !uniform(gpus, whole) {
		// CUDA puts the fastest first; the compute capability, then the
		// memory, stand for the speed that only the driver knows.
		slices.SortStableFunc(whole, func(a, b int) int {
			if c := gpus[b].Capability - gpus[a].Capability; c != 0 {
				return c
			}
			switch ma, mb := gpus[a].TotalMemory, gpus[b].TotalMemory; {
			case ma > mb:
				return -1
			case ma < mb:
				return 1
			}
			return 0
		})
	}
	if !v.set {
		if len(whole) == 0 && mig >= 0 {
			return []int{mig}
		}
		return whole
	}
	var shown []int
	for entry := range strings.SplitSeq(v.devices, ",") {
		i := match(gpus, whole, strings.TrimSpace(entry))
		if i < 0 || slices.Contains(shown, i) {
			break
		}
		if gpus[i].MIG() { // one MIG instance excludes everything else
			if len(shown) == 0 {
				shown = append(shown, i)
			}
			break
		}
		shown = append(shown, i)
	}
	return shown
}

// match returns the position in gpus that one entry of CUDA_VISIBLE_DEVICES
// names, or -1.
func match(gpus []GPU, whole []int, entry string) int {
	if n, err := strconv.Atoi(entry); err == nil {
		if n < 0 || n >= len(whole) {
			return -1
		}
		return whole[n]
	}
	return byUUID(gpus, entry)
}

// byUUID returns the position of the only GPU whose UUID begins with prefix,
// or -1.
func byUUID(gpus []GPU, prefix string) int {
	if !strings.HasPrefix(prefix, "GPU-") && !strings.HasPrefix(prefix, "MIG-") {
		return -1
	}
	found := -1
	for i, g := range gpus {
		if !strings.HasPrefix(strings.ToLower(g.UUID), strings.ToLower(prefix)) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// uniform reports whether all GPUs at the given positions are of one model.
func uniform(gpus []GPU, at []int) bool {
	for _, i := range at {
		if gpus[i].Name != gpus[at[0]].Name {
			return false
		}
	}
	return true
}
