package matio

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// fuzz opens data as a file with the given ending. Whatever it is, there is
// an error or an array of the stated shape, the same in both precisions, and
// no crash.
func fuzz(f *testing.F, ending string, seeds ...string) {
	// What a few lines may ask for should not be gigabytes here.
	defer func(n int) { maxDense = n }(maxDense)
	maxDense = 1 << 16
	for _, s := range seeds {
		if data, err := os.ReadFile(s); err == nil {
			f.Add(data)
		} else {
			f.Add([]byte(s))
		}
	}
	path := filepath.Join(f.TempDir(), "x"+ending)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		for i, m := range file.Members {
			a, err := Read[float32](file, i)
			b, err64 := Read[float64](file, i)
			if (err == nil) != (err64 == nil) {
				t.Errorf("%v in float32, %v in float64", err, err64)
			}
			if err != nil {
				continue
			}
			n, ok := product(m.Shape)
			if !ok || n != len(a.Data) || n != len(b.Data) {
				t.Errorf("%d and %d numbers for shape %v", len(a.Data), len(b.Data), m.Shape)
				continue
			}
			if len(m.Shape) > 0 {
				rows := m.Shape[0]
				lo, hi, stride := rows/3, rows-rows/4, len(a.Data)/max(1, rows)
				part, err := ReadRows[float32](file, i, lo, hi)
				if err != nil || len(part.Data) != (hi-lo)*stride {
					t.Errorf("%d numbers in rows %d to %d of shape %v: %v", len(part.Data), lo, hi, m.Shape, err)
				}
			}
			for k, x := range b.Data {
				if y := float32(x); y != a.Data[k] && !math.IsNaN(x) {
					t.Errorf("number %d is %v, in float32 %v", k, x, a.Data[k])
				}
			}
		}
	})
}

func FuzzNPY(f *testing.F) {
	fuzz(f, ".npy", "testdata/f8_c.npy", "testdata/f2_f.npy", "testdata/i8.npy", "testdata/cube_f.npy",
		"\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,)}\n")
}

func FuzzNPZ(f *testing.F) { fuzz(f, ".npz", "testdata/compressed.npz") }

func FuzzCSV(f *testing.F) {
	fuzz(f, ".csv", "testdata/table.csv", "1;2\n3;4", "a b\n1 2", "# c\n1,nan\n-inf,1e400", "1,\"2\n3\"")
}

func FuzzSafetensors(f *testing.F) {
	fuzz(f, ".safetensors", "testdata/two.safetensors",
		"\x40\x00\x00\x00\x00\x00\x00\x00"+`{"a":{"dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,4]}}`)
}

func FuzzMatrixMarket(f *testing.F) {
	fuzz(f, ".mtx", "%%MatrixMarket matrix coordinate real general\n3 3 1\n1 1 2\n",
		"%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n",
		"%%MatrixMarket matrix coordinate pattern skew-symmetric\n4 4 2\n2 1\n4 3\n")
}

func FuzzIDX(f *testing.F) {
	fuzz(f, "-ubyte", "\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03\x01\x02\x03\x04\x05\xff",
		"\x00\x00\x0e\x03\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff")
}
