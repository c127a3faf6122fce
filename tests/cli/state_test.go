package cli

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/rng"
)

// numbers of the JSON form that a computation decides alone.
func numbersOf(t *testing.T, stdout string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		t.Fatalf("%v\n%s", err, stdout)
	}
	some := map[string]any{}
	for _, name := range []string{"values", "density", "trace", "diagonal", "measures", "certificate", "products"} {
		some[name] = all[name]
	}
	return some
}

// interruptTwice starts the command, which takes so long if it is left alone,
// and sends it SIGTERM after ever longer parts of that, until it has told twice
// that it was interrupted.
func interruptTwice(t *testing.T, args []string, took time.Duration) {
	t.Helper()
	interrupted := 0
	for wait := max(took/10, 20*time.Millisecond); interrupted < 2; wait = wait * 5 / 4 {
		cmd := exec.Command(program, args...)
		cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		time.Sleep(wait)
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Skip("this machine is too fast") // it had ended
		}
		cmd.Wait()
		switch code := cmd.ProcessState.ExitCode(); {
		case code == 0:
			t.Skip("this machine is too fast")
		case code == failed:
			interrupted++
		case code > 0:
			t.Fatalf("exit code %d", code)
		} // else it had not come to wait for signals
	}
}

// SIGTERM in a long run with --state leaves a state from which the same
// command goes on to the same numbers.
func TestSpectrumGoesOnAfterSIGTERM(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no such signals to another process")
	}
	const n = 250
	dir := t.TempDir()
	h := make([]float64, n*n)
	rng.Normal(1, 0, 0, h)
	for i := range n {
		for j := range i {
			h[i*n+j] = h[j*n+i]
		}
	}
	file, state := filepath.Join(dir, "H.npy"), filepath.Join(dir, "state")
	if err := matio.Write(file, matio.Array[float64]{Shape: []int{n, n}, Data: h}); err != nil {
		t.Fatal(err)
	}
	args := []string{"spectrum", file, "--top", "3", "--density", "--probes", "300", "--steps", "100", "--trace", "--diag", "--budget", "120", "--backend", "go", "--json"}
	start := time.Now()
	whole := ritz(t, args...)
	took := time.Since(start)
	if whole.code != 0 {
		t.Fatalf("%+v", whole)
	}
	args = append(args, "--state", state)
	interruptTwice(t, args, took)
	if _, err := os.Stat(filepath.Join(state, "eigenvalues.state")); err != nil {
		t.Error(err)
	}
	// A damaged state is refused and stays.
	path := filepath.Join(state, "eigenvalues.state")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bad := append([]byte(nil), good...)
	bad[len(bad)/2] ^= 1
	writeBytes(t, path, bad)
	if out := ritz(t, args...); out.code != usage || !strings.Contains(out.stderr, "eigenvalues.state is damaged") {
		t.Errorf("%+v", out)
	}
	writeBytes(t, path, good)

	resumed := ritz(t, args...)
	if resumed.code != 0 {
		t.Fatalf("%+v", resumed)
	}
	if got, want := numbersOf(t, resumed.stdout), numbersOf(t, whole.stdout); !reflect.DeepEqual(got, want) {
		t.Errorf("other numbers after an interruption:\n%v\n%v", got["measures"], want["measures"])
	}
	if left := names(t, state); len(left) != 0 {
		t.Errorf("left in the state's folder: %v", left)
	}
}

// More products go on where too few ended.
func TestSpectrumGoesOnWithMoreProducts(t *testing.T) {
	dir := small(t)
	args := []string{"spectrum", filepath.Join(dir, "H.npy"), "--top", "2", "--backend", "go", "--state", filepath.Join(dir, "state")}
	few := ritz(t, append(args, "--json", "--max-products", "4")...)
	more := ritz(t, append(args, "--json")...)
	if few.code != 4 || more.code != 0 {
		t.Fatalf("%+v\n%+v", few, more)
	}
	if a, b := numbersOf(t, few.stdout)["products"], numbersOf(t, more.stdout)["products"]; !(b.(float64) > a.(float64)) {
		t.Errorf("%v products, then %v in all", a, b)
	}
}
