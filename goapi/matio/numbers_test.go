package matio

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/x448/float16"
)

// Every type of numbers, in both orders of bytes and across chunks, is what
// binary.Write has written, in both types of memory.
func TestReadNumbers(t *testing.T) {
	const n = readChunk + 7
	value := func(i int) float64 { return float64(i%221 - 110) }
	types := map[DType]func(i int) any{
		Float16:  func(i int) any { return float16.Fromfloat32(float32(value(i))).Bits() },
		BFloat16: func(i int) any { return uint16(math.Float32bits(float32(value(i))) >> 16) },
		Float32:  func(i int) any { return float32(value(i)) },
		Float64:  func(i int) any { return value(i) },
		Int8:     func(i int) any { return int8(value(i)) },
		Int16:    func(i int) any { return int16(value(i)) },
		Int32:    func(i int) any { return int32(value(i)) },
		Int64:    func(i int) any { return int64(value(i)) },
		Uint8:    func(i int) any { return uint8(value(i)) },
		Uint16:   func(i int) any { return uint16(value(i)) },
		Uint32:   func(i int) any { return uint32(value(i)) },
		Uint64:   func(i int) any { return uint64(math.Abs(value(i))) },
		Bool:     func(i int) any { return i%2 == 0 },
	}
	for d, f := range types {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			var b bytes.Buffer
			want := make([]float64, n)
			for i := range want {
				v := f(i)
				if err := binary.Write(&b, order, v); err != nil {
					t.Fatal(err)
				}
				switch x := v.(type) {
				case bool:
					if x {
						want[i] = 1
					}
				case uint8:
					want[i] = float64(x)
				case uint32:
					want[i] = float64(x)
				case uint64:
					want[i] = float64(x)
				case uint16:
					if want[i] = value(i); d == Uint16 {
						want[i] = float64(x)
					}
				default:
					want[i] = value(i)
				}
			}
			readBack[float64](t, b.Bytes(), d, order, want)
			readBack[float32](t, b.Bytes(), d, order, want)
		}
	}
}

func readBack[T Float](t *testing.T, b []byte, d DType, order binary.ByteOrder, want []float64) {
	t.Helper()
	for _, room := range []int{0, len(want)} {
		got, err := readNumbers(bytes.NewReader(b), make([]T, 0, room), len(want), d, order)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s, %v: %d numbers, %v", d, order, len(got), err)
		}
		for i, v := range got {
			if v != T(want[i]) {
				t.Fatalf("%s, %v: number %d is %v, not %v", d, order, i, v, want[i])
			}
		}
		if _, err := readNumbers(bytes.NewReader(b[:len(b)-1]), make([]T, 0, room), len(want), d, order); err == nil {
			t.Errorf("%s, %v: the end is missing, and there is no error", d, order)
		}
	}
}
