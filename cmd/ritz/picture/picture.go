// Package picture draws results: spectra, densities and convergence curves,
// as SVG or PNG by the ending of the file's name.
package picture

import (
	"bytes"
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
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/ritz-go/ritz/goapi/matio"
)

// ErrEmpty says that there are no points to draw.
var ErrEmpty = errors.New("there is nothing to draw")

const (
	width  = 16 * vg.Centimeter
	height = 10 * vg.Centimeter
	dpi    = 192 // of PNG
	// dotted is the number of points up to which each has a dot.
	dotted = 60
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

// Spectrum draws values over their index, on a logarithmic axis if they are
// not negative and span more than a decade. name is what each of them is.
func Spectrum(path, title, name string, values []float64) error {
	p := page(title, "index", name)
	p.X.Tick.Marker = roundTicks{whole: true}
	points := make(plotter.XYs, 0, len(values))
	lo, hi := math.Inf(1), 0.0
	for i, v := range values {
		points = append(points, plotter.XY{X: float64(i + 1), Y: v})
		lo, hi = min(lo, v), max(hi, v)
	}
	if hi > 0 && lo < hi/10 && lo >= 0 {
		p.Y.Tick.Marker = logTicks{}
		points = logarithms(points, 1e-17*hi) // zeros have no place there
	}
	if err := curve(p, points); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return save(p, path)
}

// Density draws a density over its grid, on a logarithmic axis of seven
// decades, and marks some values on the axis.
func Density(path, title string, grid, density, marks []float64) error {
	p := page(title, "eigenvalue", "density")
	p.Y.Tick.Marker = logTicks{}
	top := 0.0
	for _, v := range density {
		top = max(top, v)
	}
	floor := 1e-7 * top
	line := func(points plotter.XYs) error {
		l, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		l.Color, l.Width = blue, vg.Points(1.2)
		p.Add(l)
		return nil
	}
	var part plotter.XYs // what lies above the floor without a gap
	for i, x := range grid {
		if density[i] > floor {
			part = append(part, plotter.XY{X: x, Y: math.Log10(density[i])})
		}
		if len(part) > 0 && (density[i] <= floor || i == len(grid)-1) {
			if err := line(part); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			part = nil
		}
	}
	if !(top > 0) {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	p.Y.Min = math.Log10(floor)
	if len(marks) > 0 {
		at := make(plotter.XYs, len(marks))
		for i, x := range marks {
			at[i] = plotter.XY{X: x, Y: p.Y.Min}
		}
		s, err := plotter.NewScatter(at)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		s.Color, s.Radius, s.Shape = orange, vg.Points(2.5), draw.CircleGlyph{}
		p.Add(s)
		p.Legend.Add("computed eigenvalues", s)
		p.Y.Max++ // the legend stands above the line
		// The text stands after its sign, where a wider font has room.
		p.Legend.Top, p.Legend.Left, p.Legend.XOffs = true, true, width/2
	}
	return save(p, path)
}

// Curve draws how a quantity changes from step to step, on a logarithmic axis
// where it is positive.
func Curve(path, title, x, y string, values []float64) error {
	p := page(title, x, y)
	p.X.Tick.Marker, p.Y.Tick.Marker = roundTicks{whole: true}, logTicks{}
	points := make(plotter.XYs, len(values))
	for i, v := range values {
		points[i] = plotter.XY{X: float64(i), Y: v}
	}
	if err := curve(p, logarithms(points, 0)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return save(p, path)
}

func page(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(6)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Tick.Marker, p.Y.Tick.Marker = roundTicks{}, roundTicks{}
	// The metrics of this font are those of Arial and Helvetica, one of which
	// is there wherever a browser is.
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle,
		&p.X.Tick.Label, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	p.Legend.TextStyle.Font.Size = vg.Points(10)
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = color.Gray{0xdd}, color.Gray{0xdd}
	p.Add(grid)
	return p
}

// logarithms keeps the points above floor, with the decimal logarithm of y.
// The axis stays a linear one, since the layout of gonum/plot misplaces the
// label of another.
func logarithms(points plotter.XYs, floor float64) plotter.XYs {
	var kept plotter.XYs
	for _, q := range points {
		if q.Y > floor {
			kept = append(kept, plotter.XY{X: q.X, Y: math.Log10(q.Y)})
		}
	}
	return kept
}

func curve(p *plot.Plot, points plotter.XYs) error {
	if len(points) == 0 {
		return ErrEmpty
	}
	line, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = blue, vg.Points(1.2)
	dots.Color, dots.Radius, dots.Shape = blue, vg.Points(1.8), draw.CircleGlyph{}
	p.Add(line)
	if len(points) <= dotted {
		p.Add(dots)
	}
	return nil
}

// save writes a picture of one plot.
func save(p *plot.Plot, path string) error {
	return saveTiles(path, []*plot.Plot{p}, 1)
}

// saveTiles writes a picture of plots, so many across, under a temporary name
// first.
func saveTiles(path string, plots []*plot.Plot, across int) error {
	down := (len(plots) + across - 1) / across
	w, h := vg.Length(across)*width, vg.Length(down)*height
	var c vg.CanvasWriterTo
	switch strings.ToLower(filepath.Ext(path)) {
	case ".svg":
		c = vgsvg.New(w, h)
	case ".png":
		c = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(dpi))}
	default:
		return fmt.Errorf("%s: pictures are .svg or .png", path)
	}
	all := draw.New(c)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	tiles := draw.Tiles{Cols: across, Rows: down}
	for i, p := range plots {
		p.BackgroundColor = nil
		// The last label of an axis may be wider in the reader's font.
		p.Draw(draw.Crop(tiles.At(all, i%across, i/across), vg.Points(6), vg.Points(-14), vg.Points(4), vg.Points(-6)))
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return err
	}
	data := bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans"),
		[]byte("font-family:'Liberation Sans',Arial,Helvetica,sans-serif"))
	return matio.WriteFile(path, func(out io.Writer) error {
		_, err := out.Write(data)
		return err
	})
}
