//go:build cgo

package cblas_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/goapi/svd"
)

// Without the gate this many callers crash OpenBLAS, which cannot be caught.
func TestTwoThousandGoroutines(t *testing.T) {
	dev, err := cblas.Open(cblas.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const callers, kinds = 2000, 8
	input := make([]device.Dense[float64], kinds)
	values := make([][]float64, kinds)
	products := make([]device.Dense[float64], kinds)
	for k := range kinds {
		n := 32 + 4*k
		input[k] = device.NewDense[float64](n, n)
		rng.Normal(uint64(k), 0, 0, input[k].Data)
		r, err := svd.Compute(context.Background(), device.Go(), input[k], svd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		values[k] = r.S
		products[k] = device.NewDense[float64](n, n)
		device.GoKernels[float64]{}.Gemm(device.NoTrans, device.Transp, 1, input[k], input[k], 0, products[k])
	}
	var start, wg sync.WaitGroup
	start.Add(1)
	failures := make(chan error, callers)
	for c := range callers {
		wg.Go(func() {
			start.Wait()
			k := c % kinds
			n := input[k].Rows
			if c%2 == 0 {
				r, err := svd.Compute(context.Background(), dev, input[k], svd.Options{})
				if err != nil {
					failures <- err
					return
				}
				for i, s := range r.S {
					if math.Abs(s-values[k][i]) > 1e-12 {
						failures <- fmt.Errorf("caller %d: σ%d is %v, want %v", c, i, s, values[k][i])
						return
					}
				}
				return
			}
			q := dev.F64()
			defer q.Close()
			a, b := q.Alloc(n, n), q.Alloc(n, n)
			q.Upload(a, input[k])
			q.Gemm(device.NoTrans, device.Transp, 1, a, a, 0, b)
			got := device.NewDense[float64](n, n)
			q.Download(got, b)
			if err := q.Sync(); err != nil {
				failures <- err
				return
			}
			for i, v := range got.Data {
				if math.Abs(v-products[k].Data[i]) > 1e-12*float64(n) {
					failures <- fmt.Errorf("caller %d: product is %v, want %v", c, v, products[k].Data[i])
					return
				}
			}
		})
	}
	start.Done()
	wg.Wait()
	close(failures)
	for err := range failures {
		t.Error(err)
	}
}
