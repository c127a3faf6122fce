//go:build cgo && linux && !nocuda

package fakecuda

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/tests/conform"
)

// valueVariable tells a process of this test what it is to test: a process has one
// machine at a time and one version of CUDA for good.
const valueVariable = "RITZ_TEST_CUDA"

// inProcesses runs the calling test once for each value, at the same time as far as
// there are processors, in a process of its own, and there calls test with it.
func inProcesses(t *testing.T, values []string, test func(t *testing.T, value string)) {
	if value := os.Getenv(valueVariable); value != "" {
		test(t, value)
		return
	}
	t.Parallel()
	name := t.Name()
	for _, value := range values {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			c := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v")
			c.Env = append(os.Environ(), valueVariable+"="+value)
			out, err := c.CombinedOutput()
			switch {
			case err != nil:
				t.Errorf("%v\n%s", err, out)
			case strings.Contains(string(out), "\n--- SKIP"):
				t.Skipf("%s", out)
			}
		})
	}
}

// inEachVersion calls test with every emulated version (in a short run: with one).
func inEachVersion(t *testing.T, test func(t *testing.T, version string)) {
	versions := Versions
	if testing.Short() {
		versions = []string{"12.4"}
	}
	inProcesses(t, versions, test)
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
	machines := []string{"nopools;cc=8.6;sms=132;order=reversed", "strict;eager;order=random;seed=7"}
	inProcesses(t, machines, func(t *testing.T, machine string) {
		conform.Run(t, Open(t, Options{Machine: machine}))
	})
}
