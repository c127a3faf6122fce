package matio

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// WriteFile writes a file under a temporary name in the same folder, brings
// it to disk and renames it, so that what stands under path is whole. On any
// error the temporary file is removed and path is as it was.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	if write == nil {
		return fmt.Errorf("%s: there is nothing that writes the file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// Named is an array with a name, for formats with several.
type Named[T Float] struct {
	Name string
	Array[T]
}

// Write writes one array in the format that the ending of path names: .npy,
// .csv (at most two dimensions), or .npz and .safetensors with the name
// "data".
func Write[T Float](path string, a Array[T]) error {
	if err := a.check(); err != nil {
		return err
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".npy":
		return WriteFile(path, func(w io.Writer) error { return writeNPY(w, a) })
	case ".csv":
		return WriteFile(path, func(w io.Writer) error { return writeCSV(w, a) })
	case ".npz", ".safetensors":
		return WriteAll(path, []Named[T]{{"data", a}})
	default:
		return fmt.Errorf("%s: cannot write the format %q; there are .npy, .npz, .csv and .safetensors", path, ext)
	}
}

// WriteAll writes several arrays to an .npz or a .safetensors file.
func WriteAll[T Float](path string, arrays []Named[T]) error {
	for _, a := range arrays {
		if err := a.check(); err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".npz":
		return WriteFile(path, func(w io.Writer) error { return writeNPZ(w, arrays) })
	case ".safetensors":
		deferred := make([]Deferred[T], len(arrays))
		for i, a := range arrays {
			deferred[i] = Deferred[T]{a.Name, a.Shape, func() ([]T, error) { return a.Data, nil }}
		}
		return WriteTensors(path, deferred, nil)
	default:
		return fmt.Errorf("%s: several arrays go into .npz or .safetensors, not %q", path, ext)
	}
}

func (a Array[T]) check() error {
	if n, ok := product(a.Shape); !ok || n != len(a.Data) {
		return fmt.Errorf("shape %v does not fit %d numbers", a.Shape, len(a.Data))
	}
	return nil
}

// dtypeOf returns the type of T in files.
func dtypeOf[T Float]() DType {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return Float32
	}
	return Float64
}

// writeNumbers writes little-endian numbers.
func writeNumbers[T Float](w io.Writer, data []T) error {
	if asStored[T](dtypeOf[T](), binary.LittleEndian) {
		_, err := w.Write(bytesOf(data))
		return err
	}
	size := dtypeOf[T]().Size()
	b := make([]byte, readChunk*size)
	for len(data) > 0 {
		k := min(len(data), readChunk)
		part := b[:copy(b, bytesOf(data[:k]))]
		swap(part, size)
		if _, err := w.Write(part); err != nil {
			return err
		}
		data = data[k:]
	}
	return nil
}

func writeNPY[T Float](w io.Writer, a Array[T]) error {
	dims := make([]string, len(a.Shape))
	for i, d := range a.Shape {
		dims[i] = strconv.Itoa(d)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += ","
	}
	header := fmt.Sprintf("{'descr': '<%s', 'fortran_order': False, 'shape': (%s), }", dtypeOf[T](), shape)
	// The data begins at a multiple of 64 bytes.
	header += strings.Repeat(" ", 63-(10+len(header))%64) + "\n"
	var length [2]byte
	binary.LittleEndian.PutUint16(length[:], uint16(len(header)))
	if _, err := io.WriteString(w, npyMagic+"\x01\x00"+string(length[:])+header); err != nil {
		return err
	}
	return writeNumbers(w, a.Data)
}

func writeNPZ[T Float](w io.Writer, arrays []Named[T]) error {
	z := zip.NewWriter(w)
	for _, a := range arrays {
		// Stored, not deflated: numbers hardly compress.
		entry, err := z.CreateHeader(&zip.FileHeader{Name: a.Name + ".npy", Method: zip.Store})
		if err != nil {
			return err
		}
		b := bufio.NewWriterSize(entry, 1<<16)
		if err := writeNPY(b, a.Array); err != nil {
			return err
		}
		if err := b.Flush(); err != nil {
			return err
		}
	}
	return z.Close()
}

func writeCSV[T Float](w io.Writer, a Array[T]) error {
	if len(a.Shape) > 2 {
		return fmt.Errorf("an array of shape %v does not fit a table", a.Shape)
	}
	rows, cols, data := a.Matrix()
	if len(a.Shape) == 1 { // one number a line
		rows, cols = cols, 1
	}
	c := csv.NewWriter(w)
	record := make([]string, cols)
	bits := 8 * dtypeOf[T]().Size()
	for i := range rows {
		for j := range cols {
			record[j] = strconv.FormatFloat(float64(data[i*cols+j]), 'g', -1, bits)
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
