package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

// growth is how the time of a kernel depends on one of its sizes.
type growth struct {
	name     string
	expected float64 // exponent of the number of operations
	sizes    []int
	problem  func(size int) (run func() error, err error)
}

// growthRow is a line of the table of exponents.
type growthRow struct {
	Kernel     string    `json:"kernel"`
	Sizes      []int     `json:"sizes"`
	Seconds    []float64 `json:"seconds"`
	Exponent   float64   `json:"exponent"`
	Operations float64   `json:"operations_exponent"`
}

const growthHead = "growth                      exponent  that of the operations  sizes"

func (r growthRow) String() string {
	return fmt.Sprintf("%-27s %8.2f %23.0f  %v", r.Kernel, r.Exponent, r.Operations, r.Sizes)
}

// measure fits the exponent to the shortest times of each size.
func (g growth) measure(ctx context.Context, runs int) (growthRow, error) {
	row := growthRow{Kernel: g.name, Sizes: g.sizes, Operations: g.expected}
	var x, y []float64
	for _, size := range g.sizes {
		run, err := g.problem(size)
		if err != nil {
			return row, err
		}
		shortest := math.Inf(1)
		for range runs + 1 { // the first is a warm-up that is never the shortest
			if err := ctx.Err(); err != nil {
				return row, err
			}
			start := time.Now()
			if err := run(); err != nil {
				return row, err
			}
			shortest = min(shortest, time.Since(start).Seconds())
		}
		row.Seconds = append(row.Seconds, shortest)
		x, y = append(x, math.Log(float64(size))), append(y, math.Log(shortest))
	}
	_, row.Exponent = stat.LinearRegression(x, y, nil, false)
	return row, nil
}

// growths are the exponents that are measured.
func growths(ctx context.Context, dev device.Device) []growth {
	full := func(shape func(size int) (m, n int)) func(int) (func() error, error) {
		return func(size int) (func() error, error) {
			m, n := shape(size)
			a := normal[float64](1, m, n)
			return func() error {
				_, err := svd.Compute(ctx, dev, a, svd.Options{})
				return err
			}, nil
		}
	}
	product := func(shape func(size int) (samples, hidden int)) func(int) (func() error, error) {
		return func(size int) (func() error, error) {
			samples, hidden := shape(size)
			return hessianProduct[float64](ctx, dev, []int{784, hidden, 10}, samples, 8), nil
		}
	}
	return []growth{
		{"svd n×n, n", 3, []int{512, 1024, 2048}, full(func(n int) (int, int) { return n, n })},
		{"svd m×64, m", 1, []int{50000, 100000, 200000, 400000}, full(func(m int) (int, int) { return m, 64 })},
		{"svd 20000×n, n", 2, []int{128, 256, 512, 1024}, full(func(n int) (int, int) { return 20000, n })},
		{"svd 8000×2000, rank k", 1, []int{25, 50, 100}, func(k int) (func() error, error) {
			a := decaying(3, 8000, 2000)
			return func() error {
				_, err := svd.Compute(ctx, dev, a, svd.Options{Rank: k, Method: svd.Randomized})
				return err
			}, nil
		}},
		{"hessian, samples", 1, []int{1000, 2000, 4000}, product(func(n int) (int, int) { return n, 256 })},
		{"hessian, parameters", 1, []int{128, 256, 512}, product(func(hidden int) (int, int) { return 2000, hidden })},
	}
}
