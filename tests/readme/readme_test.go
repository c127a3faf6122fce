// Package readme tests what the README shows.
package readme

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/backend"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

const root = "../.."

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// build builds the command and returns its path.
func build(t *testing.T) string {
	t.Helper()
	ritz := filepath.Join(t.TempDir(), "ritz")
	if out, err := exec.Command("go", "build", "-o", ritz, root+"/cmd/ritz").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return ritz
}

// Every command of the terminal transcripts must still run; what it prints
// beside numbers must still be printed.
func TestTranscripts(t *testing.T) {
	ritz := build(t)
	work := t.TempDir()
	tests, err := filepath.Abs(root + "/tests")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tests, filepath.Join(work, "tests")); err != nil {
		t.Fatal(err)
	}
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			line, shown, _ := strings.Cut(part, "\n")
			args, ours := strings.CutPrefix(line, "ritz ")
			if !ours {
				t.Errorf("the transcript runs %q", line)
				continue
			}
			commands++
			cmd := exec.Command("sh", "-c", ritz+" "+args)
			cmd.Dir = work
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
			for _, name := range regexp.MustCompile(`(?m)^ *[a-z_]+`).FindAllString(shown, -1) {
				if !strings.Contains(string(out), strings.TrimSpace(name)) {
					t.Errorf("%s no longer prints %q:\n%s", line, name, out)
				}
			}
		}
	}
	if commands < 3 {
		t.Errorf("only %d commands found", commands)
	}
}

// The flags of the README must be those of some command.
func TestFlags(t *testing.T) {
	help, ritz := "", build(t)
	for _, command := range []string{"svd", "polar", "spectrum", "hessian", "sinkhorn", "paper dynamical-stability", "run", "bench", "devices", "version"} {
		text, err := exec.Command(ritz, append(strings.Fields(command), "--help")...).Output()
		if err != nil {
			t.Fatalf("ritz %s --help: %v", command, err)
		}
		help += string(text)
	}
	flags := regexp.MustCompile(`--[a-z][a-z-]+`)
	known := map[string]bool{"--build-arg": true} // Docker's
	for _, name := range flags.FindAllString(help, -1) {
		known[name] = true
	}
	found := flags.FindAllString(readme(t), -1)
	if len(found) < 10 {
		t.Errorf("the README names only %d flags", len(found))
	}
	for _, name := range found {
		if !known[name] {
			t.Errorf("no command has the flag %s", name)
		}
	}
	for _, code := range []string{"0 done", "1 failed", "2 wrong", "3 no such device", "4 not converged"} {
		if text := strings.Join(strings.Fields(readme(t)), " "); !strings.Contains(text, code) {
			t.Errorf("the exit code %q is not listed", code)
		}
	}
}

// The make targets of the README must exist.
func TestMakeTargets(t *testing.T) {
	makefile, err := os.ReadFile(root + "/Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)(?:`|^)make ([a-z-]+)").FindAllStringSubmatch(readme(t), -1) {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("make %s does not exist", m[1])
		}
	}
}

// The Go code of the README is the body of this function.
func Example() {
	ctx := context.Background()
	dev, err := backend.Open("auto", backend.Options{})
	if err != nil {
		panic(err)
	}
	defer dev.Close()

	a := mat.NewDense(3, 2, []float64{1, 2, 3, 4, 5, 6})
	r, err := svd.Compute(ctx, dev, device.FromMat(a), svd.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.6f\n", r.S)
	fmt.Println(r.Certificate.ErrorBound < 1e-12)
	// Output:
	// [9.525518 0.514301]
	// true
}

func TestGoCodeIsTheExample(t *testing.T) {
	block := regexp.MustCompile("(?s)```go\n(.*?)```").FindStringSubmatch(readme(t))
	if block == nil {
		t.Fatal("no Go code")
	}
	self, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.ReplaceAll(string(self), "\n\t", "\n")
	for line := range strings.Lines(block[1]) {
		if s := strings.TrimSpace(line); s != "" && !strings.Contains(code, s) {
			t.Errorf("the line %q is not in the tested example", s)
		}
	}
}
