package conform

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

func TestPureGo(t *testing.T) { Run(t, device.Go()) }

func TestOpenBLAS(t *testing.T) {
	best := native.Level()
	defer native.SetLevel(best)
	for _, threads := range []int{1, 2} {
		for _, level := range native.Levels() {
			native.SetLevel(level)
			d, err := cblas.Open(cblas.Options{Threads: threads})
			if errors.Is(err, device.ErrUnavailable) && !strings.Contains(os.Getenv("RITZ_REQUIRE"), "openblas") {
				t.Skip(err) // a build without cgo
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.Info().Level != level || d.Info().Threads != threads {
				t.Errorf("opened level %s with %d threads, want %s and %d", d.Info().Level, d.Info().Threads, level, threads)
			}
			name := level + "/1 thread"
			if threads > 1 {
				name = level + "/2 threads"
			}
			t.Run(name, func(t *testing.T) { Run(t, d) })
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestClosedDevice(t *testing.T) {
	d := device.Go()
	q := d.F64()
	m := q.Alloc(2, 2)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	q.Fill(1, m)
	if err := q.Sync(); !errors.Is(err, device.ErrClosed) {
		t.Errorf("operation on a closed device: %v", err)
	}
	q = device.Go().F64()
	q.Close()
	q.Fill(1, m)
	if err := q.Sync(); !errors.Is(err, device.ErrClosed) {
		t.Errorf("operation on a closed queue: %v", err)
	}
}
