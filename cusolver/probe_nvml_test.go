//go:build cgo && linux && !nocuda

package cusolver

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxh200"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/server"

	"github.com/ritz-go/ritz/goapi/device"
)

// dgx returns an eight-GPU machine with the calls that the ready mock lacks,
// known UUIDs and free memory growing with the index.
func dgx() (*server.Server, []*server.Device) {
	s := dgxh200.New()
	gpus := make([]*server.Device, len(s.Devices))
	for i, d := range s.Devices {
		g := d.(*server.Device)
		g.UUID = fmt.Sprintf("GPU-%08d-aaaa-bbbb-cccc-dddddddddddd", i)
		g.MemoryInfo.Free = uint64(i+1) << 30
		g.GetComputeModeFunc = func() (nvml.ComputeMode, nvml.Return) {
			return nvml.COMPUTEMODE_DEFAULT, nvml.SUCCESS
		}
		gpus[i] = g
	}
	return s, gpus
}

func visible(devices string) visibility { return visibility{devices: devices, set: true} }

func TestProbeReportsEveryGPU(t *testing.T) {
	s, _ := dgx()
	m, err := probeWith(s, visibility{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Driver != "550.54.15" || m.CUDA != "12.4" || len(m.GPUs) != 8 || len(m.Usable()) != 8 {
		t.Fatalf("driver %q, CUDA %q, %d GPUs, %d usable", m.Driver, m.CUDA, len(m.GPUs), len(m.Usable()))
	}
	g := m.GPUs[3]
	if g.Capability != 90 || g.TotalMemory != 144384<<20 || g.Ordinal != 3 || g.Index != 3 || !strings.Contains(g.Name, "H200") {
		t.Errorf("fourth GPU: %+v", g)
	}
}

func TestCUDAVisibleDevices(t *testing.T) {
	const second = "GPU-00000001-aaaa-bbbb-cccc-dddddddddddd"
	for _, c := range []struct {
		env  string
		want []int // NVML indices in CUDA's order
	}{
		{"2,0", []int{2, 0}},
		{second, []int{1}},
		{"GPU-00000005", []int{5}},
		{"gpu-00000005", nil}, // the prefix GPU- must be upper case
		{"GPU-0", nil},        // names more than one
		{"1,9,2", []int{1}},   // ends at the first entry that names nothing
		{"3,3,4", []int{3}},   // or at a repeated one
		{"", nil},
		{"-1", nil},
		{" 4 , 5", []int{4, 5}},
	} {
		s, _ := dgx()
		m, err := probeWith(s, visible(c.env))
		if err != nil {
			t.Fatal(err)
		}
		var got []int
		for _, g := range m.Usable() {
			got = append(got, g.Index)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("CUDA_VISIBLE_DEVICES=%q shows %v, want %v", c.env, got, c.want)
		}
		for _, g := range m.GPUs {
			if !g.Usable && !strings.Contains(g.Reason, "CUDA_VISIBLE_DEVICES") {
				t.Errorf("CUDA_VISIBLE_DEVICES=%q: GPU %d hidden without a reason: %q", c.env, g.Index, g.Reason)
			}
		}
	}
}

func TestOneBadGPUAmongEight(t *testing.T) {
	s, gpus := dgx()
	lost := s.DeviceGetHandleByIndexFunc
	s.DeviceGetHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i == 2 {
			return &mock.Device{}, nvml.ERROR_GPU_IS_LOST
		}
		return lost(i)
	}
	gpus[4].GetComputeModeFunc = func() (nvml.ComputeMode, nvml.Return) {
		return nvml.COMPUTEMODE_PROHIBITED, nvml.SUCCESS
	}
	gpus[5].Config.CudaMajor, gpus[5].Config.CudaMinor = 7, 5
	gpus[6].GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) {
		return nvml.Memory{}, nvml.ERROR_NOT_SUPPORTED
	}
	m, err := probeWith(s, visibility{pci: true})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{2: "bus", 4: "prohibits", 5: "older"} {
		if g := m.GPUs[i]; g.Usable || !strings.Contains(g.Reason, want) {
			t.Errorf("GPU %d: usable %v, reason %q, want one with %q", i, g.Usable, g.Reason, want)
		}
	}
	if !m.GPUs[6].Usable {
		t.Error("a GPU that will not tell its memory was refused")
	}
	if n := len(m.Usable()); n != 5 {
		t.Errorf("%d usable GPUs, want 5", n)
	}
	if _, err := Select(m, "4", 0); !errors.Is(err, device.ErrUnavailable) {
		t.Errorf("selecting a prohibited GPU: %v", err)
	}
}

// splitInTwo turns on MIG on g with two instances, numbered 0 and 2.
func splitInTwo(g *server.Device) {
	g.MigMode = nvml.DEVICE_MIG_ENABLE
	g.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	g.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i != 0 && i != 2 {
			return nil, nvml.ERROR_NOT_FOUND
		}
		return &mock.Device{
			GetUUIDFunc: func() (string, nvml.Return) { return fmt.Sprintf("MIG-%d-instance", i), nvml.SUCCESS },
			GetNameFunc: func() (string, nvml.Return) { return "NVIDIA H200 MIG 3g.71gb", nvml.SUCCESS },
			GetMemoryInfoFunc: func() (nvml.Memory, nvml.Return) {
				return nvml.Memory{Total: 71 << 30, Free: 70 << 30}, nvml.SUCCESS
			},
		}, nvml.SUCCESS
	}
}

