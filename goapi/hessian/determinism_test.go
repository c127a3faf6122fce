package hessian

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/ritz-go/ritz/cblas"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// numbersOf returns products of every kind of operator, and a density.
func numbersOf(t *testing.T, dev device.Device) map[string][]float64 {
	t.Helper()
	const n = 700
	q := dev.F64()
	defer q.Close()
	all := map[string][]float64{}
	data := classified[float64](n, 40, 5)
	add := func(name string, op spectrum.Operator[float64]) {
		v := device.NewDense[float64](9, op.Dim())
		src := q.Alloc(v.Rows, v.Cols)
		q.Random(device.Normal, 3, 0, src)
		q.Download(v, src)
		all[name] = product(t, q, op, v).Data
	}
	for _, activation := range []nn.Activation{nn.Tanh, nn.Gelu} {
		net, err := nn.New[float64]([]int{40, 150, 70, 5}, activation, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []Kind{Hessian, GGN, Fisher} {
			for _, limit := range []int64{0, 1} {
				op, err := MLP(ctx, q, net, data, Options{Kind: kind, CacheLimit: limit})
				if err != nil {
					t.Fatal(err)
				}
				add(string(kind)+string(activation), op)
				if activation == nn.Tanh && kind == Hessian {
					s, err := spectrum.SLQ(ctx, dev, op, spectrum.SLQOptions{Probes: 3, Steps: 6, Seed: 5})
					if err != nil {
						t.Fatal(err)
					}
					all["density"] = append(s.Nodes[0], s.Weights[0]...)
				}
			}
		}
	}
	net, err := nn.New[float64]([]int{40, 5}, nn.Tanh, 1)
	if err != nil {
		t.Fatal(err)
	}
	head, err := Softmax(ctx, q, net, data.X)
	if err != nil {
		t.Fatal(err)
	}
	add("softmax", head)
	return all
}

func sameNumbers(t *testing.T, name string, got, want map[string][]float64, tol float64) {
	t.Helper()
	for what, list := range want {
		size := 0.0
		for _, x := range list {
			size = max(size, math.Abs(x))
		}
		for i, x := range list {
			if !(math.Abs(got[what][i]-x) <= tol*size) {
				t.Errorf("%s: number %d of %s is %v, want %v", name, i, what, got[what][i], x)
				break
			}
		}
	}
}

// A seed gives the same numbers with 1, 2 and 7 threads, to 1e-12, and on
// another device, to 1e-10.
func TestSeedDecidesAlone(t *testing.T) {
	threads := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(threads)
	runtime.GOMAXPROCS(1)
	want := numbersOf(t, device.Go())
	for _, threads := range []int{2, 7} {
		runtime.GOMAXPROCS(threads)
		sameNumbers(t, "pure Go", numbersOf(t, device.Go()), want, 1e-12)
	}
	var first map[string][]float64
	for _, threads := range []int{1, 2, 7} {
		dev, err := cblas.Open(cblas.Options{Threads: threads})
		if errors.Is(err, device.ErrUnavailable) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := numbersOf(t, dev)
		if err := dev.Close(); err != nil {
			t.Error(err)
		}
		if first == nil {
			first = got
		}
		sameNumbers(t, "OpenBLAS, threads", got, first, 1e-12)
		sameNumbers(t, "OpenBLAS and pure Go", got, want, 1e-10)
	}
}
