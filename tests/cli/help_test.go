package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// subcommands lists what `ritz help` does.
func subcommands(t *testing.T) []string {
	t.Helper()
	_, list, _ := strings.Cut(ritz(t, "help").stdout, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for text := range strings.Lines(list) {
		names = append(names, strings.Fields(text)[0])
	}
	return names
}

var flagLine = regexp.MustCompile(`^ {2,6}(?:-(\w), |)--([a-z-]+)(?: (\S+))? {3,}(.*)$`)

// Every flag of every command says what it is for and what holds without it;
// the help lists the exit codes.
func TestHelp(t *testing.T) {
	commands := subcommands(t)
	for _, want := range []string{"svd", "eigh", "polar", "spectrum", "hessian", "sinkhorn", "run", "bench", "devices", "version", "man", "completion", "help"} {
		if !slices.Contains(commands, want) {
			t.Errorf("ritz help does not list %s: %v", want, commands)
		}
	}
	for _, name := range commands {
		if name == "help" || name == "completion" {
			continue
		}
		if name == "paper" { // its subcommands have the flags
			name = "paper dynamical-stability"
		}
		out := ritz(t, append(strings.Fields(name), "--help")...)
		if out.code != 0 || out.stderr != "" || !strings.Contains(out.stdout, "Usage:\n  ritz "+name) {
			t.Errorf("ritz %s --help: %+v", name, out)
		}
		_, flags, ok := strings.Cut(out.stdout, "\nFlags:\n")
		if !ok {
			t.Errorf("ritz %s --help lists no flags", name)
			continue
		}
		for text := range strings.Lines(flags) {
			text = strings.TrimRight(text, "\n")
			if text == "" || text == "Global Flags:" {
				continue
			}
			m := flagLine.FindStringSubmatch(text)
			if m == nil || len(m[4]) < 8 {
				t.Errorf("ritz %s --help: the line %q does not describe a flag", name, text)
				continue
			}
			// Switches are off by default.
			if isSwitch := m[3] == ""; !isSwitch && !regexp.MustCompile(`\(default|\(0: |\(needed|\(with --|\(this or|\(-1: `).MatchString(m[4]) {
				t.Errorf("ritz %s --help: --%s does not say its default: %q", name, m[2], m[4])
			}
		}
	}
	for _, code := range []string{"0 done", "1 failed", "2 wrong", "3 no such device", "4 not converged"} {
		if !strings.Contains(strings.Join(strings.Fields(ritz(t, "--help").stdout), " "), code) {
			t.Errorf("ritz --help does not list the exit code %q", code)
		}
	}
	if short, long := ritz(t), ritz(t, "--help"); short != long || short.code != 0 {
		t.Error("ritz alone does not print the help")
	}
}

// Every command has a manual page with all its flags.
func TestManual(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share", "man1")
	if out := ritz(t, "man", dir); out.code != 0 || out.stdout != "" {
		t.Fatalf("%+v", out)
	}
	for _, name := range subcommands(t) {
		if name == "help" || name == "completion" {
			continue
		}
		page, err := os.ReadFile(filepath.Join(dir, "ritz-"+name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		text := strings.ReplaceAll(string(page), `\-`, "-")
		if !strings.Contains(text, ".SH NAME") {
			t.Errorf("%s is not a manual page", name)
		}
		for l := range strings.Lines(ritz(t, name, "--help").stdout) {
			if m := flagLine.FindStringSubmatch(strings.TrimRight(l, "\n")); m != nil && !strings.Contains(text, "--"+m[2]) {
				t.Errorf("the page of %s lacks --%s", name, m[2])
			}
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "ritz.1"))
	if err != nil || !strings.Contains(string(page), "Exit codes") {
		t.Errorf("the page of ritz lacks the exit codes (%v)", err)
	}
}

// The completion scripts are those of their shells, and the values of flags
// are completed.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out := ritz(t, "completion", shell)
		if out.code != 0 || len(out.stdout) < 1000 || !strings.Contains(out.stdout, "ritz") {
			t.Errorf("%s: exit code %d, %d bytes", shell, out.code, len(out.stdout))
		}
		if path, err := exec.LookPath(shell); err == nil {
			check := exec.Command(path, "-n")
			check.Stdin = strings.NewReader(out.stdout)
			if text, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s -n: %v\n%s", shell, err, text)
			}
		} else {
			t.Logf("%s is not here to read its script", shell)
		}
	}
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"svd", "--method", ""}, []string{"auto", "full", "direct", "gram", "tall", "jacobi", "polar", "randomized", "lanczos", "single-pass"}},
		{[]string{"spectrum", "--which", ""}, []string{"LA", "SA", "LM", "BE"}},
		{[]string{"sinkhorn", "--dtype", "f"}, []string{"f32", "f64"}},
		{[]string{"sp"}, []string{"spectrum"}},
		{[]string{"hessian", "--la"}, []string{"--labels", "--layer"}},
	} {
		out := ritz(t, append([]string{"__complete"}, c.args...)...)
		var got []string
		for l := range strings.Lines(out.stdout) {
			if word, _, _ := strings.Cut(strings.TrimSpace(l), "\t"); !strings.HasPrefix(word, ":") {
				got = append(got, word)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v is completed by %q, want %q", c.args, got, c.want)
		}
	}
}
