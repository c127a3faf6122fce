package sinkhorn

import (
	"math"

	"github.com/ritz-go/ritz/goapi/device"
)

// Sizes of the clusters of points that truncated sums are made of: leaves are
// left out or kept as a whole, and blocks of leaves see the same leaves of the
// other cloud.
const (
	leafPoints  = 64
	blockLeaves = 4
)

// clusters are the points of a cloud, sorted so that those of a leaf stand
// together: the leaves of a tree that halves the points along the longest side
// of their box.
type clusters[T device.Float] struct {
	points device.Dense[T] // sorted
	order  []int           // of the points in the cloud
	leaves []box
	blocks []box
}

// box holds the points [first,end) and their bounds.
type box struct {
	first, end int
	log        float64 // of their number
	lo, hi     [largestDimension]float64
}

// largestDimension is that up to which points are clustered: with more, most
// of a cloud is near each of its points.
const largestDimension = 3

func newClusters[T device.Float](x device.Dense[T]) *clusters[T] {
	c := &clusters[T]{order: make([]int, x.Rows)}
	for i := range c.order {
		c.order[i] = i
	}
	c.split(x, 0, x.Rows)
	c.points = pickRows(x, c.order)
	for l := 0; l < len(c.leaves); l += blockLeaves {
		b := c.leaves[l]
		for _, other := range c.leaves[l+1 : min(l+blockLeaves, len(c.leaves))] {
			b.end = other.end
			for k := range b.lo {
				b.lo[k], b.hi[k] = min(b.lo[k], other.lo[k]), max(b.hi[k], other.hi[k])
			}
		}
		c.blocks = append(c.blocks, b)
	}
	return c
}

func (c *clusters[T]) split(x device.Dense[T], first, end int) {
	b := box{first: first, end: end, log: math.Log(float64(end - first))}
	widest := 0
	for k := range x.Cols {
		b.lo[k], b.hi[k] = math.Inf(1), math.Inf(-1)
		for _, i := range c.order[first:end] {
			v := float64(x.At(i, k))
			b.lo[k], b.hi[k] = min(b.lo[k], v), max(b.hi[k], v)
		}
		if b.hi[k]-b.lo[k] > b.hi[widest]-b.lo[widest] {
			widest = k
		}
	}
	if end-first <= leafPoints {
		c.leaves = append(c.leaves, b)
		return
	}
	middle := first + (end-first)/2
	partition(c.order[first:end], middle-first, func(i int) T { return x.At(i, widest) })
	c.split(x, first, middle)
	c.split(x, middle, end)
}

// partition moves the k numbers with the smallest keys to the front (Hoare's
// selection).
func partition[T device.Float](at []int, k int, key func(int) T) {
	lo, hi := 0, len(at)-1
	for lo < hi {
		pivot := key(at[lo+(hi-lo)/2])
		i, j := lo, hi
		for i <= j {
			for key(at[i]) < pivot {
				i++
			}
			for key(at[j]) > pivot {
				j--
			}
			if i <= j {
				at[i], at[j] = at[j], at[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return
		}
	}
}

// nearest returns the least squared distance between points of two boxes, and
// farthest the largest.
func (b *box) nearest(c *box) float64 {
	sum := 0.0
	for k := range b.lo {
		if d := max(c.lo[k]-b.hi[k], b.lo[k]-c.hi[k]); d > 0 {
			sum += d * d
		}
	}
	return sum
}

func (b *box) farthest(c *box) float64 {
	sum := 0.0
	for k := range b.lo {
		d := max(c.hi[k]-b.lo[k], b.hi[k]-c.lo[k])
		sum += d * d
	}
	return sum
}

// centroids returns the means of the leaves and their masses.
func (c *clusters[T]) centroids(w []float64) (x device.Dense[T], mass []T) {
	x, mass = device.NewDense[T](len(c.leaves), c.points.Cols), make([]T, len(c.leaves))
	mean := make([]float64, c.points.Cols)
	for l, b := range c.leaves {
		clear(mean)
		total := 0.0
		for i := b.first; i < b.end; i++ {
			total += w[i]
			for k, v := range c.points.Row(i) {
				mean[k] += w[i] * float64(v)
			}
		}
		for k, v := range mean {
			x.Set(l, k, T(v/total))
		}
		mass[l] = T(total)
	}
	return x, mass
}

// unsorted returns the numbers v of the sorted points in the order of the cloud.
func unsorted[E any](v []E, order []int) []E {
	w := make([]E, len(v))
	for k, i := range order {
		w[i] = v[k]
	}
	return w
}
