package matio

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// refuses runs f, which must return an error, and no panic.
func refuses(t *testing.T, name string, f func() error) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%s: panic: %v", name, p)
		}
	}()
	if err := f(); err == nil || err.Error() == "" {
		t.Errorf("%s: error %v", name, err)
	}
}

// Every exported function refuses what it cannot use and writes nothing.
func TestBadArguments(t *testing.T) {
	dir := t.TempDir()
	var none *File
	refuses(t, "Read of no file", func() error { _, err := Read[float64](none, 0); return err })
	refuses(t, "Find in no file", func() error { _, err := none.Find(""); return err })
	refuses(t, "Read of an empty File", func() error { _, err := Read[float32](&File{}, 0); return err })
	refuses(t, "Find in an empty File", func() error { _, err := new(File).Find(""); return err })
	refuses(t, "Read of a File made by hand", func() error {
		_, err := Read[float64](&File{Members: []Member{{Shape: []int{2}, DType: Float64}}}, 0)
		return err
	})
	f, err := Open("testdata/compressed.npz")
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{-1, 2, math.MaxInt, math.MinInt} {
		refuses(t, "Read of a number", func() error { _, err := Read[float64](f, i); return err })
	}
	for _, name := range []string{"", "no such file", dir, dir + "/missing/a.npy", "a\x00b.npy"} {
		refuses(t, "Open "+name, func() error { _, err := Open(name); return err })
	}
	// A file that vanishes between Open and Read.
	gone := filepath.Join(dir, "gone.npy")
	if err := Write(gone, Array[float64]{[]int{2}, []float64{1, 2}}); err != nil {
		t.Fatal(err)
	}
	f, err = Open(gone)
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(gone)
	refuses(t, "Read after removal", func() error { _, err := Read[float64](f, 0); return err })

	good := Array[float64]{[]int{2, 2}, []float64{1, 2, 3, 4}}
	for name, a := range map[string]Array[float64]{
		"zero value":     {nil, nil}, // the shape of a scalar needs a number
		"too few":        {[]int{2, 3}, make([]float64, 5)},
		"too many":       {[]int{2, 3}, make([]float64, 7)},
		"no data":        {[]int{2, 3}, nil},
		"negative":       {[]int{-2, 3}, make([]float64, 6)},
		"twice negative": {[]int{-2, -3}, make([]float64, 6)},
		"overflow":       {[]int{math.MaxInt, math.MaxInt}, make([]float64, 1)},
		"overflow to 0":  {[]int{1 << 32, 1 << 32}, nil},
	} {
		for _, ending := range []string{".npy", ".csv", ".npz", ".safetensors"} {
			refuses(t, name, func() error { return Write(filepath.Join(dir, "bad"+ending), a) })
			refuses(t, name, func() error {
				return WriteAll(filepath.Join(dir, "bad"+ending), []Named[float64]{{"a", good}, {"b", a}})
			})
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("%s, Matrix: panic: %v", name, p)
				}
			}()
			a.Matrix()
		}()
	}
	for name, call := range map[string]func() error{
		"no name":             func() error { return Write("", good) },
		"no ending":           func() error { return Write(filepath.Join(dir, "bad"), good) },
		"format":              func() error { return Write(filepath.Join(dir, "bad.mtx"), good) },
		"cube as a table":     func() error { return Write(filepath.Join(dir, "bad.csv"), Array[float64]{[]int{1, 2, 2}, good.Data}) },
		"folder":              func() error { return Write(filepath.Join(dir, "missing", "bad.npy"), good) },
		"onto a folder":       func() error { return Write(dir+"/.", good) },
		"several in one .npy": func() error { return WriteAll(filepath.Join(dir, "bad.npy"), []Named[float64]{{"a", good}}) },
		"twice a name": func() error {
			return WriteAll(filepath.Join(dir, "bad.safetensors"), []Named[float64]{{"a", good}, {"a", good}})
		},
		"no writer": func() error { return WriteFile(filepath.Join(dir, "bad.npy"), nil) },
		"writer fails": func() error {
			return WriteFile(filepath.Join(dir, "bad.npy"), func(io.Writer) error { return io.ErrShortWrite })
		},
		"writer, no path": func() error { return WriteFile("", nil) },
	} {
		refuses(t, name, call)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files remain: %v, %v", left, err)
	}
	if DType("f16").Size() != 0 || DType("").Size() != 0 || DType("").Single() {
		t.Error("unknown types have a size")
	}
}

// NaN and infinities are numbers in files: checking them is for the algorithms.
func TestNotFiniteRoundTrip(t *testing.T) {
	a := Array[float32]{[]int{1, 4}, []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 1e-45}}
	for _, ending := range []string{".npy", ".csv", ".npz", ".safetensors"} {
		path := filepath.Join(t.TempDir(), "a"+ending)
		if err := Write(path, a); err != nil {
			t.Fatal(err)
		}
		_, _, b := load(t, path, "")
		if !math.IsNaN(float64(b.Data[0])) || !math.IsInf(float64(b.Data[1]), 1) || !math.IsInf(float64(b.Data[2]), -1) || b.Data[3] != 1e-45 {
			t.Errorf("%s: %v became %v", ending, a.Data, b.Data)
		}
	}
}
