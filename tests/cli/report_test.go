package cli

import (
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// page is what a test wants to know of an HTML file.
type page struct {
	elements map[string]int
	pictures []string // the text in each svg element
	text     string
}

// parse reads HTML and fails unless its elements are nested well and it refers
// to nothing outside of it.
func parse(t *testing.T, html string) page {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(html))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	p := page{elements: map[string]int{}}
	var open []string
	var text strings.Builder
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("not HTML: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			p.elements[e.Name.Local]++
			open = append(open, e.Name.Local)
			if e.Name.Local == "svg" {
				p.pictures = append(p.pictures, "")
			}
			for _, a := range e.Attr {
				outside := strings.Contains(a.Value, "//") || strings.Contains(a.Value, "url(")
				if a.Name.Local == "href" || a.Name.Local == "src" {
					outside = !strings.HasPrefix(a.Value, "#")
				}
				if outside && a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
					t.Errorf("<%s> refers to %s=%q", e.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> ends %v", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if slices.Contains(open, "svg") {
				p.pictures[len(p.pictures)-1] += string(e) + " "
			} else if !slices.Contains(open, "style") {
				text.Write(e)
			} else if strings.Contains(string(e), "@import") || strings.Contains(string(e), "url(") {
				t.Error("the style refers to something outside")
			}
		}
	}
	if len(open) > 0 {
		t.Fatalf("%v are not closed", open)
	}
	for _, name := range []string{"script", "link", "img", "iframe", "object", "foreignObject", "image", "use"} {
		if p.elements[name] > 0 {
			t.Errorf("the page has the element <%s>", name)
		}
	}
	p.text = text.String()
	return p
}

// A report is one HTML file that needs no other: with a picture, the numbers
// and the certificate of each task, and the environment.
func TestReport(t *testing.T) {
	dir := small(t)
	job := writeBytes(t, filepath.Join(dir, "job.yaml"), []byte(`
name: a <b> & "c"
defaults: {backend: go}
tasks:
  - {name: values, command: svd, input: A.npy}
  - {name: factor, command: polar, input: A.npy}
  - {name: density, command: spectrum, input: H.npy, top: 3, density: true, trace: true, budget: 8}
  - {name: ends, command: spectrum, input: H.npy, top: 4, which: BE}
  - {name: loss, command: hessian, data: X.csv, labels: labels.csv, train: 2, top: 2, trace: true}
  - {name: move, command: sinkhorn, cost: C.npy, eps: 0.05}
  - {name: hasty, command: sinkhorn, cost: C.npy, eps: 0.001, max-iterations: 3}
  - {name: bad, command: svd, input: "<absent> & lost.npy"}
`))
	out := filepath.Join(dir, "out")
	list := runJob(t, failed, job, "-o", out)
	html, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(html), "<!DOCTYPE html>") {
		t.Errorf("begins with %.30q", html)
	}
	p := parse(t, string(html))
	if p.elements["section"] != len(list)+1 || p.elements["html"] != 1 || p.elements["title"] != 1 {
		t.Errorf("%d sections for %d tasks and the environment", p.elements["section"], len(list))
	}
	axes := [][]string{
		{"Singular values", "index", "singular value"},
		{"Newton", "step", "distance from orthogonality"},
		{"Spectrum", "eigenvalue", "density", "computed eigenvalues"},
		{"Spectrum", "index", "eigenvalue"},
		{"Hessian (softmax)", "index", "eigenvalue"},
		{"Sinkhorn", "iteration", "error of the marginals"},
		{"Sinkhorn", "iteration", "error of the marginals"},
	}
	if len(p.pictures) != len(axes) {
		t.Fatalf("%d pictures, want %d", len(p.pictures), len(axes))
	}
	for i, want := range axes {
		for _, label := range want {
			if !strings.Contains(p.pictures[i], label) {
				t.Errorf("picture %d has no %q: %s", i, label, p.pictures[i])
			}
		}
		if n := len(regexp.MustCompile(`(?:^| )-?\d[\d.]*(?:e-?\d+)? `).FindAllString(p.pictures[i], -1)); n < 4 {
			t.Errorf("picture %d has %d numbers on its axes: %s", i, n, p.pictures[i])
		}
	}
	for _, want := range []string{
		`a <b> & "c"`, "1 failed", "1 not converged", "<absent> & lost.npy", "exit code 1", "not converged", "exit code 4",
		"error_bound", "orthogonality_u", "residuals", "std_error", "marginal_l1", "lower", "upper",
		"no result is farther than this", "gomaxprocs", "kernel_level", "S.npy, U.npy", "--top=3", "12 × 8",
	} {
		if !strings.Contains(p.text, want) {
			t.Errorf("the report does not say %q", want)
		}
	}
	for _, l := range list {
		if !strings.Contains(p.text, l.Task) {
			t.Errorf("the report has nothing of %s", l.Task)
		}
	}
	// The environment of the report is that of the results.
	if cpu, _ := list[0].Result.Environment["cpu"].(string); cpu == "" || !strings.Contains(p.text, cpu) {
		t.Errorf("the report does not name the CPU %q", cpu)
	}
}

// Pictures of every command as files: SVG that is XML, PNG with its signature,
// neither replaced by a failure.
func TestPictures(t *testing.T) {
	dir := small(t)
	one := write(t, filepath.Join(dir, "one.npy"), []int{1, 1}, 3.0)
	low := write(t, filepath.Join(dir, "low.npy"), []int{3, 3}, 1, 1, 1, 1, 1, 1, 1, 1, 1.0) // two singular values are 0
	zero := write(t, filepath.Join(dir, "zero.npy"), []int{2, 2}, 0, 0, 0, 0.0)
	commands := [][]string{
		{"svd", filepath.Join(dir, "A.npy")},
		{"svd", one},
		{"svd", low},
		{"svd", zero},
		{"polar", filepath.Join(dir, "A.npy")},
		{"spectrum", filepath.Join(dir, "H.npy"), "--top", "5"},
		{"spectrum", filepath.Join(dir, "H.npy"), "--density"},
		{"spectrum", one},
		{"spectrum", one, "--density"},
		{"hessian", "--data", filepath.Join(dir, "X.csv"), "--labels", filepath.Join(dir, "labels.csv"), "--train", "1", "--density", "--top", "2"},
		{"sinkhorn", "--cost", filepath.Join(dir, "C.npy"), "--eps", "0.1"},
	}
	for _, args := range commands {
		for _, ending := range []string{".svg", ".png", ".SVG"} {
			path := filepath.Join(t.TempDir(), "plot"+ending)
			out := ritz(t, append(args, "--plot", path, "--backend", "go")...)
			data, err := os.ReadFile(path)
			if out.code != 0 || err != nil {
				t.Errorf("%v: %+v, %v", args, out, err)
				continue
			}
			if ending == ".png" {
				if !strings.HasPrefix(string(data), "\x89PNG\r\n\x1a\n") {
					t.Errorf("%v: begins with %.8q", args, data)
				}
			} else if err := xml.Unmarshal(data, new(struct{ XMLName xml.Name })); err != nil || strings.Contains(string(data), "NaN") || strings.Contains(string(data), "Inf") {
				t.Errorf("%v: %v\n%.300s", args, err, data)
			}
		}
	}
}
