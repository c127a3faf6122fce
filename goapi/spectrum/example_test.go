package spectrum_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// laplacian is the second difference on n points, whose eigenvalues are
// 2 - 2·cos(kπ/(n+1)), k = 1 … n.
func laplacian(n int) spectrum.Operator[float64] {
	return spectrum.Func(n, func(_ context.Context, dst, src []float64) error {
		for i := range dst {
			dst[i] = 2 * src[i]
			if i > 0 {
				dst[i] -= src[i-1]
			}
			if i+1 < n {
				dst[i] -= src[i+1]
			}
		}
		return nil
	})
}

// Eigenvalues of a matrix that is known by its products alone.
func ExampleEigs() {
	e, err := spectrum.Eigs(context.Background(), device.Go(), laplacian(500), spectrum.EigsOptions{K: 3, Tol: 1e-8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%.6f, residuals below 1e-7: %v\n", e.Values, e.Residuals[0] < 1e-7)
	// Output: [3.999961 3.999843 3.999646], residuals below 1e-7: true
}

// The density of eigenvalues with error bars, and how many lie in an interval.
func ExampleSLQ() {
	q, err := spectrum.SLQ(context.Background(), device.Go(), laplacian(300), spectrum.SLQOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	density, stdErr := q.DensityErr([]float64{1, 2, 3}, 0.2)
	for i := range density {
		fmt.Printf("%.2f ± %.2f\n", density[i], stdErr[i])
	}
	// The exact density at 2 is 1/2π; a third of the eigenvalues are below 1.
	lo, hi := q.Count(0, 1).Interval()
	fmt.Println("100 within the interval:", lo <= 100 && 100 <= hi)
	// Output:
	// 0.18 ± 0.01
	// 0.17 ± 0.01
	// 0.19 ± 0.01
	// 100 within the interval: true
}

// A trace with its standard error, and one to a wanted error.
func ExampleTrace() {
	ctx, dev := context.Background(), device.Go()
	for _, o := range []spectrum.TraceOptions{{Budget: 60}, {Target: 0.01}} {
		e, err := spectrum.Trace(ctx, dev, laplacian(1000), o)
		if err != nil {
			fmt.Println(err)
			return
		}
		lo, hi := e.Interval()
		fmt.Println(e.Products <= 60, e.StdErr < 0.01*2000, lo <= 2000 && 2000 <= hi)
	}
	// Output:
	// true true true
	// true true true
}

// A computation that takes too long is ended by its context; with a State the
// same call goes on later.
func ExampleSLQOptions_progress() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	_, err := spectrum.SLQ(ctx, device.Go(), laplacian(200), spectrum.SLQOptions{
		Progress: func(done, total int) {
			if 4*done > total {
				cancel()
			}
		},
	})
	fmt.Println(errors.Is(err, context.Canceled))
	// Output: true
}
