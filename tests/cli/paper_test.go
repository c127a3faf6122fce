package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPaper(t *testing.T) {
	dir := t.TempDir()
	file, plot := filepath.Join(dir, "r.json"), filepath.Join(dir, "r.svg")
	out := ritz(t, "paper", "dynamical-stability", "-o", file, "--plot", plot)
	if out.code != 0 {
		t.Fatalf("exit code %d: %s", out.code, out.stderr)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Name   string
		Claims []struct{ Statement string }
		Tables []struct {
			Columns []string
			Rows    []struct{ Cells []struct{ Value *float64 } }
		}
		Environment struct{ Ritz string }
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	if r.Name != "dynamical-stability" || len(r.Claims) == 0 || r.Environment.Ritz == "" ||
		len(r.Tables[0].Rows[0].Cells) != len(r.Tables[0].Columns)-1 || r.Tables[0].Rows[0].Cells[0].Value == nil {
		t.Errorf("%s", data)
	}
	for _, text := range append([]string{"λ_max", "holds"}, r.Claims[0].Statement) {
		if !strings.Contains(out.stdout, text) {
			t.Errorf("%q is not printed:\n%s", text, out.stdout)
		}
	}
	if svg, err := os.ReadFile(plot); err != nil || !strings.Contains(string(svg), "step size") {
		t.Errorf("picture: %v", err)
	}
}

func TestPaperRefusals(t *testing.T) {
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, []string{"paper", "no-such-paper"}},
		{2, []string{"paper", "dynamical-stability", "more"}},
		{2, []string{"paper", "dynamical-stability", "--plot", "x.pdf"}},
		{1, []string{"paper", "dynamical-stability", "-o", filepath.Join(t.TempDir(), "no", "such", "folder.json")}},
	} {
		if out := ritz(t, c.args...); out.code != c.code || out.stderr == "" {
			t.Errorf("%v: exit code %d, %s", c.args, out.code, out.stderr)
		}
	}
	if out := ritz(t, "paper"); out.code != 0 || !strings.Contains(out.stdout, "dynamical-stability") {
		t.Errorf("the papers are not listed: %s", out.stdout)
	}
}
