// Package report writes the HTML report of a job: one file without external
// parts, with the pictures inside.
package report

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"github.com/ritz-go/ritz/goapi/matio"
)

//go:embed report.html.tmpl
var page string

var layout = template.Must(template.New("report").Parse(page))

// Task is one task of a report.
type Task struct {
	Name       string
	Parameters []string
	Result     json.RawMessage // nil if it failed
	Code       int
	Message    string
	Dir        string // where plot.svg is
	Skipped    bool
	Worker     string // GPU that did it, "" if the job ran in one process
}

// result is what the report shows of a command's JSON object.
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
	Converged   bool
	Iterations  int
	Products    int
	Measures    map[string]float64
	Outputs     map[string]string
	Environment map[string]any
}

// row is one line of a table.
type row struct{ Name, Value, Meaning string }

// section is a task ready for the page.
type section struct {
	Task
	Title   string
	State   string // "done", "not converged", "failed"
	Facts   []row
	Errors  []row
	Picture template.HTML
}

// meanings explain the entries of certificates.
var meanings = map[string]string{
	"residual":        "relative Frobenius norm of what the factors leave of the matrix",
	"orthogonality_u": "bound of ‖UᵀU − I‖₂",
	"orthogonality_v": "bound of ‖VᵀV − I‖₂",
	"orthogonality":   "‖QQᵀ − I‖ in the Frobenius norm",
	"error_bound":     "no result is farther than this from an exact one",
	"residuals":       "an exact eigenvalue lies within this of each value",
	"std_error":       "standard error of the trace",
	"marginal_l1":     "error of the plan's marginals before rounding",
	"gap":             "upper − lower",
	"lower":           "the exact optimal cost is at least this",
	"upper":           "the exact optimal cost is at most this",
}

// Write writes the report of the tasks to path.
func Write(path, title string, tasks []Task, when time.Time) error {
	data := struct {
		Title       string
		When        string
		Failed      int
		Unconverged int
		Sections    []section
		Environment []row
	}{Title: title, When: when.Format("2 January 2006, 15:04 MST")}
	for _, t := range tasks {
		s, r, err := describe(t)
		if err != nil {
			return err
		}
		switch s.State {
		case "failed":
			data.Failed++
		case "not converged":
			data.Unconverged++
		}
		data.Sections = append(data.Sections, s)
		if r != nil && data.Environment == nil {
			data.Environment = table(r.Environment, nil)
		}
	}
	return matio.WriteFile(path, func(w io.Writer) error { return layout.Execute(w, data) })
}

func describe(t Task) (section, *result, error) {
	s := section{Task: t, Title: t.Name, State: "failed"}
	if t.Result == nil {
		return s, nil, nil
	}
	var r result
	if err := json.Unmarshal(t.Result, &r); err != nil {
		return s, nil, fmt.Errorf("task %s: %w", t.Name, err)
	}
	s.State = "done"
	if !r.Converged {
		s.State = "not converged"
	}
	add := func(name, format string, args ...any) {
		s.Facts = append(s.Facts, row{Name: name, Value: fmt.Sprintf(format, args...)})
	}
	shape := ""
	for i, d := range r.Shape {
		if i > 0 {
			shape += " × "
		}
		shape += fmt.Sprint(d)
	}
	add("shape", "%s, %s", shape, r.DType)
	add("method", "%s on %s", r.Method, r.Backend)
	add("time", "%.3g s", r.Seconds)
	if r.Cost != nil {
		add("cost", "%.8g", *r.Cost)
	}
	if n := len(r.Values); n > 0 {
		add("values", "%d, from %.6g to %.6g", n, r.Values[0], r.Values[n-1])
	}
	if r.Trace != nil {
		deviation := ""
		if r.Trace.StdErr != nil {
			deviation = fmt.Sprintf(" ± %.2g", *r.Trace.StdErr)
		}
		add("trace", "%.6g%s from %d products", r.Trace.Value, deviation, r.Trace.Products)
	}
	if r.Iterations > 0 {
		add("iterations", "%d", r.Iterations)
	}
	if r.Products > 0 {
		add("products", "%d", r.Products)
	}
	for _, name := range sortedKeys(r.Measures) {
		add(name, "%.6g", r.Measures[name])
	}
	var files []string
	for _, name := range sortedKeys(r.Outputs) {
		files = append(files, filepath.Base(r.Outputs[name]))
	}
	if len(files) > 0 {
		add("files", "%s in %s", strings.Join(files, ", "), t.Dir)
	}
	s.Errors = table(r.Certificate, meanings)
	svg, err := os.ReadFile(filepath.Join(t.Dir, "plot.svg"))
	if err == nil {
		s.Picture = template.HTML(inline(svg))
	} else if !os.IsNotExist(err) {
		return s, nil, err
	}
	return s, &r, nil
}

var (
	prologue = regexp.MustCompile(`(?s)^.*?<svg`)
	fixed    = regexp.MustCompile(`width="[^"]*" height="[^"]*"`)
)

// inline turns an SVG file into an element that scales with the page.
func inline(svg []byte) string {
	s := prologue.ReplaceAllString(string(svg), "<svg")
	if at := fixed.FindStringIndex(s); at != nil && at[0] < 200 {
		s = s[:at[0]] + s[at[1]:]
	}
	return s
}

func table(m map[string]any, meaning map[string]string) []row {
	var rows []row
	for _, name := range sortedKeys(m) {
		value := ""
		switch v := m[name].(type) {
		case float64:
			value = fmt.Sprintf("%.4g", v)
		case []any:
			largest := 0.0
			var words []string
			for _, e := range v {
				if x, ok := e.(float64); ok {
					largest = max(largest, x)
				} else {
					words = append(words, fmt.Sprint(e))
				}
			}
			if len(v) == 0 {
				continue
			}
			value = strings.Join(words, "; ")
			if value == "" {
				value = fmt.Sprintf("at most %.4g", largest)
			}
		default:
			value = fmt.Sprint(v)
		}
		rows = append(rows, row{name, value, meaning[name]})
	}
	return rows
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
