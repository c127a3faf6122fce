package sinkhorn_test

import (
	"context"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/sinkhorn"
)

func ExampleSolve() {
	// Three shops on a line serve two warehouses of unequal stock.
	shops := device.Dense[float64]{Rows: 3, Cols: 1, Stride: 1, Data: []float64{0, 1, 4}}
	stocks := device.Dense[float64]{Rows: 2, Cols: 1, Stride: 1, Data: []float64{0, 3}}
	r, err := sinkhorn.Solve(context.Background(), device.Go(), sinkhorn.Problem[float64]{
		X: shops, Y: stocks, P: 1,
		A: []float64{2, 1, 2},
		B: []float64{2, 3},
	}, sinkhorn.Options{Epsilon: 0.05})
	if err != nil {
		fmt.Println(err)
		return
	}
	plan := device.NewDense[float64](3, 2)
	if err := r.Plan(plan); err != nil {
		fmt.Println(err)
		return
	}
	for i := range plan.Rows {
		fmt.Printf("%.3f\n", plan.Row(i))
	}
	fmt.Printf("cost %.3f, exact optimum between %.3f and %.3f\n", r.Cost, r.Certificate.Lower, r.Certificate.Upper)
	// Output:
	// [2.000 0.000]
	// [0.000 1.000]
	// [0.000 2.000]
	// cost 4.000, exact optimum between 4.000 and 4.000
}

func ExampleSolveLowRank() {
	// Six points in two groups move on, each group as a whole.
	from := device.Dense[float64]{Rows: 6, Cols: 1, Stride: 1, Data: []float64{0, 1, 2, 10, 11, 12}}
	to := device.Dense[float64]{Rows: 6, Cols: 1, Stride: 1, Data: []float64{3, 4, 5, 13, 14, 15}}
	r, err := sinkhorn.SolveLowRank(context.Background(), device.Go(), sinkhorn.Problem[float64]{X: from, Y: to}, sinkhorn.LowRankOptions{Rank: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("two groups of mass %.3f, cost %.3f\n", r.G, r.Cost)
	// Output:
	// two groups of mass [0.500 0.500], cost 10.333
}

func ExampleGromov() {
	// The corners of a triangle and, elsewhere and in another order, those of
	// its mirror image in space.
	plane := device.Dense[float64]{Rows: 3, Cols: 2, Stride: 2, Data: []float64{0, 0, 1, 0, 0, 3}}
	space := device.Dense[float64]{Rows: 3, Cols: 3, Stride: 3, Data: []float64{7, 7, 4, 7, 7, 7, 7, 8, 7}}
	r, err := sinkhorn.Gromov(context.Background(), device.Go(), sinkhorn.GromovProblem[float64]{X: plane, Y: space}, sinkhorn.GromovOptions{Epsilon: 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 3 {
		fmt.Printf("%.3f\n", r.Plan.Row(i))
	}
	// Output:
	// [0.000 0.333 0.000]
	// [0.000 0.000 0.333]
	// [0.333 0.000 0.000]
}

func ExampleGrid() {
	// A spot of an image of 100×100 pixels moves by (0.3, 0.2). The 10000×10000
	// costs are never formed.
	axis := make([]float64, 100)
	for i := range axis {
		axis[i] = float64(i) / 100
	}
	spot := func(row, col int) []float64 {
		w := make([]float64, 100*100)
		for i := range 10 {
			for j := range 10 {
				w[(row+i)*100+col+j] = 0.01
			}
		}
		return w
	}
	grid := [][]float64{axis, axis}
	r, err := sinkhorn.Solve(context.Background(), device.Go(), sinkhorn.Problem[float64]{
		Source: sinkhorn.Grid[float64](grid, grid, 2), A: spot(10, 10), B: spot(40, 30),
	}, sinkhorn.Options{Epsilon: 1e-3})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("exact cost between %.2f and %.2f\n", r.Certificate.Lower, r.Certificate.Upper)
	// Output:
	// exact cost between 0.13 and 0.13
}
