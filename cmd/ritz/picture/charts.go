package picture

import (
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/ritz-go/ritz/goapi/paper"
)

// Charts draws charts below each other, two in a row from three on. Points that
// have no place on an axis (not finite, or not positive on a logarithmic one)
// are left out.
func Charts(path string, charts []paper.Chart) error {
	var plots []*plot.Plot
	for _, c := range charts {
		p, drawn, err := chart(c)
		if err != nil {
			return err
		}
		if drawn {
			plots = append(plots, p)
		}
	}
	if len(plots) == 0 {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	across := 1
	if len(plots) > 2 {
		across = 2
	}
	return saveTiles(path, plots, across)
}

// chart makes a plot of a chart and reports whether there was a point to draw.
func chart(c paper.Chart) (p *plot.Plot, drawn bool, err error) {
	p = page(c.Title, c.X, c.Y)
	if c.LogX {
		p.X.Tick.Marker = logTicks{}
	}
	if c.LogY {
		p.Y.Tick.Marker = logTicks{}
	}
	for i, s := range c.Series {
		var points plotter.XYs
		for j := range min(len(s.X), len(s.Y)) {
			x, y := place(s.X[j], c.LogX), place(s.Y[j], c.LogY)
			if !math.IsNaN(x + y) {
				points = append(points, plotter.XY{X: x, Y: y})
			}
		}
		if len(points) == 0 {
			continue
		}
		drawn = true
		color := hue(float64(i) / float64(len(c.Series)))
		var line plot.Plotter
		if s.Points {
			cloud, err := plotter.NewScatter(points)
			if err != nil {
				return nil, false, err
			}
			cloud.Color, cloud.Radius, cloud.Shape = color, vg.Points(1.5), draw.CircleGlyph{}
			line = cloud
		} else {
			path, err := plotter.NewLine(points)
			if err != nil {
				return nil, false, err
			}
			path.Color, path.Width = color, vg.Points(1.2)
			line = path
		}
		p.Add(line)
		if s.Name != "" && i < maxNames {
			p.Legend.Add(s.Name, line.(plot.Thumbnailer))
		}
	}
	p.Legend.Top = true
	p.Legend.TextStyle.Font.Size = vg.Points(8)
	p.Legend.Padding = vg.Points(2)
	if height := p.Y.Max - p.Y.Min; height > 0 && !math.IsInf(height, 0) {
		p.Y.Min -= 0.02 * height
		p.Y.Max += 0.06 * height * float64(1+min(len(c.Series), maxNames)) // the names need room
	}
	return p, drawn, nil
}

// place returns where a number stands on an axis, NaN for nowhere.
func place(x float64, log bool) float64 {
	if log {
		x = math.Log10(x)
	}
	if math.IsInf(x, 0) {
		return math.NaN()
	}
	return x
}
