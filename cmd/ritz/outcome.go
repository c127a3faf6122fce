package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ritz-go/ritz/cmd/ritz/picture"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

// outcome is what a computing command prints, as JSON or as text.
type outcome struct {
	Command     string         `json:"command"`
	Backend     string         `json:"backend"`
	DType       string         `json:"dtype"`
	Shape       []int          `json:"shape"`
	Method      string         `json:"method,omitempty"`
	Form        string         `json:"form,omitempty"` // of the steps of ritz polar
	Seconds     float64        `json:"seconds"`
	Certificate map[string]any `json:"certificate"`

	Values     []float64          `json:"values,omitempty"`
	Cost       *float64           `json:"cost,omitempty"`
	Trace      *estimate          `json:"trace,omitempty"`
	Density    *density           `json:"density,omitempty"`
	Diagonal   *diagonal          `json:"diagonal,omitempty"`
	Curve      []float64          `json:"curve,omitempty"`
	CurveName  string             `json:"curve_name,omitempty"`
	Converged  bool               `json:"converged"`
	Iterations int                `json:"iterations,omitempty"`
	Products   int                `json:"products,omitempty"`
	Measures   map[string]float64 `json:"measures,omitempty"`

	Outputs     map[string]string `json:"outputs"`
	Environment environment       `json:"environment"`
}

type estimate struct {
	Value    float64   `json:"value"`
	StdErr   *float64  `json:"std_error,omitempty"`
	Interval []float64 `json:"interval_95,omitempty"`
	Products int       `json:"products"`
	Method   string    `json:"method,omitempty"`
}

// diagonal is an estimate of a diagonal.
type diagonal struct {
	Value    []float64 `json:"value"`
	StdErr   []float64 `json:"std_error"`
	Products int       `json:"products"`
}

// density is the density of eigenvalues, smoothed by a normal distribution of
// some width, at the points of a grid.
type density struct {
	Width float64   `json:"width"`
	Grid  []float64 `json:"grid"`
	Value []float64 `json:"value"`
}

// environment is where the result was computed.
type environment struct {
	CPU        string   `json:"cpu"`
	Level      string   `json:"kernel_level"`
	BLAS       string   `json:"blas,omitempty"`
	BLASCore   string   `json:"blas_core,omitempty"`
	Threads    int      `json:"threads"`
	GOMAXPROCS int      `json:"gomaxprocs"`
	OS         string   `json:"os"`
	Go         string   `json:"go"`
	Ritz       string   `json:"ritz"`
	Notes      []string `json:"notes,omitempty"`
}

func environmentOf(dev device.Device) environment {
	i := dev.Info()
	return environment{
		CPU: i.Hardware, Level: i.Level, BLAS: i.Library, BLASCore: i.Core, Threads: i.Threads,
		GOMAXPROCS: runtime.GOMAXPROCS(0), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Go: runtime.Version(), Ritz: version, Notes: slices.Concat(i.Warnings, i.Notes),
	}
}

// certificate makes the JSON form of named error statements; what was not
// computed (NaN) is left out.
func certificate(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if x, ok := pairs[i+1].(float64); ok && math.IsNaN(x) {
			continue
		}
		m[pairs[i].(string)] = pairs[i+1]
	}
	return m
}

// timed runs f --repeat times, after one warm-up if more than once, and
// returns the median of the seconds. An iteration that did not converge is
// timed like others.
func (c *common) timed(f func() error) (float64, error) {
	if c.repeat > 1 {
		if err := f(); err != nil && !notConverged(err) {
			return 0, err
		}
	}
	var seconds []float64
	for {
		start := time.Now()
		err := f()
		seconds = append(seconds, time.Since(start).Seconds())
		if err != nil && !notConverged(err) {
			return 0, err
		}
		if len(seconds) == c.repeat {
			slices.Sort(seconds)
			mid := len(seconds) / 2
			if len(seconds)%2 == 0 {
				return (seconds[mid-1] + seconds[mid]) / 2, err
			}
			return seconds[mid], err
		}
	}
}

// save writes an array to file in the folder --output and records it.
func save[T device.Float](c *common, o *outcome, file string, shape []int, data []T) error {
	if err := os.MkdirAll(c.output, 0o777); err != nil {
		return err
	}
	path := filepath.Join(c.output, file)
	o.Outputs[strings.TrimSuffix(file, filepath.Ext(file))] = path
	return matio.Write(path, matio.Array[T]{Shape: shape, Data: data})
}

// saveMatrix writes a matrix whose rows are contiguous.
func saveMatrix[T device.Float](c *common, o *outcome, file string, a device.Dense[T]) error {
	return save(c, o, file, []int{a.Rows, a.Cols}, a.Data)
}

