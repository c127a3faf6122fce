package main

import (
	"context"
	"fmt"
	"math"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/svd"
)

// The time of a full decomposition depends on the spectrum: these are the
// square matrices of ritz bench --spectra.

// decays returns the singular values by the name of the spectrum, as decays in
// peers.py does; those of the Gaussian matrix are its own.
func decays(n int) []decay {
	of := func(name string, f func(i int) float64) decay {
		s := make([]float64, n)
		for i := range s {
			s[i] = f(i)
		}
		return decay{name, s}
	}
	condition := func(decades float64) func(int) float64 {
		return func(i int) float64 { return math.Pow(10, -decades*float64(i)/float64(n-1)) }
	}
	return []decay{
		{name: "gaussian"},
		of("all-equal", func(int) float64 { return 1 }),
		of("condition-1e2", condition(2)), of("condition-1e6", condition(6)),
		of("condition-1e10", condition(10)), of("condition-1e15", condition(15)),
		of("1/i", func(i int) float64 { return 1 / float64(i+1) }),
		of("clustered", func(i int) float64 { return math.Pow(10, -math.Floor(8*float64(i)/float64(n))) }),
		of("low-rank", func(i int) float64 {
			if 10*i >= n {
				return 0
			}
			return 1 / float64(i+1)
		}),
	}
}

type decay struct {
	name string
	s    []float64 // nil: a Gaussian matrix
}

func decayProblems(ctx context.Context, dev device.Device) []measurement {
	var list []measurement
	var kept device.Dense[float64] // the matrix of the problem that runs
	of := ""
	for _, n := range []int{512, 1024, 2048} {
		for _, d := range decays(n) {
			name := fmt.Sprintf("svd %d×%d %s", n, n, d.name)
			list = append(list, measurement{
				name: name,
				run: func() error {
					if of != name {
						a, err := d.matrix(ctx, dev, n)
						if err != nil {
							return err
						}
						kept, of = a, name
					}
					_, err := svd.Compute(ctx, dev, kept, svd.Options{})
					return err
				},
				peer: map[string]string{"numpy.linalg.svd": fmt.Sprintf("svddecay %d %s", n, d.name)},
			})
		}
	}
	return list
}

// matrix returns an n×n matrix with the singular values of d and random
// singular vectors.
func (d decay) matrix(ctx context.Context, dev device.Device, n int) (device.Dense[float64], error) {
	a := normal[float64](1, n, n)
	if d.s == nil {
		return a, nil
	}
	left, err := svd.QR(ctx, dev, a, svd.QROptions{})
	if err != nil {
		return a, err
	}
	rng.Normal(2, 0, 0, a.Data)
	right, err := svd.QR(ctx, dev, a, svd.QROptions{})
	if err != nil {
		return a, err
	}
	q := dev.F64()
	defer q.Close()
	us, b := q.Alloc(n, n), q.Alloc(n, n)
	q.ScaleBy(device.PerCol, device.Lend(q, device.Vector(d.s)), device.Lend(q, left.Q), us)
	q.Gemm(device.NoTrans, device.NoTrans, 1, us, device.Lend(q, right.Q), 0, b)
	q.Download(a, b)
	return a, q.Sync()
}
