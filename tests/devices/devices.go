// Package devices runs tests on every device: pure Go, OpenBLAS and CUDA. The
// last one is the GPU of this machine, or the emulator where there is none.
package devices

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/fakecuda"
)

// On runs f on every device. A device that this build or machine cannot have
// is a skipped subtest, or a failed one if the environment variable
// RITZ_REQUIRE lists it: "openblas", "cuda" (a GPU or the emulator) or "gpu".
func On(t *testing.T, f func(t *testing.T, dev device.Device)) {
	t.Helper()
	t.Run("go", func(t *testing.T) { f(t, device.Go()) })
	t.Run("openblas", func(t *testing.T) { f(t, open(t, "openblas")) })
	if hasGPU() {
		t.Run("cuda", func(t *testing.T) { f(t, open(t, "gpu")) })
		return
	}
	t.Run("emulated", func(t *testing.T) { f(t, fakecuda.Open(t, fakecuda.Options{})) })
}

// Real returns the devices of this machine, for benchmarks and for tests that
// are too large to emulate: pure Go first, then OpenBLAS and a GPU if there.
func Real(t testing.TB) []device.Device {
	t.Helper()
	list := []device.Device{device.Go()}
	for _, name := range []string{"openblas", "gpu"} {
		d, err := openers[name]()
		switch {
		case err == nil:
			t.Cleanup(func() { d.Close() })
			if Size(d, 1, 0) == 1 { // the driver that a test has loaded may be the emulated one
				list = append(list, d)
			}
		case !errors.Is(err, device.ErrUnavailable) || required(name):
			t.Fatal(err)
		}
	}
	return list
}

// Size returns n, or emulated if dev is an emulated GPU, whose kernels take
// about a hundred times as long as a CPU's. A test that would take more than
// 20 s there calls Size for the sizes of its matrices or the number of its
// cases, so that it runs everywhere.
func Size(dev device.Device, n, emulated int) int {
	if strings.HasSuffix(dev.Info().Hardware, "(emulated)") {
		return emulated
	}
	return n
}

var openers = map[string]func() (device.Device, error){
	"openblas": func() (device.Device, error) { return cblas.Open(cblas.Options{}) },
	"gpu":      func() (device.Device, error) { return cusolver.Open("", cusolver.Options{}) },
}

func open(t *testing.T, name string) device.Device {
	t.Helper()
	d, err := openers[name]()
	if errors.Is(err, device.ErrUnavailable) && !required(name) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func required(name string) bool {
	return slices.Contains(strings.Split(os.Getenv("RITZ_REQUIRE"), ","), name)
}

// hasGPU reports whether CUDA is used as it is on this machine: an NVIDIA
// driver has devices here, a GPU is required, or RITZ_CUDA_LIBDIR names
// libraries.
func hasGPU() bool {
	// The file alone proves nothing: it can be there without a driver behind it.
	control, err := os.Open("/dev/nvidiactl")
	if err == nil {
		control.Close()
	}
	return err == nil || required("gpu") || os.Getenv("RITZ_CUDA_LIBDIR") != ""
}
