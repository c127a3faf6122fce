package sinkhorn

import (
	"github.com/ritz-go/ritz/goapi/device"
)

// transform computes soft minima over the costs C of one side:
// rows: out[i] = -ε·log Σⱼ exp((ψ[j]-C[i,j])/ε), cols: the same over i. ε = 0
// stands for the minima. Vectors are single rows.
type transform[T device.Float] interface {
	rows(ε T, ψ, out device.Matrix[T])
	cols(ε T, φ, out device.Matrix[T])
}

// halves are the half steps of an iteration whose vectors live in Go memory
// as float64, whatever the costs are stored in: what is done with n+m numbers
// is nothing beside the n·m of the soft minima.
type halves struct {
	n, m int
	rows func(ε float64, ψ, out []float64) error // out has n elements
	cols func(ε float64, φ, out []float64) error // out has m elements
}

func newHalves[T device.Float](q device.Queue[T], t transform[T], n, m int) *halves {
	long, other := q.Alloc(1, n), q.Alloc(1, m)
	host := make([]T, max(n, m))
	put := func(v []float64, to device.Matrix[T]) {
		h := host[:len(v)]
		for k, x := range v {
			h[k] = T(x)
		}
		q.Upload(to, device.Vector(h))
	}
	get := func(from device.Matrix[T], v []float64) error {
		h := host[:len(v)]
		q.Download(device.Vector(h), from)
		if err := q.Sync(); err != nil {
			return err
		}
		for k, x := range h {
			v[k] = float64(x)
		}
		return nil
	}
	return &halves{
		n: n, m: m,
		rows: func(ε float64, ψ, out []float64) error {
			put(ψ, other)
			t.rows(T(ε), other, long)
			return get(long, out)
		},
		cols: func(ε float64, φ, out []float64) error {
			put(φ, long)
			t.cols(T(ε), long, other)
			return get(other, out)
		},
	}
}
