// Package cli tests the command ritz from outside: as a program that reads
// files, prints, writes files and ends with an exit code.
package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/matio"
)

const (
	testdata = "../../goapi/matio/testdata/"
	images   = "../data/mnist-t10k-images-idx3-ubyte.gz"
	classes  = "../data/mnist-t10k-labels-idx1-ubyte.gz"
)

// program is the path of the command under test; backends are the devices of
// this machine it is tested on.
var (
	program  string
	backends []string
)

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ritz-cli-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "ritz")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/ritz").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	out, err := exec.Command(program, "devices", "--json").Output()
	if err == nil {
		backends, err = available(out)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ritz devices --json:", err)
		return 1
	}
	return m.Run()
}

func available(list []byte) ([]string, error) {
	var devices []struct {
		Name      string
		Available bool
		Chosen    bool
		Reason    string
	}
	if err := json.Unmarshal(list, &devices); err != nil {
		return nil, err
	}
	var names []string
	chosen := 0
	for _, d := range devices {
		if d.Reason == "" {
			return nil, fmt.Errorf("no reason is given for %s", d.Name)
		}
		if d.Available {
			names = append(names, d.Name)
		}
		if d.Chosen {
			chosen++
		}
	}
	if !slices.Contains(names, "go") || chosen != 1 {
		return nil, fmt.Errorf("the device go must be available and one device be chosen: %s", list)
	}
	// A GPU has tests of its own.
	names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "cuda") })
	return names, nil
}

func has(backend string) bool { return slices.Contains(backends, backend) }

// output is what a run of the program left.
type output struct {
	stdout, stderr string
	code           int
}

// start prepares a run of the program with additional environment variables.
func start(env []string, args ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	return cmd, &stdout, &stderr
}

func ritz(t *testing.T, args ...string) output {
	t.Helper()
	return ritzWith(t, nil, args...)
}

func ritzWith(t *testing.T, env []string, args ...string) output {
	t.Helper()
	cmd, stdout, stderr := start(env, args...)
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	out := output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	if strings.Contains(out.stderr, "goroutine ") {
		t.Errorf("ritz %s panicked:\n%s", strings.Join(args, " "), out.stderr)
	}
	return out
}

// result is the JSON object of a computing command.
type result struct {
	Command     string
	Backend     string
	DType       string
	Shape       []int
	Method      string
	Seconds     float64
	Certificate map[string]any
	Values      []float64
	Cost        *float64
	Trace       *struct {
		Value    float64
		StdErr   *float64 `json:"std_error"`
		Products int
	}
	Density *struct{ Grid, Value []float64 }
	// Converged is a pointer, since the field must be there.
	Converged   *bool
	Iterations  int
	Measures    map[string]float64
	Outputs     map[string]string
	Environment map[string]any
}

// number returns an entry of the certificate.
func (r *result) number(t *testing.T, name string) float64 {
	t.Helper()
	x, ok := r.Certificate[name].(float64)
	if !ok {
		t.Fatalf("the certificate has no %s: %v", name, r.Certificate)
	}
	return x
}

// compute runs a command with --json that must end with the exit code, and
// returns its object.
func compute(t *testing.T, code int, args ...string) *result {
	t.Helper()
	out := ritz(t, append(args, "--json")...)
	if out.code != code {
		t.Fatalf("ritz %s: exit code %d, want %d\n%s", strings.Join(args, " "), out.code, code, out.stderr)
	}
	if code == 0 && out.stderr != "" {
		t.Errorf("ritz %s: wrote to standard error: %s", strings.Join(args, " "), out.stderr)
	}
	d := json.NewDecoder(strings.NewReader(out.stdout))
	var r result
	if err := d.Decode(&r); err != nil {
		t.Fatalf("ritz %s: %v\n%s", strings.Join(args, " "), err, out.stdout)
	}
	if d.More() {
		t.Errorf("ritz %s: more than one JSON object:\n%s", strings.Join(args, " "), out.stdout)
	}
	return &r
}

// write makes a file of numbers and returns its path.
func write[T matio.Float](t *testing.T, path string, shape []int, data ...T) string {
	t.Helper()
	if err := matio.Write(path, matio.Array[T]{Shape: shape, Data: data}); err != nil {
		t.Fatal(err)
	}
	return path
}

func writeBytes(t *testing.T, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// read returns the only array of a file, in double precision.
func read(t *testing.T, path string) (rows, cols int, data []float64) {
	t.Helper()
	f, err := matio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	a, err := matio.Read[float64](f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return a.Matrix()
}

// names lists a folder, hidden files too; none if there is no such folder.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// noise returns n reproducible numbers in [0,1).
func noise(n int) []float64 {
	x := make([]float64, n)
	state := uint64(1)
	for i := range x {
		state = state*6364136223846793005 + 1442695040888963407 // Knuth's MMIX
		x[i] = float64(state>>11) / (1 << 53)
	}
	return x
}