// print writes the outcome to standard output.
func (c *common) print(o *outcome) error {
	if c.json {
		e := json.NewEncoder(c.stdout)
		e.SetIndent("", "  ")
		if err := e.Encode(o); err != nil {
			if unsupported := new(json.UnsupportedValueError); errors.As(err, &unsupported) {
				return fmt.Errorf("a result is %s: the numbers of the input are too large, scale them: %w", unsupported.Str, err)
			}
			return err
		}
		return nil
	}
	return o.text(c.stdout)
}

// parseOutcome reads the JSON form back.
func parseOutcome(data []byte) (*outcome, error) {
	var o outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, err
	}
	for name, v := range o.Certificate { // JSON knows no lists of numbers
		list, ok := v.([]any)
		if !ok {
			continue
		}
		numbers := make([]float64, 0, len(list))
		for _, e := range list {
			if x, ok := e.(float64); ok {
				numbers = append(numbers, x)
			}
		}
		o.Certificate[name] = numbers
	}
	return &o, nil
}

// text prints the outcome for people.
func (o *outcome) text(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	dims := make([]string, len(o.Shape))
	for i, d := range o.Shape {
		dims[i] = fmt.Sprint(d)
	}
	line(o.Command, "%s, %s, %s on %s", strings.Join(dims, "×"), o.DType, o.Method, o.Backend)
	if o.Form != "" {
		line("form", "%s", o.Form)
	}
	line("seconds", "%.4g", o.Seconds)
	if o.Cost != nil {
		line("cost", "%.10g", *o.Cost)
	}
	if len(o.Values) > 0 {
		shown := o.Values
		rest := ""
		if len(shown) > 10 {
			rest = fmt.Sprintf(" … %.6g (%d in all)", shown[len(shown)-1], len(shown))
			shown = shown[:9]
		}
		parts := make([]string, len(shown))
		for i, v := range shown {
			parts[i] = fmt.Sprintf("%.6g", v)
		}
		line("values", "%s%s", strings.Join(parts, " "), rest)
	}
	if o.Trace != nil {
		err := ""
		if o.Trace.StdErr != nil {
			err = fmt.Sprintf(" ± %.2g", *o.Trace.StdErr)
		}
		line("trace", "%.6g%s (%d products, %s)", o.Trace.Value, err, o.Trace.Products, o.Trace.Method)
	}
	if o.Iterations > 0 {
		line("iterations", "%d", o.Iterations)
	}
	if o.Products > 0 {
		line("products", "%d", o.Products)
	}
	for _, name := range sorted(o.Measures) {
		line(name, "%.6g", o.Measures[name])
	}
	for _, name := range sorted(o.Certificate) {
		switch v := o.Certificate[name].(type) {
		case float64:
			line("  "+name, "%.3g", v)
		case []float64:
			if len(v) > 0 {
				line("  "+name, "at most %.3g", slices.Max(v))
			}
		}
	}
	for _, name := range sorted(o.Outputs) {
		line("wrote", "%s", o.Outputs[name])
	}
	return w.Flush()
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// finish writes the picture, prints the outcome, and returns failure, which
// may be that of an iteration that did not converge.
func (c *common) finish(o *outcome, draw func(path string) error, failure error) error {
	o.Converged = failure == nil
	if c.plot != "" {
		switch err := draw(c.plot); {
		case errors.Is(err, picture.ErrEmpty):
			c.log.Warn("no picture", "reason", err)
		case err != nil:
			return err
		default:
			o.Outputs["plot"] = c.plot
		}
	}
	if err := c.print(o); err != nil {
		return err
	}
	return failure
}

func (c *common) begin(command string, dev device.Device, dtype string, shape ...int) *outcome {
	return &outcome{
		Command: command, Backend: dev.Info().Name, DType: dtype, Shape: shape,
		Outputs: map[string]string{}, Environment: environmentOf(dev),
	}
}

func doubles[T device.Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// show prints v as JSON with --json, else by text.
func (c *common) show(v any, text func(out io.Writer) error) error {
	if !c.json {
		return text(c.stdout)
	}
	e := json.NewEncoder(c.stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// publish writes v as JSON to --output, if there is one, and with --json to
// standard output; printed reports whether it did the latter.
func (c *common) publish(v any) (printed bool, err error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return false, err
	}
	put := func(w io.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	}
	if c.output != "" {
		if err := matio.WriteFile(c.output, put); err != nil {
			return false, err
		}
	}
	if !c.json {
		return false, nil
	}
	return true, put(c.stdout)
}
