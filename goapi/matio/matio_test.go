package matio

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, name, member string) (Member, Array[float64], Array[float32]) {
	t.Helper()
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	at, err := f.Find(member)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Read[float64](f, at[0])
	if err != nil {
		t.Fatal(err)
	}
	b, err := Read[float32](f, at[0])
	if err != nil {
		t.Fatal(err)
	}
	return f.Members[at[0]], a, b
}

// The files of testdata hold i - j/4, or i + 10j for integers.
func TestReadsWhatNumPyWrote(t *testing.T) {
	half := func(i, j int) float64 { return float64(i) - float64(j)/4 }
	whole := func(i, j int) float64 { return float64(i + 10*j) }
	check := func(name, member string, dtype DType, want func(i, j int) float64) {
		t.Helper()
		m, a, b := load(t, name, member)
		if m.DType != dtype || len(m.Shape) != 2 || m.Shape[0] != 7 || m.Shape[1] != 5 {
			t.Errorf("%s: %s %v", name, m.DType, m.Shape)
			return
		}
		for i := range 7 {
			for j := range 5 {
				if v := a.Data[i*5+j]; v != want(i, j) {
					t.Errorf("%s: element (%d,%d) is %v, want %v", name, i, j, v, want(i, j))
				}
				if v := b.Data[i*5+j]; v != float32(want(i, j)) {
					t.Errorf("%s in float32: element (%d,%d) is %v", name, i, j, v)
				}
			}
		}
	}
	for _, d := range []DType{Float16, Float32, Float64} {
		for _, variant := range []string{"c", "f", "big"} {
			check("testdata/"+string(d)+"_"+variant+".npy", "", d, half)
		}
	}
	check("testdata/strided.npy", "", Float64, half)
	for _, d := range []DType{Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64} {
		check("testdata/"+string(d)+".npy", "", d, whole)
	}
	check("testdata/bool.npy", "", Bool, func(i, j int) float64 { return float64(1 - (i+j)%2) })
	check("testdata/compressed.npz", "first", Float64, half)
	check("testdata/table.csv", "", Float64, half)
	check("testdata/two.safetensors", "layer.0.weight", BFloat16, half)
	check("testdata/two.safetensors", "*1*", Float16, half)

	if m, a, _ := load(t, "testdata/compressed.npz", "second"); m.Shape[0] != 5 || a.Data[3*7+6] != half(6, 3) {
		t.Errorf("transposed member: %v", m.Shape)
	}
	if m, a, _ := load(t, "testdata/cube_f.npy", ""); len(m.Shape) != 3 || a.Data[13] != 13 {
		t.Errorf("cube: %v, %v", m.Shape, a.Data)
	}
	_, cube, _ := load(t, "testdata/cube_f.npy", "")
	if r, c, _ := cube.Matrix(); r != 2 || c != 12 {
		t.Errorf("cube as a matrix is %d×%d", r, c)
	}
	_, vector, _ := load(t, "testdata/vector.npy", "")
	if r, c, _ := vector.Matrix(); r != 1 || c != 7 {
		t.Errorf("vector as a matrix is %d×%d", r, c)
	}
	if _, a, _ := load(t, "testdata/scalar.npy", ""); len(a.Data) != 1 || a.Data[0] != 2.5 {
		t.Errorf("scalar: %v", a)
	}
	if _, a, _ := load(t, "testdata/empty.npy", ""); len(a.Data) != 0 || a.Shape[1] != 4 {
		t.Errorf("empty: %v", a)
	}
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMatrixMarket(t *testing.T) {
	for _, c := range []struct {
		text string
		want []float64 // 3×3
	}{
		{"%%MatrixMarket matrix coordinate real general\n% comment\n\n3 3 3\n1 1 2\n3 2 -1.5e0\n3 2 0.5\n", []float64{2, 0, 0, 0, 0, 0, 0, -1, 0}},
		{"%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 3\n", []float64{0, 1, 0, 1, 0, 0, 0, 0, 1}},
		{"%%MatrixMarket matrix coordinate integer skew-symmetric\n3 3 1\n3 1 4\n", []float64{0, 0, -4, 0, 0, 0, 4, 0, 0}},
		{"%%MatrixMarket matrix array real general\n3 3\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", []float64{1, 4, 7, 2, 5, 8, 3, 6, 9}},
		{"%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n", []float64{1, 2, 3, 2, 4, 5, 3, 5, 6}},
	} {
		_, a, _ := load(t, write(t, "a.mtx", c.text), "")
		for i, v := range c.want {
			if a.Data[i] != v {
				t.Errorf("%q: %v, want %v", c.text, a.Data, c.want)
				break
			}
		}
	}
}

func TestCSVSeparators(t *testing.T) {
	for name, text := range map[string]string{
		"comma.csv": "1, 2,3\n4,5 ,6\n", "tab.tsv": "1\t2\t3\n4\t5\t6\n", "space.txt": "1 2 3\n4 5 6\n",
		"semicolon.csv": "x;y;z\n1;2;3\n4;5;6\n", "comment.csv": "# made by hand\n1,2,3\n4,5,6\n",
	} {
		_, a, _ := load(t, write(t, name, text), "")
		if len(a.Data) != 6 || a.Shape[0] != 2 || a.Data[4] != 5 {
			t.Errorf("%s: %v", name, a)
		}
	}
}

func TestIDX(t *testing.T) {
	path := write(t, "x-ubyte", "\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03\x01\x02\x03\x04\x05\xff")
	if m, a, _ := load(t, path, ""); m.DType != Uint8 || a.Data[5] != 255 || a.Shape[1] != 3 {
		t.Errorf("%v %v", m, a)
	}
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	a := Array[float64]{[]int{2, 3}, []float64{1, -2.5, 3e-310, 4e300, 0.1, 6}}
	for _, name := range []string{"a.npy", "a.csv", "a.npz", "a.safetensors"} {
		path := filepath.Join(dir, name)
		if err := Write(path, a); err != nil {
			t.Fatal(err)
		}
		_, b, _ := load(t, path, "")
		for i, v := range a.Data {
			if b.Data[i] != v || b.Shape[0] != 2 {
				t.Errorf("%s: %v, want %v", name, b, a)
				break
			}
		}
	}
	single := []Named[float32]{{"w.1", Array[float32]{[]int{3}, []float32{1, 2, 0.3}}}, {"empty", Array[float32]{[]int{0, 2}, nil}}}
	for _, name := range []string{"b.npz", "b.safetensors"} {
		path := filepath.Join(dir, name)
		if err := WriteAll(path, single); err != nil {
			t.Fatal(err)
		}
		m, _, b := load(t, path, "w.1")
		if m.DType != Float32 || b.Data[2] != 0.3 {
			t.Errorf("%s: %v %v", name, m, b)
		}
	}
	if err := Write(filepath.Join(dir, "x.npy"), Array[float64]{[]int{2, 3}, make([]float64, 5)}); err == nil {
		t.Error("a shape that does not fit was written")
	}
	if err := Write(filepath.Join(dir, "x.xyz"), a); err == nil {
		t.Error("an unknown format was written")
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files remain: %v", left)
	}
}

// A damaged bit of an array is noticed wherever the format has a checksum, be
// it not compressed.
func TestChecksums(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	if err := Write(path, Array[float64]{[]int{40, 50}, make([]float64, 2000)}); err != nil {
		t.Fatal(err)
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	stored[len(stored)/2] ^= 1
	idx := "\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03\x01\x02\x03\x04\x05\xff"
	zipped := []byte(gzipped(t, idx))
	zipped[len(zipped)-6] ^= 1 // the checksum
	for name, content := range map[string]string{"a.npz": string(stored), "b-ubyte.gz": string(zipped)} {
		f, err := Open(write(t, name, content))
		if err == nil {
			_, err = Read[float64](f, 0)
		}
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A write that fails leaves the old file and no other.
func TestFailedWriteLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.npy")
	if err := os.WriteFile(path, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := WriteFile(path, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 3<<20)); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files remain, want 1 (%v)", len(entries), err)
	}
	if data, _ := os.ReadFile(path); string(data) != "old" {
		t.Errorf("the old file now holds %q", data)
	}
	if err := WriteFile(filepath.Join(dir, "missing", "a"), func(io.Writer) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestMalformedFiles(t *testing.T) {
	good, err := os.ReadFile("testdata/f8_c.npy")
	if err != nil {
		t.Fatal(err)
	}
	npz, err := os.ReadFile("testdata/compressed.npz")
	if err != nil {
		t.Fatal(err)
	}
	tensors, err := os.ReadFile("testdata/two.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	huge := strings.Replace(string(good), "(7, 5)", "(70000, 5)", 1)
	for name, content := range map[string]string{
		"truncated.npy":         string(good[:len(good)-1]),
		"header.npy":            string(good[:50]),
		"magic.npy":             "hello",
		"empty.npy":             "",
		"huge.npy":              huge,
		"overflow.npy":          strings.Replace(string(good), "(7, 5), }     ", "(9999999999999, 9999999999999), }", 1),
		"object.npy":            strings.Replace(string(good), "'<f8'", "'|O8'", 1),
		"truncated.npz":         string(npz[:len(npz)/2]),
		"empty.npz":             "",
		"short.safetensors":     "123",
		"length.safetensors":    "\xff\xff\xff\xff\xff\xff\xff\x7f{}",
		"json.safetensors":      "\x05\x00\x00\x00\x00\x00\x00\x00{abc}",
		"truncated.safetensors": string(tensors[:len(tensors)-3]),
		"none.safetensors":      "\x02\x00\x00\x00\x00\x00\x00\x00{}",
		"overlap.safetensors": "\x6a\x00\x00\x00\x00\x00\x00\x00" +
			`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}} ` + "123456",
		"head.mtx":      "hello\n",
		"dims.mtx":      "%%MatrixMarket matrix coordinate real general\n3 x 1\n",
		"outside.mtx":   "%%MatrixMarket matrix coordinate real general\n3 3 1\n4 1 1\n",
		"truncated.mtx": "%%MatrixMarket matrix coordinate real general\n3 3 2\n1 1 1\n",
		"large.mtx":     "%%MatrixMarket matrix coordinate real general\n99999999 99999999 0\n",
		"complex.mtx":   "%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 1\n",
		"words.csv":     "1,2\n3,four\n",
		"ragged.csv":    "1,2\n3\n",
		"header.csv":    "a,b\n",
		"gap.csv":       "1,,3\n4,5,6\n",
		"gap2.csv":      "1,2,3\n4,,6\n",
		"typo.csv":      "1.0,2x,3\n4,5,6\n",
		"index.csv":     ",0,1\n0,1.5,2.5\n", // as pandas writes it with its index
		"commas.csv":    "1,5;2,5\n3,5;4,5\n",
		"nothing.csv":   ",,\n1,2,3\n",
		"empty.csv":     "",
		"short-ubyte":   "\x00\x00\x08\x02\x00\x00\x00\x02\x00\x00\x00\x03\x01",
		"bad.gz":        "\x1f\x8bxx",
		"unknown.bin":   "what is this",
	} {
		path := write(t, name, content)
		f, err := Open(path)
		if err == nil {
			_, err = Read[float64](f, 0)
		}
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want a format error naming the file", name, err)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrFormat) {
		t.Errorf("directory: %v", err)
	}
	if _, err := Open("no such file.npy"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	f, err := Open("testdata/compressed.npz")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"", "third", "["} {
		if _, err := f.Find(pattern); err == nil {
			t.Errorf("pattern %q found something", pattern)
		}
	}
	// Damage in the middle of compressed data shows when it is read.
	damaged := []byte(string(npz))
	for i := 90; i < 120; i++ {
		damaged[i] ^= 0x55
	}
	path := write(t, "damaged.npz", string(damaged))
	if f, err := Open(path); err == nil {
		_, err0 := Read[float64](f, 0)
		if !errors.Is(err0, ErrFormat) {
			t.Errorf("damaged archive: %v", err0)
		}
	}
}
