package gpu

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/tests/conform"
)

// open returns the GPU of this machine.
func open(t testing.TB) device.Device {
	t.Helper()
	d, err := cusolver.Open("", cusolver.Options{})
	required := slices.Contains(strings.Split(os.Getenv("RITZ_REQUIRE"), ","), "gpu")
	if errors.Is(err, device.ErrUnavailable) && !required {
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

func TestConformance(t *testing.T) { conform.Run(t, open(t)) }

// Measurements fit into smaller GPUs: of 16384² in float64 two are 4.3 GB.
func TestSizesForTheMemory(t *testing.T) {
	for memory, want := range map[uint64]int{80 << 30: 16384, 8 << 30: 16384, 6 << 30: 8192, 1 << 30: 4096, 1 << 10: 64} {
		if n := fitting(memory, 16384, 2*8); n != want {
			t.Errorf("%d MiB: %d rows, want %d", memory>>20, n, want)
		}
	}
}

// A device that was closed can be opened again, and two can be open.
func TestOpenAgain(t *testing.T) {
	for range 3 {
		d := open(t)
		q := d.F32()
		a := q.Alloc(64, 64)
		q.Fill(1, a)
		if err := q.Sync(); err != nil {
			t.Error(err)
		}
		q.Close()
	}
}
