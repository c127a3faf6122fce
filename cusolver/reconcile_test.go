//go:build cgo && linux && !nocuda

package cusolver

import (
	"fmt"
	"strings"
	"testing"
)

// h200 is GPU i of a machine as CUDA shows it, with the UUID that dgx gives.
func h200(i byte) shown {
	d := shown{name: "NVIDIA H200", memory: 140 << 30, capability: 90}
	copy(d.uuid[:], []byte{0, 0, 0, i, 0xaa, 0xaa, 0xbb, 0xbb, 0xcc, 0xcc, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd, 0xdd})
	return d
}

// CUDA's order counts, whatever NVML's is; NVML adds the free memory.
func TestReconcileFollowsCUDA(t *testing.T) {
	s, _ := dgx()
	m, err := probeWith(s, visibility{})
	if err != nil {
		t.Fatal(err)
	}
	old := h200(7)
	old.capability = 75
	prohibited := h200(2)
	prohibited.prohibited = true
	m = reconcile(m, []shown{h200(5), h200(1), old, prohibited})
	var got []string
	for _, g := range m.Usable() {
		got = append(got, fmt.Sprint(g.Ordinal, ":", g.Index, " ", g.FreeMemory>>30))
	}
	if want := "[0:5 6 1:1 2]"; fmt.Sprint(got) != want {
		t.Errorf("usable %v, want %v", got, want)
	}
	for i, want := range map[int]string{0: "does not show", 7: "older", 2: "prohibits"} {
		if g := m.GPUs[i]; g.Usable || !strings.Contains(g.Reason, want) {
			t.Errorf("GPU %d: %+v, want a reason with %q", i, g, want)
		}
	}
	if len(m.GPUs) != 8 {
		t.Errorf("%d GPUs, want 8", len(m.GPUs))
	}
}

func TestReconcileWithoutNVML(t *testing.T) {
	m := reconcile(Machine{}, []shown{h200(3), h200(4)})
	if len(m.Usable()) != 2 {
		t.Fatalf("%+v", m)
	}
	g := m.GPUs[1]
	if g.UUID != "GPU-00000004-aaaa-bbbb-cccc-dddddddddddd" || g.Ordinal != 1 || g.TotalMemory != 140<<30 || g.Capability != 90 {
		t.Errorf("%+v", g)
	}
}

func TestReconcileMIG(t *testing.T) {
	s, gpus := dgx()
	splitInTwo(gpus[7])
	m, err := probeWith(s, visibility{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.GPUs {
		if m.GPUs[i].UUID == "MIG-2-instance" {
			m.GPUs[i].UUID = "MIG-00000009-AAAA-bbbb-cccc-dddddddddddd"
		}
	}
	m = reconcile(m, []shown{h200(9)})
	usable := m.Usable()
	if len(usable) != 1 || !usable[0].MIG() || len(m.GPUs) != 10 {
		t.Errorf("usable %+v of %d", usable, len(m.GPUs))
	}
	if m.GPUs[7].Reason != migParent {
		t.Errorf("split GPU: %q", m.GPUs[7].Reason)
	}
}

// Without a UUID of its own a GPU is known by its bus address, which NVML
// writes differently, and a MIG instance by that of its GPU.
func TestReconcileByBusAddress(t *testing.T) {
	m := Machine{GPUs: []GPU{
		{Index: 0, UUID: "GPU-00000000-aaaa-bbbb-cccc-dddddddddddd", Bus: "00000000:3B:00.0", FreeMemory: 1 << 30},
		{Index: 1, UUID: "GPU-00000001-aaaa-bbbb-cccc-dddddddddddd", Bus: "00000000:5E:00.0", Reason: migParent},
		{Index: 1, UUID: "MIG-GPU-00000001-aaaa-bbbb-cccc-dddddddddddd/1/0", Parent: "GPU-00000001-aaaa-bbbb-cccc-dddddddddddd", FreeMemory: 2 << 30},
		{Index: 1, UUID: "MIG-GPU-00000001-aaaa-bbbb-cccc-dddddddddddd/2/0", Parent: "GPU-00000001-aaaa-bbbb-cccc-dddddddddddd", FreeMemory: 3 << 30, Usable: true},
	}}
	whole, split := h200(0), h200(1)
	whole.uuid, whole.bus = [16]byte{}, "0000:3b:00.0"
	for _, c := range []struct {
		d    shown
		want int
	}{{whole, 0}, {split, 3}} { // the instance that CUDA_VISIBLE_DEVICES shows
		got := reconcile(m, []shown{c.d})
		if len(got.GPUs) != 4 || !got.GPUs[c.want].Usable || got.GPUs[c.want].Ordinal != 0 || len(got.Usable()) != 1 {
			t.Errorf("want position %d: %+v", c.want, got.GPUs)
		}
	}
	for b, want := range map[string]bool{"0000:3b:00.0": true, "3b:00.0": false, "0000:3c:00.0": false, "0001:3b:00.0": false, "": false} {
		if sameBus("00000000:3B:00.0", b) != want {
			t.Errorf("%q is the same: %v", b, !want)
		}
	}
}
