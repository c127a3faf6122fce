package picture

import (
	"fmt"
	"image/color"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// More names than these would cover the picture.
const maxNames = 12

// Spectra draws several rows of descending values into one picture with a
// logarithmic axis, without what is zero to rounding.
func Spectra(path, title string, names []string, values [][]float64) error {
	p := page(title, "index", "value")
	p.X.Tick.Marker = roundTicks{whole: true}
	p.Y.Tick.Marker = logTicks{}
	drawn := 0
	for i, v := range values {
		var points plotter.XYs
		for j, y := range v {
			if y > 1e-17*v[0] {
				points = append(points, plotter.XY{X: float64(j + 1), Y: math.Log10(y)})
			}
		}
		if len(points) == 0 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = hue(float64(i)/float64(len(values))), vg.Points(1.2)
		p.Add(line)
		if drawn++; drawn <= maxNames {
			p.Legend.Add(names[i], line)
		}
	}
	if drawn == 0 {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	if drawn > maxNames {
		p.Legend.Add(fmt.Sprintf("… %d in all", drawn))
	}
	p.Legend.Top = true
	p.Legend.TextStyle.Font.Size = vg.Points(8)
	p.X.Max *= 1.8 // room for the names
	return save(p, path)
}

// hue returns a dark color from blue (0) over green to red (1).
func hue(x float64) color.Color {
	wave := func(shift float64) uint8 {
		return uint8(20 + 160*(0.5+0.5*math.Cos(math.Pi*(1.4*x-shift))))
	}
	return color.RGBA{wave(1.4), wave(0.7), wave(0), 0xff}
}
