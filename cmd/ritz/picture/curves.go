package picture

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// Curves draws how several quantities change from step to step, on a
// logarithmic axis that ends at 1e-16.
func Curves(path, title, x, y string, names []string, curves [][]float64) error {
	p := page(title, x, y)
	p.X.Tick.Marker, p.Y.Tick.Marker = roundTicks{whole: true}, logTicks{}
	steps := 0
	for i, curve := range curves {
		var points plotter.XYs
		for j, v := range curve {
			points = append(points, plotter.XY{X: float64(j), Y: math.Log10(max(v, 1e-16))})
			if !(v > 1e-15) { // what follows is rounding
				break
			}
		}
		if len(points) == 0 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		line.Color, line.Width = hue(float64(i)/float64(len(curves))), vg.Points(1.4)
		if i%2 == 1 {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(2)}
		}
		p.Add(line)
		p.Legend.Add(names[i], line)
		steps = max(steps, len(curve)-1)
	}
	if steps == 0 {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	p.Legend.Top = true
	p.Legend.TextStyle.Font.Size = vg.Points(9)
	p.X.Max = 1.25 * float64(steps) // room for the names
	return save(p, path)
}
