package matio

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// npy returns a .npy stream with a header of the given type and shape.
func npy(descr, shape, data string) string {
	return npyMagic + "\x01\x00\x76\x00" + fmt.Sprintf("%-117s\n", "{'descr': "+descr+", 'fortran_order': False, 'shape': "+shape+", }") + data
}

// zipped writes entries, name and contents by turns, to an archive.
func zipped(t *testing.T, name string, entries ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(file)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err == nil {
			_, err = w.Write([]byte(entries[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), file.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is no array of numbers is refused with what to do, alone and beside
// others, which can be read.
func TestUnreadableArrays(t *testing.T) {
	good := npy("'<f8'", "(1, 1)", "\x00\x00\x00\x00\x00\x00\xf0\x3f")
	for descr, want := range map[string]string{
		"'<c16'":                       "complex",
		"'<U3'":                        "text",
		"'|S3'":                        "text",
		"'|O'":                         "astype(float)",
		"'<M8[ns]'":                    "dates",
		"'<f16'":                       `"f16"`,
		"[('x', '<f4'), ('y', '<i2')]": "records",
		"'|V8'":                        "records",
	} {
		bad := npy(descr, "(3, 2)", strings.Repeat("\x00", 600))
		if _, err := Open(write(t, "bad.npy", bad)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", descr, err, want)
		}
		f, err := Open(zipped(t, "both.npz", "names.npy", bad, "X.npy", good))
		if err != nil {
			t.Errorf("%s beside numbers: %v", descr, err)
			continue
		}
		if found, err := f.Find(""); err != nil || len(found) != 1 || found[0] != 1 {
			t.Errorf("%s: the only array of numbers is not found: %v, %v", descr, found, err)
		}
		if a, err := Read[float32](f, 1); err != nil || a.Data[0] != 1 {
			t.Errorf("%s beside numbers: %v, %v", descr, a, err)
		}
		for _, read := range []func() error{
			func() error { _, err := Read[float64](f, 0); return err },
			func() error { _, err := ReadRows[float32](f, 0, 0, 1); return err },
		} {
			if err := read(); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), `array "names"`) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: read: %v, want %q", descr, err, want)
			}
		}
		if _, err := Rows[float64](f, 0, 0, -1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: by rows: %v, want %q", descr, err, want)
		}
	}
	header := `{"q":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]},"w":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}`
	f, err := Open(write(t, "model.safetensors", string([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0})+header+"123456"))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := f.Find(""); err != nil || found[0] != 1 {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := Read[float64](f, 0); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "F8_E4M3") {
		t.Errorf("%v", err)
	}
	if a, err := Read[float64](f, 1); err != nil || a.Data[1] != '6' {
		t.Errorf("%v, %v", a, err)
	}
	if _, err := Open(zipped(t, "model.pt", "archive/data.pkl", "x", "archive/data/0", "y")); err == nil || !strings.Contains(err.Error(), "safetensors") {
		t.Errorf("a file of PyTorch: %v", err)
	}
}

// A byte order mark does not make the first line a header.
func TestByteOrderMark(t *testing.T) {
	for content, rows := range map[string]int{
		"\ufeff1,2\n3,4\n":         2,
		"\ufeffx,y\n3,4\n":         1,
		"\ufeff\"1\",2\r\n3,4\r\n": 2,
	} {
		f, err := Open(write(t, "mark.csv", content))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Members[0].Shape[0]; got != rows {
			t.Errorf("%q has %d rows, want %d", content, got, rows)
		}
	}
}
