package matio

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Rows that come by blocks are those of the array, as often as they are read.
func TestRows(t *testing.T) {
	both := func(name string, member int) {
		t.Helper()
		testRows[float64](t, name, member)
		testRows[float32](t, name, member)
	}
	dir := t.TempDir()
	data := make([]float64, 23*7)
	for i := range data {
		data[i] = float64(i)
	}
	for _, name := range []string{"a.npy", "a.npz", "a.safetensors"} {
		path := filepath.Join(dir, name)
		if err := Write(path, Array[float64]{[]int{23, 7}, data}); err != nil {
			t.Fatal(err)
		}
		both(path, 0)
	}
	idx := "\x00\x00\x0b\x02\x00\x00\x00\x03\x00\x00\x00\x02" + "\x00\x01\x00\x02\x00\x03\xff\xff\x01\x00\x00\x00"
	both(write(t, "a.idx", idx), 0)
	both(write(t, "a.idx.gz", gzipped(t, idx)), 0)
	for _, name := range []string{"f8_c.npy", "f4_big.npy", "compressed.npz", "i2.npy"} {
		f, err := Open("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for i, m := range f.Members {
			if data, ok := f.arrays[i].(stored); ok && !data.fortran && len(m.Shape) > 1 {
				both("testdata/"+name, i)
			}
		}
	}
	half := filepath.Join(dir, "half.npy") // 1, 2, 0.5, -2 in float16
	header := npyMagic + "\x01\x00\x76\x00" + pad("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2)}", 117) + "\n"
	if err := os.WriteFile(half, []byte(header+"\x00\x3c\x00\x40\x00\x38\x00\xc0"), 0o600); err != nil {
		t.Fatal(err)
	}
	both(half, 0)
}

func pad(s string, n int) string { return s + strings.Repeat(" ", n-len(s)) }

func testRows[T Float](t *testing.T, path string, member int) {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := Read[T](f, member)
	if err != nil {
		t.Fatal(err)
	}
	rows, cols, _ := all.Matrix()
	for _, part := range [][2]int{{0, -1}, {1, rows}, {0, rows / 2}, {rows, rows}} {
		s, err := Rows[T](f, member, part[0], part[1])
		if err != nil {
			t.Fatal(err)
		}
		hi := part[1]
		if hi < 0 {
			hi = rows
		}
		if m, n := s.Dims(); m != hi-part[0] || n != cols {
			t.Errorf("%s: shape %d×%d", path, m, n)
		}
		for _, most := range []int{1, 2, 5, rows, 1000} {
			for range 2 {
				var got []T
				err := s.Each(context.Background(), most, func(first int, data []T) error {
					if first*cols != len(got) || len(data) > most*cols {
						t.Errorf("%s: a block of %d numbers for row %d after %d", path, len(data), first, len(got))
					}
					got = append(got, data...)
					return nil
				})
				if err != nil || !slices.Equal(got, all.Data[part[0]*cols:hi*cols]) {
					t.Errorf("%s rows %v by %d: %v, %v", path, part, most, got, err)
				}
			}
		}
	}
}

func TestRowsRefusals(t *testing.T) {
	for name, part := range map[string][2]int{
		"f8_f.npy": {0, -1}, "table.csv": {0, -1}, "vector.npy": {0, -1}, "f8_c.npy": {-1, 2}, "f4_big.npy": {1, 1000}, "i2.npy": {2, 1},
	} {
		f, err := Open("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Rows[float64](f, 0, part[0], part[1]); err == nil {
			t.Errorf("%s: rows %v were accepted", name, part)
		}
		if _, err := Rows[float64](f, len(f.Members), 0, -1); err == nil {
			t.Errorf("%s: there is no such array", name)
		}
	}
	if _, err := Rows[float64](nil, 0, 0, -1); err == nil {
		t.Error("nil was accepted")
	}
}

// A file that becomes shorter, longer or another one is refused, during a pass
// and between two; reading ends with f's error and with the context.
func TestRowsOfChangingFile(t *testing.T) {
	data := make([]float64, 100*3)
	fresh := func() (string, *RowSource[float64]) {
		path := filepath.Join(t.TempDir(), "a.npy")
		if err := Write(path, Array[float64]{[]int{100, 3}, data}); err != nil {
			t.Fatal(err)
		}
		f, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Rows[float64](f, 0, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		return path, s
	}
	changes := map[string]func(path string) error{
		"shorter": func(path string) error { return os.Truncate(path, 1000) },
		"longer":  func(path string) error { return os.Truncate(path, 5000) },
		"newer":   func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
		"another": func(path string) error { return Write(path, Array[float64]{[]int{100, 3}, data}) },
		"gone":    os.Remove,
	}
	for name, change := range changes {
		for _, during := range []bool{true, false} {
			path, s := fresh()
			blocks := 0
			err := s.Each(context.Background(), 10, func(first int, _ []float64) error {
				if blocks++; during && first == 50 {
					return change(path)
				}
				return nil
			})
			if !during {
				if err != nil {
					t.Fatal(err)
				}
				if err := change(path); err != nil {
					t.Fatal(err)
				}
				blocks = 0
				err = s.Each(context.Background(), 10, func(int, []float64) error { blocks++; return nil })
				if blocks > 0 {
					t.Errorf("%s: %d blocks of the changed file", name, blocks)
				}
			}
			if !errors.Is(err, ErrFormat) && !(name == "gone" && errors.Is(err, os.ErrNotExist)) {
				t.Errorf("%s (during a pass: %v): %v", name, during, err)
			}
		}
	}
	_, s := fresh()
	stop := errors.New("enough")
	blocks := 0
	if err := s.Each(context.Background(), 10, func(int, []float64) error { blocks++; return stop }); !errors.Is(err, stop) || blocks != 1 {
		t.Errorf("f's error: %v after %d blocks", err, blocks)
	}
	ctx, cancel := context.WithCancel(context.Background())
	blocks = 0
	err := s.Each(ctx, 10, func(int, []float64) error {
		if blocks++; blocks == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || blocks != 3 {
		t.Errorf("cancelled: %v after %d blocks", err, blocks)
	}
	if err := s.Each(context.Background(), 0, nil); err == nil {
		t.Error("blocks of no rows were accepted")
	}
}

// A pass holds two blocks, however long the file.
func TestRowsMemory(t *testing.T) {
	const m, n = 4000, 500
	path := filepath.Join(t.TempDir(), "a.npy")
	if err := Write(path, Array[float64]{[]int{m, n}, make([]float64, m*n)}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Rows[float64](f, 0, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	size := allocated(func() {
		if err := s.Each(context.Background(), 100, func(int, []float64) error { return nil }); err != nil {
			t.Error(err)
		}
	})
	// Two blocks of 400 kB, and some room.
	if size > 2*8*100*n+1<<20 { // 0.6 MB of it to decode
		t.Errorf("%d bytes allocated to read %d by blocks of %d", size, 8*m*n, 8*100*n)
	}
}
