package cli

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The table of measurements is there as text and as JSON, in the same file and
// on standard output.
func TestBench(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bench.json")
	args := []string{"bench", "--only", "auto 512", "--runs", "1", "-o", path}
	out := ritz(t, args...)
	if out.code != 0 || !strings.Contains(out.stdout, "kernel ") || !strings.Contains(out.stdout, "polar auto 512×1024 ") {
		t.Fatalf("%+v", out)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	printed := ritz(t, append(args, "--json")...)
	if printed.code != 0 || !strings.Contains(printed.stderr, "polar auto 512×1024 ") {
		t.Errorf("--json shows no progress: %+v", printed)
	}
	for _, text := range []string{string(written), printed.stdout} {
		var b struct {
			Environment map[string]any
			Runs        int
			Gemm        float64 `json:"gemm_flops"`
			Rows        []struct {
				Kernel  string
				Seconds float64
			}
		}
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if b.Runs != 1 || !(b.Gemm > 0) || b.Environment["cpu"] == nil || len(b.Rows) != 1 || b.Rows[0].Kernel != "polar auto 512×1024" || !(b.Rows[0].Seconds > 0) {
			t.Errorf("%s", text)
		}
	}
}

// Exponents are those of the operations, roughly: a product of twice the samples
// takes longer, and not four times as long.
func TestBenchGrowth(t *testing.T) {
	out := ritz(t, "bench", "--only", "hessian, samples", "--growth", "--runs", "1", "--json")
	var b struct {
		Rows   []struct{}
		Growth []struct {
			Kernel     string
			Sizes      []int
			Seconds    []float64
			Exponent   float64
			Operations float64 `json:"operations_exponent"`
		}
	}
	if err := json.Unmarshal([]byte(out.stdout), &b); err != nil || out.code != 0 {
		t.Fatalf("%v\n%+v", err, out)
	}
	if len(b.Rows) != 0 || len(b.Growth) != 1 || len(b.Growth[0].Seconds) != 3 || b.Growth[0].Operations != 1 || !(b.Growth[0].Exponent > -1 && b.Growth[0].Exponent < 3) {
		t.Errorf("%s", out.stdout)
	}
}

// A line is printed when it is measured, not at the end.
func TestBenchPrintsAtOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows sends no such signals to another process")
	}
	cmd := exec.Command(program, "bench", "--only", "sinkhorn", "--runs", "3")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	rows := 0
	for s := bufio.NewScanner(stdout); s.Scan(); {
		if strings.HasPrefix(s.Text(), "sinkhorn ") {
			if rows++; rows == 1 {
				cmd.Process.Signal(os.Interrupt)
			}
		}
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); rows == 0 || rows > 3 || code != failed {
		t.Errorf("interrupted after the first line: %d lines, exit code %d", rows, code)
	}
}
