// Package picture draws results: spectra, densities and convergence curves,
// as SVG or PNG by the ending of the file's name.
package picture

import (
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
	"path/filepath"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"

	"github.com/ritz-go/ritz/goapi/matio"
)

// ErrEmpty says that there are no points to draw.
var ErrEmpty = errors.New("there is nothing to draw")

const (
	width  = 16 * vg.Centimeter
	height = 10 * vg.Centimeter
)

var (
	blue   = color.RGBA{0x1f, 0x5f, 0x99, 0xff}
	orange = color.RGBA{0xd9, 0x6b, 0x0b, 0xff}
)

// Known reports whether the ending of a file's name is that of a picture.
func Known(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".svg" || ext == ".png"
}

// Spectrum draws descending values, on a logarithmic axis if they are
// positive and span more than a decade.
func Spectrum(path, title string, values []float64) error {
	p := page(title, "index", "value")
	points := make(plotter.XYs, 0, len(values))
	lo, hi := math.Inf(1), 0.0
	for i, v := range values {
		points = append(points, plotter.XY{X: float64(i + 1), Y: v})
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi > 0 && lo < hi/10 && lo >= 0 { // zeros cannot stand on a logarithmic axis
		logarithmic(p)
		kept := points[:0]
		for _, q := range points {
			if q.Y > 1e-17*hi {
				kept = append(kept, q)
			}
		}
		points = kept
	}
	if err := lineAndPoints(p, points); err != nil {
		return err
	}
	return save(p, path)
}

// Density draws a density over its grid, on a logarithmic axis, and marks some
// values on the axis.
func Density(path, title string, grid, density, marks []float64) error {
	p := page(title, "eigenvalue", "density")
	top := 0.0
	for _, v := range density {
		top = max(top, v)
	}
	floor := 1e-7 * top
	points := make(plotter.XYs, len(grid))
	for i, x := range grid {
		points[i] = plotter.XY{X: x, Y: max(density[i], floor)}
	}
	logarithmic(p)
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = blue, vg.Points(1.2)
	p.Add(line)
	if len(marks) > 0 {
		at := make(plotter.XYs, len(marks))
		for i, x := range marks {
			at[i] = plotter.XY{X: x, Y: floor}
		}
		s, err := plotter.NewScatter(at)
		if err != nil {
			return err
		}
		s.Color, s.Radius = orange, vg.Points(3)
		p.Add(s)
		p.Legend.Add("density", line)
		p.Legend.Add("eigenvalues", s)
		p.Legend.Top = true
	}
	return save(p, path)
}

// Curve draws how a quantity changes from step to step, on a logarithmic axis
// where it is positive.
func Curve(path, title, x, y string, values []float64) error {
	p := page(title, x, y)
	points := make(plotter.XYs, 0, len(values))
	for i, v := range values {
		if v > 0 {
			points = append(points, plotter.XY{X: float64(i), Y: v})
		}
	}
	if len(points) == 0 {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	logarithmic(p)
	if err := lineAndPoints(p, points); err != nil {
		return err
	}
	return save(p, path)
}

func page(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.BackgroundColor = color.White
	p.Add(plotter.NewGrid())
	return p
}

func logarithmic(p *plot.Plot) {
	p.Y.Scale = logScale{}
	p.Y.Tick.Marker = logTicks{}
}

// logScale is plot.LogScale for axes whose range is a single value too.
type logScale struct{}

func (logScale) Normalize(lo, hi, x float64) float64 {
	lo, hi = positive(lo, hi)
	return math.Log(max(x, lo)/lo) / math.Log(hi/lo)
}

// positive widens a range to one that a logarithm can divide.
func positive(lo, hi float64) (float64, float64) {
	if !(hi > 0) {
		return 0.1, 1
	}
	if !(lo > 0) {
		lo = hi * 1e-17
	}
	if hi/lo < 2 {
		return lo / 2, hi * 2
	}
	return lo, hi
}

// logTicks labels powers of ten, at most about eight of them.
type logTicks struct{}

func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	lo, hi = positive(lo, hi)
	from, to := int(math.Floor(math.Log10(lo))), int(math.Ceil(math.Log10(hi)))
	step := (to-from)/8 + 1
	var ticks []plot.Tick
	for e := from; e <= to; e++ {
		t := plot.Tick{Value: math.Pow(10, float64(e))}
		if (e-from)%step == 0 {
			t.Label = fmt.Sprintf("1e%d", e)
			if e >= -2 && e <= 3 {
				t.Label = fmt.Sprintf("%g", t.Value)
			}
		}
		if t.Value >= lo*(1-1e-9) && t.Value <= hi*(1+1e-9) {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

func lineAndPoints(p *plot.Plot, points plotter.XYs) error {
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = blue, vg.Points(1.2)
	dots.Color, dots.Radius = blue, vg.Points(1.8)
	p.Add(line)
	if len(points) <= 200 {
		p.Add(dots)
	}
	return nil
}

// save writes the picture under a temporary name first.
func save(p *plot.Plot, path string) error {
	if !Known(path) {
		return fmt.Errorf("%s: pictures are .svg or .png", path)
	}
	w, err := p.WriterTo(width, height, strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."))
	if err != nil {
		return err
	}
	return matio.WriteFile(path, func(out io.Writer) error {
		_, err := w.WriteTo(out)
		return err
	})
}
