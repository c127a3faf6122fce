//go:build cgo && linux && !nocuda

package fakecuda

import (
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native/cuda"
)

// NVML and CUDA number the GPUs differently and agree on their UUIDs.
func TestVisibleDevices(t *testing.T) {
	t.Setenv("RITZ_CUDA_LIBDIR", Prepare(t, Options{Machine: "devices=3"}))
	t.Setenv("CUDA_VISIBLE_DEVICES", "2,0")
	m, err := cusolver.Probe()
	if err != nil {
		t.Fatal(err)
	}
	var ordinals []int
	for _, g := range m.GPUs {
		ordinals = append(ordinals, g.Ordinal)
	}
	if len(ordinals) != 3 || ordinals[0] != 1 || ordinals[1] != -1 || ordinals[2] != 0 {
		t.Errorf("ordinals in NVML's order are %v", ordinals)
	}
}

// Of a split GPU a process sees one instance.
func TestMIG(t *testing.T) {
	o := Options{Machine: "mig=2"}
	folder := Prepare(t, o)
	t.Setenv("RITZ_CUDA_LIBDIR", folder)
	m, err := cusolver.Probe()
	if err != nil {
		t.Fatal(err)
	}
	usable := m.Usable()
	if len(m.GPUs) != 3 || len(usable) != 1 || !strings.HasPrefix(usable[0].UUID, "MIG-") {
		t.Fatalf("GPUs %v, usable %v", m.GPUs, usable)
	}
	d := Open(t, o)
	if _, err := job(d); err != nil {
		t.Error(err)
	}
}

// GPUs newer than the libraries run the kernels from PTX, those that NVRTC knows
// compiled ones: CUDA 12.4 ends with Hopper, 13.0 knows Blackwell.
func TestNewerGPUs(t *testing.T) {
	inEachVersion(t, func(t *testing.T, version string) {
		for _, c := range []struct{ cc, level string }{{"8.0", "sm_80"}, {"9.0", "sm_90"}, {"10.0", "sm_100"}, {"12.0", "sm_120"}} {
			t.Setenv("RITZ_CACHE_DIR", t.TempDir())
			d := Open(t, Options{Version: version, Machine: "cc=" + c.cc})
			q := d.F64()
			a, got := q.Alloc(1, 1), device.NewDense[float64](1, 1)
			q.Fill(7, a)
			q.Download(got, a)
			if err := q.Sync(); err != nil || got.At(0, 0) != 7 || d.Info().Level != c.level {
				t.Errorf("%s: %v, %v on %s", c.cc, got.At(0, 0), err, d.Info().Level)
			}
			want := 0
			if version == "13.0" || c.cc == "8.0" || c.cc == "9.0" {
				want = len(cuda.Modules())
			}
			if n := Calls()["nvrtcCompileProgram"]; n != want || len(d.Info().Notes) > 0 {
				t.Errorf("%s: %d modules were compiled, want %d; %v", c.cc, n, want, d.Info().Notes)
			}
			q.Close()
			d.Close()
		}
	})
}
