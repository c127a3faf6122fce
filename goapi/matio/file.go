package matio

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Member describes one array of a file.
type Member struct {
	Name  string // "" in formats with one array
	Shape []int
	DType DType // of Size 0 if it is one that cannot be read, such as "c16"
}

// File is a file whose headers have been read.
type File struct {
	Path    string
	Format  string // "npy", "npz", "csv", "mtx", "safetensors" or "idx"
	Members []Member
	// Metadata holds the text that a safetensors file carries besides its
	// tensors.
	Metadata map[string]string
	arrays   []source
}

// source reads the array of one member, row-major, in both element types.
type source interface {
	read64() ([]float64, error)
	read32() ([]float32, error)
}

// Array is an array in memory, row-major.
type Array[T Float] struct {
	Shape []int
	Data  []T
}

// Matrix returns the array as a matrix: vectors become one row, and the
// dimensions after the first are flattened into columns.
func (a Array[T]) Matrix() (rows, cols int, data []T) {
	switch len(a.Shape) {
	case 0:
		return 1, 1, a.Data
	case 1:
		return 1, a.Shape[0], a.Data
	}
	cols, _ = product(a.Shape[1:])
	return a.Shape[0], cols, a.Data
}

// Open reads the headers of a file. The format is told by the contents, for
// text by the ending of the name. Errors: those of the file system, and
// *FormatError.
func Open(name string) (*File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, malformed(name, "is a directory, not a file of numbers")
	}
	if !info.Mode().IsRegular() { // it is read more than once
		return nil, malformed(name, "is not a regular file; write what a pipe or a device gives into one")
	}
	f := &File{Path: name}
	head, err := peek(name)
	if err != nil {
		return nil, err
	}
	lower := strings.ToLower(filepath.Base(name))
	plain := strings.TrimSuffix(lower, ".gz")
	switch {
	case bytes.HasPrefix(head, []byte(npyMagic)):
		f.Format, err = "npy", f.openNPY()
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) || strings.HasSuffix(lower, ".npz"):
		f.Format, err = "npz", f.openNPZ()
	case strings.HasSuffix(lower, ".safetensors"):
		f.Format, err = "safetensors", f.openSafetensors()
	case strings.HasSuffix(plain, ".mtx"):
		f.Format, err = "mtx", f.openMatrixMarket()
	case strings.HasSuffix(plain, ".csv") || strings.HasSuffix(plain, ".tsv") || strings.HasSuffix(plain, ".txt"):
		f.Format, err = "csv", f.openCSV()
	case strings.HasSuffix(plain, "-ubyte") || strings.HasSuffix(plain, ".idx") || looksLikeIDX(head):
		f.Format, err = "idx", f.openIDX()
	case strings.HasSuffix(lower, ".npy"):
		err = malformed(name, "is not a .npy file: it does not begin with the magic string")
	default:
		err = malformed(name, "has a format that is not known; there are .npy, .npz, .csv, .mtx, .safetensors and IDX")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// peek returns the first bytes of a file, of its contents if it is gzipped.
func peek(name string) ([]byte, error) {
	r, err := reader(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	head := make([]byte, 8)
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, malformed(name, "cannot be read: %v", err)
	}
	return head[:n], nil
}

// reader opens a file for reading, decompressing it if it is gzipped.
func reader(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	var magic [2]byte
	if n, _ := f.ReadAt(magic[:], 0); n < 2 || magic != [2]byte{0x1f, 0x8b} {
		return f, nil
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, malformed(name, "is not a valid gzip file: %v", err)
	}
	return struct {
		io.Reader
		io.Closer
	}{z, f}, nil
}

// Find returns the positions of the members whose names match a pattern of
// package path (*, ?, [a-z]; / is matched by * too). "" matches the only
// member of a file, or the only one that can be read.
func (f *File) Find(pattern string) ([]int, error) {
	if f == nil {
		return nil, errNoFile
	}
	if pattern == "" {
		return f.only()
	}
	// path.Match does not let * match a slash; names here are no paths.
	flat := func(s string) string { return strings.ReplaceAll(s, "/", "\x00") }
	var found []int
	for i, m := range f.Members {
		if m.Name == pattern {
			return []int{i}, nil
		}
		ok, err := path.Match(flat(pattern), flat(m.Name))
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		}
		if ok {
			found = append(found, i)
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case len(f.Members) == 1 && f.Members[0].Name == "":
		return nil, fmt.Errorf("%s has no array %q; it holds one, which has no name", f.Path, pattern)
	}
	return nil, fmt.Errorf("%s has no array %q; it holds %s", f.Path, pattern, f.names())
}

// only returns the only member.
func (f *File) only() ([]int, error) {
	var found []int
	for i, m := range f.Members {
		if m.DType.Size() > 0 {
			found = append(found, i)
		}
	}
	switch {
	case len(f.Members) == 1:
		return []int{0}, nil
	case len(found) == 1:
		return found, nil
	}
	return nil, fmt.Errorf("%s holds %d arrays; choose one of %s", f.Path, len(f.Members), f.names())
}

// names lists the first members, for messages.
func (f *File) names() string {
	var names []string
	for i, m := range f.Members {
		if i == 8 {
			names = append(names, "…")
			break
		}
		names = append(names, fmt.Sprintf("%q", m.Name))
	}
	return strings.Join(names, ", ")
}

// Read reads member i of f and converts it to T.
func Read[T Float](f *File, i int) (Array[T], error) {
	if f == nil {
		return Array[T]{}, errNoFile
	}
	if i < 0 || i >= min(len(f.Members), len(f.arrays)) {
		return Array[T]{}, fmt.Errorf("%s has no array number %d", f.Path, i)
	}
	a := Array[T]{Shape: f.Members[i].Shape}
	var err error
	switch data := any(&a.Data).(type) {
	case *[]float64:
		*data, err = f.arrays[i].read64()
	case *[]float32:
		*data, err = f.arrays[i].read32()
	}
	if err != nil {
		if _, ok := err.(*FormatError); !ok {
			err = malformed(f.Path, "%v", err)
		}
		return Array[T]{}, err
	}
	return a, nil
}

// ReadRows reads the rows lo to hi-1 of member i of f, that is the part of its
// first dimension, and converts them to T. Of row-major binary arrays no other
// rows are held in memory. The rows must exist.
func ReadRows[T Float](f *File, i, lo, hi int) (Array[T], error) {
	if i < 0 || i >= len(f.Members) {
		return Array[T]{}, fmt.Errorf("%s has no array number %d", f.Path, i)
	}
	shape := f.Members[i].Shape
	if len(shape) == 0 || lo < 0 || lo > hi || hi > shape[0] {
		return Array[T]{}, fmt.Errorf("%s has no rows %d to %d in shape %v", f.Path, lo, hi, shape)
	}
	s, binary := f.arrays[i].(stored)
	if !binary || s.fortran {
		a, err := Read[T](f, i)
		if err != nil {
			return a, err
		}
		stride := len(a.Data) / max(1, shape[0])
		return Array[T]{Shape: append([]int{hi - lo}, shape[1:]...), Data: a.Data[lo*stride : hi*stride]}, nil
	}
	part := s.rows(lo, hi)
	g := &File{Path: f.Path, Format: f.Format}
	g.add(f.Members[i].Name, part)
	return Read[T](g, 0)
}

// text is an array that was parsed from text when the file was opened.
type text []float64

func (t text) read64() ([]float64, error) { return t, nil }

func (t text) read32() ([]float32, error) {
	data := make([]float32, len(t))
	for i, v := range t {
		data[i] = float32(v)
	}
	return data, nil
}
