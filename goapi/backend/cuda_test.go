//go:build cgo && linux && !nocuda

package backend

import (
	"errors"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/fakecuda"
)

// On a machine with a GPU auto takes it; where the GPU cannot be used auto
// says so and goes on, and cuda fails.
func TestEmulatedGPU(t *testing.T) {
	t.Setenv("RITZ_CUDA_LIBDIR", fakecuda.Prepare(t, fakecuda.Options{Machine: "devices=2"}))
	for name, want := range map[string]string{"auto": "cuda:0", "cuda": "cuda:0", "cuda:1": "cuda:1"} {
		d, err := Open(name, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Info().Name; got != want {
			t.Errorf("%s opened %s, want %s", name, got, want)
		}
		d.Close()
	}
	for i, c := range Devices() {
		gpu := strings.HasPrefix(c.Name, "cuda:GPU-")
		if gpu != (i < 2) || !c.Available || c.Chosen != (i == 0) || gpu && c.Info.Backend != "CUDA" {
			t.Errorf("device %d: %+v", i, c)
		}
	}
	if s := fakecuda.Report(); s != "" {
		t.Errorf("the emulated driver complains: %s", s)
	}

	fakecuda.Prepare(t, fakecuda.Options{Machine: "cuDevicePrimaryCtxRetain:1=46;cuDevicePrimaryCtxRetain:2=46"})
	d, err := Open("auto", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if warnings := strings.Join(d.Info().Warnings, "\n"); d.Info().Backend == "CUDA" || !strings.Contains(warnings, "EXCLUSIVE_PROCESS") {
		t.Errorf("opened %s, warnings %q", d.Info().Name, warnings)
	}
	if _, err := Open("cuda", Options{}); !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), "EXCLUSIVE_PROCESS") {
		t.Errorf("cuda: %v", err)
	}
}

// Auto passes over GPUs without room for the work, cuda takes the freest.
func TestMemoryOfEmulatedGPUs(t *testing.T) {
	t.Setenv("RITZ_CUDA_LIBDIR", fakecuda.Prepare(t, fakecuda.Options{Machine: "devices=2;mem=1GiB;taken=900MiB,800MiB"}))
	for _, c := range []struct {
		name   string
		memory uint64
		gpu    bool
	}{{"auto", 0, true}, {"auto", 100 << 20, true}, {"auto", 500 << 20, false}, {"cuda", 500 << 20, true}, {"cuda:0", 500 << 20, true}} {
		d, err := Open(c.name, Options{Memory: c.memory})
		if err != nil {
			t.Errorf("%s for %d MiB: %v", c.name, c.memory>>20, err)
			continue
		}
		i := d.Info()
		want := "cuda:1"
		if c.name == "cuda:0" {
			want = c.name
		}
		if (i.Backend == "CUDA") != c.gpu || c.gpu && i.Name != want {
			t.Errorf("%s for %d MiB opened %s", c.name, c.memory>>20, i.Name)
		}
		if warnings := strings.Join(i.Warnings, "\n"); !c.gpu && !strings.Contains(warnings, "no GPU has 0.5 GiB free: cuda:0 0.1 GiB; cuda:1 0.2 GiB") {
			t.Errorf("warnings %q", warnings)
		}
		d.Close()
	}
}
