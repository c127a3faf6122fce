package main

import (
	"fmt"
	"image"
	_ "image/png" // the format that is read
	"math"
	"os"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
)

// photograph reads the brightness of a PNG file, row by row from the top;
// what is transparent is black.
func photograph[T device.Float](path string) (device.Dense[T], error) {
	file, err := os.Open(path)
	if err != nil {
		return device.Dense[T]{}, err
	}
	defer file.Close()
	img, _, err := image.Decode(file)
	if err != nil {
		return device.Dense[T]{}, usagef("%s: %v", path, err)
	}
	box := img.Bounds()
	a := device.NewDense[T](box.Dy(), box.Dx())
	for i := range a.Rows {
		for j := range a.Cols {
			r, g, b, _ := img.At(box.Min.X+j, box.Min.Y+i).RGBA()
			// The weights of ITU-R BT.601.
			a.Set(i, j, T(math.Round(.299*float64(r)+.587*float64(g)+.114*float64(b))))
		}
	}
	return a, nil
}

func isPhotograph(path string) bool { return strings.HasSuffix(strings.ToLower(path), ".png") }

// brightness reads one image as a matrix: a PNG file or one of an array file.
func brightness[T device.Float](path string) (device.Dense[T], error) {
	if isPhotograph(path) {
		return photograph[T](path)
	}
	in, err := locate(path, "")
	if err != nil {
		return device.Dense[T]{}, err
	}
	a, err := array[T](in)
	if err != nil {
		return device.Dense[T]{}, err
	}
	shape := a.Shape
	if len(shape) == 3 && shape[0] == 1 {
		shape = shape[1:]
	}
	if len(shape) != 2 {
		return device.Dense[T]{}, usagef("%s has shape %v; choose one image, as in FILE[3]", path, a.Shape)
	}
	return device.Dense[T]{Rows: shape[0], Cols: shape[1], Stride: shape[1], Data: a.Data}, nil
}

// pixels turns an image into the positions of its bright pixels in the unit
// square and their share of the brightness.
func pixels[T device.Float](path string) (points device.Dense[T], weights []T, err error) {
	a, err := brightness[T](path)
	if err != nil {
		return points, nil, err
	}
	total := 0.0
	for _, v := range a.Data {
		total += float64(v)
	}
	var xy []T
	for i := range a.Rows {
		for j, v := range a.Row(i) {
			if v != 0 {
				xy = append(xy, (T(j)+0.5)/T(a.Cols), 1-(T(i)+0.5)/T(a.Rows))
				weights = append(weights, T(float64(v)/total))
			}
		}
	}
	if len(weights) == 0 {
		return points, nil, fmt.Errorf("%s: the image is black: %w", path, device.ErrEmpty)
	}
	return device.Dense[T]{Rows: len(weights), Cols: 2, Stride: 2, Data: xy}, weights, nil
}

// grid turns an image into the coordinates of its rows and columns of pixels,
// those of pixels, and the brightness of all of them.
func grid[T device.Float](path string) (axes [][]float64, weights []T, err error) {
	a, err := brightness[T](path)
	if err != nil {
		return nil, nil, err
	}
	rows, cols := make([]float64, a.Rows), make([]float64, a.Cols)
	for i := range rows {
		rows[i] = 1 - (float64(i)+0.5)/float64(a.Rows)
	}
	for j := range cols {
		cols[j] = (float64(j) + 0.5) / float64(a.Cols)
	}
	return [][]float64{rows, cols}, a.Clone().Data, nil
}
