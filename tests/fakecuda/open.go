//go:build cgo && linux && !nocuda

package fakecuda

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
)

// Options for Open. The zero value is one H200 with CUDA 12.4.
type Options struct {
	Version string // of CUDA, as for Build; one process can use only one
	Machine string // the list of options in the package comment
	Which   string // as for cusolver.Open
}

// Open returns an emulated GPU, opened by package cusolver. At the end of the
// test it is closed, and the test fails if a rule was broken or something was
// not freed. One test at a time can have a device.
//
// Where the emulator cannot be built the test is skipped, or fails if the
// environment variable RITZ_REQUIRE lists cuda.
func Open(t testing.TB, o Options) device.Device {
	t.Helper()
	Prepare(t, o)
	d, err := cusolver.Open(o.Which, cusolver.Options{LibDirs: []string{driver.folder}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil && !t.Failed() {
			t.Error(err)
		}
		if s := Report(); s != "" {
			t.Errorf("the emulated driver complains:\n%s", s)
		}
	})
	return d
}

// Prepare builds and loads the libraries and makes the machine, without
// opening a device, and returns the folder of the libraries. The test fails if a
// rule was broken on the machine before.
func Prepare(t testing.TB, o Options) string {
	t.Helper()
	folder, err := Build(o.Version)
	if err != nil && !required() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := load(folder); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(Report()) {
		if t.Failed() || strings.HasPrefix(line, "leak: ") { // the test may have been right to give up
			continue
		}
		t.Errorf("the emulated driver complains: %s", line)
	}
	// The emulator's kernels stay out of the cache for real ones.
	if os.Getenv("RITZ_CACHE_DIR") == "" {
		t.Setenv("RITZ_CACHE_DIR", filepath.Join(folder, "cubin"))
	}
	// NVML reads the machine from the environment.
	t.Setenv("RZ_EMU", o.Machine)
	if err := Configure(o.Machine); err != nil {
		t.Fatal(err)
	}
	return folder
}
