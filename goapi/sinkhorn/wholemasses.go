package sinkhorn

import (
	"math"
	"math/bits"
)

// inUnits returns the weights a and b, each of sum 1, as whole numbers of one
// unit with the same sum, total, so that sums and differences of masses are
// exact. Weights that are whole numbers w and x themselves (ones for the
// uniform distribution) are kept as they are where the numbers have room;
// others are rounded to multiples of 2⁻⁶⁰.
func inUnits(a, b []float64) (wa, wb []int64, total int64) {
	if wa, wb, total, ok := whole(a, b); ok {
		return wa, wb, total
	}
	total = 1 << 60
	return apportion(a, total), apportion(b, total), total
}

// whole finds whole numbers in the ratios of a, and of b.
func whole(a, b []float64) (wa, wb []int64, total int64, ok bool) {
	wa, sumA := ratios(a)
	wb, sumB := ratios(b)
	if wa == nil || wb == nil {
		return nil, nil, 0, false
	}
	g := gcd(sumA, sumB)
	hi, lo := bits.Mul64(uint64(sumA), uint64(sumB/g))
	if hi != 0 || lo > 1<<62 {
		return nil, nil, 0, false
	}
	for i := range wa {
		wa[i] *= sumB / g
	}
	for j := range wb {
		wb[j] *= sumA / g
	}
	return wa, wb, int64(lo), true
}

// ratios returns whole numbers in the ratios of w and their sum, or nil. It
// finds them where the smallest weight is a unit times at most 64.
func ratios(w []float64) (x []int64, sum int64) {
	least, largest := math.Inf(1), 0.0
	for _, v := range w {
		least, largest = min(least, v), max(largest, v)
	}
	if !(largest/least < 1<<40) { // also where one is 0
		return nil, 0
	}
	x = make([]int64, len(w))
search:
	for k := 1.0; k <= 64; k++ {
		sum = 0
		for i, v := range w {
			r := v / least * k
			n := math.Round(r)
			// The weights were divided by their sum: one rounding each,
			// and one of the quotient.
			if math.Abs(r-n) > 4*0x1p-53*r {
				continue search
			}
			x[i] = int64(n)
			sum += x[i]
		}
		return x, sum
	}
	return nil, 0
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// apportion rounds w·total down, to 1 at least, and settles the difference
// with the largest.
func apportion(w []float64, total int64) []int64 {
	x := make([]int64, len(w))
	top, left := 0, total
	for i, v := range w {
		x[i] = max(1, int64(v*float64(total)))
		left -= x[i]
		if v > w[top] {
			top = i
		}
	}
	x[top] += left
	return x
}
