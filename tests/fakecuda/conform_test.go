//go:build cgo && linux && !nocuda

package fakecuda

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/tests/conform"
)

// versionVariable tells a process of this test which version to emulate: a
// process can load only one.
const versionVariable = "RITZ_TEST_CUDA"

// inEachVersion runs the calling test once for each emulated version (a short
// run: for one), in a process of its own, and there calls test with it.
func inEachVersion(t *testing.T, test func(t *testing.T, version string)) {
	if version := os.Getenv(versionVariable); version != "" {
		test(t, version)
		return
	}
	t.Parallel()
	name, versions := t.Name(), Versions
	if testing.Short() {
		versions = []string{"12.4"}
	}
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v")
			c.Env = append(os.Environ(), versionVariable+"="+version)
			out, err := c.CombinedOutput()
			switch {
			case err != nil:
				t.Errorf("%v\n%s", err, out)
			case strings.Contains(string(out), "--- SKIP"):
				t.Skipf("%s", out)
			}
		})
	}
}

// Every version of CUDA does what package device promises.
func TestConformance(t *testing.T) {
	inEachVersion(t, func(t *testing.T, version string) {
		conform.Run(t, Open(t, Options{Version: version}))
	})
}

// So does a GPU with little shared memory and many multiprocessors whose driver
// has no memory pools, and one that insists on page-locked memory, whatever the
// order in which threads run.
func TestConformanceOfMachines(t *testing.T) {
	for _, machine := range []string{"nopools;cc=8.6;sms=132;order=reversed", "strict;eager;order=random;seed=7"} {
		t.Run(machine, func(t *testing.T) {
			conform.Run(t, Open(t, Options{Machine: machine}))
		})
	}
}
