package picture

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Move is mass that goes from point I of the first set to point J of the
// second.
type Move struct {
	I, J int
	Mass float64
}

// Transport draws two sets of points of the plane, each with an area in
// proportion to its mass, and the moves between them as lines, the darker the
// more of the mass of its points a move carries. Moves of less than a
// thousandth of the largest are left out.
func Transport(path, title string, x, y [][2]float64, a, b []float64, moves []Move) error {
	if len(x) == 0 || len(y) == 0 {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	p := page(title, "", "")
	largest := 0.0
	for _, m := range moves {
		largest = max(largest, m.Mass)
	}
	for _, m := range moves {
		if !(m.Mass > 1e-3*largest) {
			continue
		}
		l, err := plotter.NewLine(plotter.XYs{{X: x[m.I][0], Y: x[m.I][1]}, {X: y[m.J][0], Y: y[m.J][1]}})
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		share := m.Mass / max(min(a[m.I], b[m.J]), 1e-300)
		l.Color = color.NRGBA{0x55, 0x55, 0x55, uint8(20 + 200*min(1, share))}
		l.Width = vg.Points(0.7)
		p.Add(l)
	}
	for k, set := range [][][2]float64{x, y} {
		weights, name := a, "from"
		if k == 1 {
			weights, name = b, "to"
		}
		most := 0.0
		for _, w := range weights {
			most = max(most, w)
		}
		points := make(plotter.XYs, len(set))
		for i, at := range set {
			points[i] = plotter.XY{X: at[0], Y: at[1]}
		}
		s, err := plotter.NewScatter(points)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		hue := []color.Color{blue, orange}[k]
		s.GlyphStyle = draw.GlyphStyle{Color: hue, Radius: vg.Points(2.5), Shape: draw.CircleGlyph{}}
		size := min(3.4, 90/math.Sqrt(float64(len(set))))
		s.GlyphStyleFunc = func(i int) draw.GlyphStyle {
			return draw.GlyphStyle{Color: hue, Radius: vg.Points(size * math.Sqrt(weights[i]/most)), Shape: draw.CircleGlyph{}}
		}
		p.Add(s)
		p.Legend.Add(name, s)
	}
	p.Legend.Top = true
	p.X.Max += 0.12 * (p.X.Max - p.X.Min) // room for the legend
	return save(p, path)
}
