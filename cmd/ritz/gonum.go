package main

import (
	"context"
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/svd"
)

var errGonum = errors.New("gonum's decomposition failed")

// gonumProblems are decompositions beside gonum's, on the device of the
// benchmark and in pure Go, as gonum's are.
func gonumProblems(ctx context.Context, dev device.Device) []measurement {
	const n = 512
	list := besideGonum(ctx, dev, n, "")
	if plain := device.Go(); dev.Info().Backend != plain.Info().Backend {
		list = append(list, besideGonum(ctx, plain, n, ", pure Go")...)
	}
	return list
}

func besideGonum(ctx context.Context, dev device.Device, n int, where string) []measurement {
	a := lazily(func() device.Dense[float64] { return normal[float64](1, n, n) })
	h := lazily(func() device.Dense[float64] { return symmetric(5, n) })
	return []measurement{
		{
			name: fmt.Sprintf("svd %d×%d%s", n, n, where),
			run: func() error {
				_, err := svd.Compute(ctx, dev, a(), svd.Options{})
				return err
			},
			library: map[string]func() error{"gonum mat.SVD": func() error {
				var f mat.SVD
				if !f.Factorize(device.ToMat(a()), mat.SVDThin) {
					return errGonum
				}
				f.UTo(new(mat.Dense))
				f.VTo(new(mat.Dense))
				return nil
			}},
		},
		{
			name: fmt.Sprintf("eigh n=%d%s", n, where),
			run: func() error {
				_, err := svd.Eigh(ctx, dev, h(), svd.EighOptions{})
				return err
			},
			peer: map[string]string{"numpy.linalg.eigh": fmt.Sprintf("eigh %d", n)},
			library: map[string]func() error{"gonum mat.EigenSym": func() error {
				var f mat.EigenSym
				if !f.Factorize(mat.NewSymDense(n, h().Data), true) {
					return errGonum
				}
				f.VectorsTo(new(mat.Dense))
				return nil
			}},
		},
	}
}
