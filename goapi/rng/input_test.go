package rng

import (
	"math"
	"testing"
)

// Streams have no end and no bad position: numbers wrap around at 2⁶⁴, and an
// empty destination asks for none.
func TestPositions(t *testing.T) {
	for name, f := range map[string]func(seed, stream, start uint64, dst []float64){
		"Normal": Normal[float64], "Uniform": Uniform[float64], "Rademacher": Rademacher[float64],
	} {
		f(1, 2, 3, nil)
		f(1, 2, math.MaxUint64, []float64{})
		across, first, last := make([]float64, 5), make([]float64, 3), make([]float64, 2)
		f(math.MaxUint64, math.MaxUint64, math.MaxUint64-1, across)
		f(math.MaxUint64, math.MaxUint64, math.MaxUint64-1, last)
		f(math.MaxUint64, math.MaxUint64, 0, first)
		for i, v := range across {
			want := append(last, first...)[i]
			if v != want || v-v != 0 {
				t.Errorf("%s: number %d across the end is %v, want %v", name, i, v, want)
			}
		}
	}
	if Uint64(1, 2, math.MaxUint64) == Uint64(1, 2, math.MaxUint64-1) {
		t.Error("the last two numbers are equal")
	}
}
