package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// terminal runs the program with its standard output on a terminal, and
// returns what appears there.
func terminal(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("needs a pseudo-terminal: %v", err)
	}
	defer master.Close()
	control := func(request uintptr, p *int32) {
		if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(p))); e != 0 {
			t.Skipf("needs a pseudo-terminal: %v", e)
		}
	}
	var number, unlock int32
	control(syscall.TIOCGPTN, &number)
	control(syscall.TIOCSPTLCK, &unlock)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo-terminal: %v", err)
	}
	var messages bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = slave, &messages
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	var shown bytes.Buffer
	shown.ReadFrom(master) // ends with an error when nobody has the other side open
	cmd.Wait()
	return strings.ReplaceAll(shown.String(), "\r\n", "\n"), messages.String(), cmd.ProcessState.ExitCode()
}

// On a terminal a job prints what the single commands print, under the names
// of the tasks, and no line that floods it; with --json, JSON lines.
func TestTerminal(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
defaults: {backend: go}
tasks:
  - {name: values, command: svd, input: A.npy}
  - {name: density, command: spectrum, input: H.npy, top: 3, density: true}
  - {name: bad, command: svd, input: absent.npy}
`))
	out := filepath.Join(dir, "out")
	stdout, stderr, code := terminal(t, "run", job, "-o", out)
	report := filepath.Join(out, "report.html")
	if code != failed || !strings.Contains(stderr, report+"\n") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	single := func(args ...string) string {
		text := ritz(t, append(args, "--backend", "go")...).stdout
		var kept strings.Builder // times differ
		for l := range strings.Lines(text) {
			if !strings.HasPrefix(l, "seconds") {
				kept.WriteString(strings.Join(strings.Fields(l), " ") + "\n")
			}
		}
		return kept.String()
	}
	flat := ""
	for l := range strings.Lines(stdout) {
		if len(l) > 300 {
			t.Errorf("a line of %d bytes: %.80s…", len(l), l)
		}
		if !strings.HasPrefix(l, "seconds") {
			flat += strings.Join(strings.Fields(l), " ") + "\n"
		}
	}
	for _, want := range []string{
		"values\n" + single("svd", filepath.Join(dir, "A.npy")),
		"density\n" + single("spectrum", filepath.Join(dir, "H.npy"), "--top", "3", "--density"),
		"bad\nexit code 1: ", "absent.npy",
		"wrote " + filepath.Join(out, "values", "U.npy") + "\n",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the terminal shows\n%s\nwithout\n%s", flat, want)
		}
	}
	stdout, _, _ = terminal(t, "run", job, "-o", out, "--resume", "--json")
	if got := done(lines(t, stdout)); got != "-values -density !bad" || json.Valid([]byte(flat)) {
		t.Errorf("with --json: %s", got)
	}
	if out := ritz(t, "run", job, "-o", out, "--resume"); done(lines(t, out.stdout)) != "-values -density !bad" {
		t.Errorf("not on a terminal: %s", out.stdout)
	}
}
