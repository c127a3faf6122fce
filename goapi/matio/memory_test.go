package matio

import (
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// allocated returns the bytes that f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// A binary array costs the memory of its numbers once, and a part of it that
// of the part, beside a buffer that does not depend on its size.
func TestReadsIntoPlace(t *testing.T) {
	const m, n, buffer = 2000, 500, 1 << 20
	dir := t.TempDir()
	data := make([]float64, m*n)
	for i := range data {
		data[i] = float64(i)
	}
	for _, name := range []string{"a.npy", "a.safetensors"} {
		path := filepath.Join(dir, name)
		if err := Write(path, Array[float64]{[]int{m, n}, data}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what string
			read func(f *File) (int, error)
			want int // bytes
		}{
			{"float64", func(f *File) (int, error) { a, err := Read[float64](f, 0); return len(a.Data), err }, 8 * m * n},
			{"float32", func(f *File) (int, error) { a, err := Read[float32](f, 0); return len(a.Data), err }, 4 * m * n},
			{"100 rows", func(f *File) (int, error) { a, err := ReadRows[float64](f, 0, 700, 800); return len(a.Data), err }, 8 * 100 * n},
		} {
			size := allocated(func() {
				f, err := Open(path)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.read(f); err != nil {
					t.Fatal(err)
				}
			})
			if size > c.want+buffer {
				t.Errorf("%s as %s: %d bytes allocated for %d", name, c.what, size, c.want)
			}
		}
	}
}

// Rows are those of the whole, in every format.
func TestReadRows(t *testing.T) {
	for _, name := range []string{"f8_c.npy", "f8_f.npy", "f4_big.npy", "cube_f.npy", "compressed.npz", "table.csv", "i2.npy", "vector.npy"} {
		f, err := Open("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range f.Members {
			all, err := Read[float64](f, i)
			if err != nil {
				t.Fatal(err)
			}
			stride := len(all.Data) / m.Shape[0]
			for lo := range m.Shape[0] + 1 {
				for hi := lo; hi <= m.Shape[0]; hi++ {
					part, err := ReadRows[float64](f, i, lo, hi)
					want := append([]int{hi - lo}, m.Shape[1:]...)
					if err != nil || !slices.Equal(part.Shape, want) || !slices.Equal(part.Data, all.Data[lo*stride:hi*stride]) {
						t.Fatalf("%s, rows %d to %d: %v, %v", name, lo, hi, part, err)
					}
				}
			}
			for _, bad := range [][2]int{{-1, 1}, {2, 1}, {0, m.Shape[0] + 1}} {
				if _, err := ReadRows[float64](f, i, bad[0], bad[1]); err == nil {
					t.Errorf("%s: rows %v were read", name, bad)
				}
			}
		}
	}
}

// A header that claims more than is there, in a file whose length does not
// tell, costs no more than what is there.
func TestClaimsCostNothing(t *testing.T) {
	for name, content := range map[string]func(n int) string{
		"npy": func(n int) string {
			header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d,)}", n)
			return npyMagic + "\x01\x00\x76\x00" + fmt.Sprintf("%-117s\n", header) + "12345678"
		},
		"mtx": func(n int) string { return fmt.Sprintf("%%%%MatrixMarket matrix array real general\n1 %d\n1\n", n) },
	} {
		if f, err := Open(write(t, "x."+name+".gz", gzipped(t, content(1)))); err != nil || f.Members[0].Shape[len(f.Members[0].Shape)-1] != 1 {
			t.Fatalf("%s of one number: %v", name, err)
		}
		for _, n := range []int{1 << 20, 1 << 40, 1 << 58, 1 << 60} {
			path := write(t, "x."+name+".gz", gzipped(t, content(n)))
			size := allocated(func() {
				f, err := Open(path)
				if err == nil {
					_, err = Read[float64](f, 0)
				}
				if err == nil {
					t.Errorf("%s: %d numbers were read", name, n)
				}
			})
			if size > 4<<20 {
				t.Errorf("%s that claims %d: %d bytes allocated", name, n, size)
			}
		}
	}
}