func TestMIG(t *testing.T) {
	s, gpus := dgx()
	splitInTwo(gpus[7])
	m, err := probeWith(s, visible("MIG-2-instance,0"))
	if err != nil {
		t.Fatal(err)
	}
	usable := m.Usable()
	if len(m.GPUs) != 10 || len(usable) != 1 || usable[0].UUID != "MIG-2-instance" {
		t.Fatalf("%d entries, usable %v", len(m.GPUs), usable)
	}
	if g := usable[0]; !g.MIG() || g.Parent != gpus[7].UUID || g.TotalMemory != 71<<30 || g.Capability != 90 {
		t.Errorf("MIG instance: %+v", g)
	}
	if m.GPUs[7].Usable || m.GPUs[7].Reason != migParent {
		t.Errorf("split GPU: %+v", m.GPUs[7])
	}

	s, gpus = dgx()
	for _, g := range gpus {
		splitInTwo(g)
	}
	m, err = probeWith(s, visibility{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Usable()); n != 1 {
		t.Errorf("all GPUs split, nothing named: %d instances usable, want 1", n)
	}
}

// CUDA numbers GPUs of different models by speed, NVML by bus address.
func TestMixedModelsAreNumberedBySpeed(t *testing.T) {
	s, gpus := dgx()
	gpus[0].Config.Name, gpus[0].Config.CudaMajor = "NVIDIA A30", 8
	m, err := probeWith(s, visibility{})
	if err != nil {
		t.Fatal(err)
	}
	if g := m.GPUs[0]; g.Ordinal != 7 {
		t.Errorf("slowest GPU has ordinal %d, want the last, 7", g.Ordinal)
	}
	m, err = probeWith(s, visibility{pci: true})
	if err != nil {
		t.Fatal(err)
	}
	if g := m.GPUs[0]; g.Ordinal != 0 {
		t.Errorf("with CUDA_DEVICE_ORDER=PCI_BUS_ID the first GPU has ordinal %d", g.Ordinal)
	}
}

func TestSelect(t *testing.T) {
	s, gpus := dgx()
	m, err := probeWith(s, visibility{})
	if err != nil {
		t.Fatal(err)
	}
	for which, want := range map[string]int{"": 7, "3": 3, gpus[5].UUID: 5, "GPU-00000002": 2} {
		if g, err := Select(m, which, 0); err != nil || g.Index != want {
			t.Errorf("Select(%q) = GPU %d, %v; want %d", which, g.Index, err, want)
		}
	}
	for _, which := range []string{"8", "-1", "GPU-ffff", "H200"} {
		if _, err := Select(m, which, 0); !errors.Is(err, device.ErrUnavailable) {
			t.Errorf("Select(%q): %v, want ErrUnavailable", which, err)
		}
	}
	// GPU i has i+1 GiB free.
	if g, err := Select(m, "", 8<<30); err != nil || g.Index != 7 {
		t.Errorf("8 GiB: GPU %d, %v", g.Index, err)
	}
	if _, err := Select(m, "", 9<<30); !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), "no GPU has 9.0 GiB free: cuda:0 1.0 GiB;") {
		t.Errorf("9 GiB: %v", err)
	}
	if g, err := Select(m, "2", 9<<30); err != nil || g.Index != 2 { // asked for by name
		t.Errorf("9 GiB on cuda:2: %v", err)
	}
	for i := range m.GPUs {
		if i != 3 {
			m.GPUs[i].FreeMemory = 0 // unknown
		}
	}
	if g, err := Select(m, "", 1<<30); err != nil || g.Index != 3 {
		t.Errorf("one GPU tells that it has enough: GPU %d, %v", g.Index, err)
	}
	if g, err := Select(m, "", 9<<30); err != nil || g.Index != 0 {
		t.Errorf("none is known to have enough: GPU %d, %v", g.Index, err)
	}
	if _, err := Select(Machine{}, "", 0); !errors.Is(err, device.ErrUnavailable) {
		t.Errorf("Select on a machine without GPU: %v", err)
	}
}

func TestFaultsNameTheCause(t *testing.T) {
	for ret, want := range map[nvml.Return]string{
		nvml.ERROR_LIBRARY_NOT_FOUND:       "libnvidia-ml.so.1 not found",
		nvml.ERROR_DRIVER_NOT_LOADED:       "not loaded",
		nvml.ERROR_LIB_RM_VERSION_MISMATCH: "upgraded",
		nvml.ERROR_UNKNOWN:                 "container",
		nvml.ERROR_TIMEOUT:                 "error 10",
	} {
		closed := false
		s := &mock.Interface{
			InitFunc:     func() nvml.Return { return ret },
			ShutdownFunc: func() nvml.Return { closed = true; return nvml.SUCCESS },
		}
		_, err := probeWith(s, visibility{})
		if !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("code %d: %v, want a message with %q", ret, err, want)
		}
		if !closed {
			t.Errorf("code %d: NVML was not shut down", ret)
		}
	}
	s, _ := dgx()
	s.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.SUCCESS }
	if _, err := probeWith(s, visibility{}); !errors.Is(err, device.ErrUnavailable) {
		t.Errorf("no GPU: %v", err)
	}
}
