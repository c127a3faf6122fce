package picture

import (
	"fmt"
	"image"
	"image/color"

	"gonum.org/v1/plot/plotter"
)

// Image draws an image whose values, row by row from the top, are shown from
// white (0) to blue (the largest).
func Image(path, title string, rows, cols int, values []float64) error {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	if !(most > 0) {
		return fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	const scale = 8 // pixels to a value, against blurred edges
	img := image.NewRGBA(image.Rect(0, 0, scale*cols, scale*rows))
	for i := range scale * rows {
		for j := range scale * cols {
			v := max(0, values[i/scale*cols+j/scale]/most)
			mix := func(c uint8) uint8 { return uint8(255 - v*(255-float64(c))) }
			img.Set(j, i, color.RGBA{mix(blue.R), mix(blue.G), mix(blue.B), 255})
		}
	}
	p := page(title, "", "")
	p.HideAxes()
	// The page is wider than high; the image keeps its proportions.
	side := float64(rows) * float64(width/height)
	left := (side - float64(cols)) / 2
	p.Add(plotter.NewImage(img, left, 0, left+float64(cols), float64(rows)))
	p.X.Min, p.X.Max = min(0, left), max(side, left+float64(cols))
	return save(p, path)
}
