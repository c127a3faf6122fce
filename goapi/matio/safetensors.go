package matio

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxTensorHeader bounds the header of a safetensors file as the reference
// implementation does.
const maxTensorHeader = 100 << 20

// metadataKey names the entry of the header that is no tensor.
const metadataKey = "__metadata__"

var tensorTypes = map[string]DType{
	"F64": Float64, "F32": Float32, "F16": Float16, "BF16": BFloat16,
	"I64": Int64, "I32": Int32, "I16": Int16, "I8": Int8,
	"U64": Uint64, "U32": Uint32, "U16": Uint16, "U8": Uint8, "BOOL": Bool,
}

// tensorHeader is one entry of the JSON header.
type tensorHeader struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// openSafetensors reads the header of a safetensors file: its length in eight
// bytes, JSON, then the data. Tensors must lie within the file and not
// overlap.
func (f *File) openSafetensors() error {
	file, err := os.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var b [8]byte
	if _, err := io.ReadFull(file, b[:]); err != nil {
		return malformed(f.Path, "is too short for a safetensors file")
	}
	length := binary.LittleEndian.Uint64(b[:])
	if length > maxTensorHeader || int64(length) > info.Size()-8 {
		return malformed(f.Path, "has a header of %d bytes in a file of %d", length, info.Size())
	}
	header := make([]byte, length)
	if _, err := io.ReadFull(file, header); err != nil {
		return malformed(f.Path, "is truncated in its header")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return malformed(f.Path, "has a header that is not JSON: %v", err)
	}
	if meta, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(meta, &f.Metadata); err != nil {
			return malformed(f.Path, "has metadata that are not a table of strings: %v", err)
		}
		delete(raw, metadataKey)
	}
	start, size := int64(8+length), info.Size()-8-int64(length)
	type extent struct{ from, to int64 }
	var extents []extent
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		var h tensorHeader
		if err := json.Unmarshal(raw[name], &h); err != nil {
			return malformed(f.Path, "tensor %q: %v", name, err)
		}
		d, known := tensorTypes[h.DType]
		n, ok := product(h.Shape)
		from, to := h.Offsets[0], h.Offsets[1]
		if !ok || from < 0 || to > size || from > to || known && to-from != int64(n)*int64(d.Size()) {
			return malformed(f.Path, "tensor %q: shape %v of %s does not fit bytes %d to %d of %d", name, h.Shape[:min(len(h.Shape), maxDims)], h.DType, from, to, size)
		}
		extents = append(extents, extent{from, to})
		if !known {
			f.addUnreadable(name, h.Shape, DType(h.DType), fmt.Sprintf("holds numbers of type %q, which are not supported", h.DType))
			continue
		}
		f.add(name, stored{
			open: func() (io.ReadCloser, error) {
				r, err := os.Open(f.Path)
				if err != nil {
					return nil, err
				}
				return skip(r, start+from)
			},
			shape: h.Shape, dtype: d, order: binary.LittleEndian, there: true,
		})
	}
	slices.SortFunc(extents, func(a, b extent) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return int(min(a.to-b.to, 1))
	})
	for i := 1; i < len(extents); i++ {
		if extents[i].from < extents[i-1].to {
			return malformed(f.Path, "has tensors that overlap")
		}
	}
	if len(f.Members) == 0 {
		return malformed(f.Path, "holds no tensors")
	}
	return nil
}

// Deferred is an array to be written whose numbers are asked for when it is
// their turn, so that not all arrays of a file need to be in memory at once.
type Deferred[T Float] struct {
	Name  string
	Shape []int
	Data  func() ([]T, error) // as many numbers as Shape has, row-major
}

// WriteTensors writes arrays and metadata, which may be nil, to a .safetensors
// file. An error of Data is returned; there is no file then.
func WriteTensors[T Float](path string, arrays []Deferred[T], metadata map[string]string) error {
	if ext := filepath.Ext(path); strings.ToLower(ext) != ".safetensors" {
		return fmt.Errorf("%s: tensors with metadata go into .safetensors, not %q", path, ext)
	}
	return WriteFile(path, func(w io.Writer) error { return writeSafetensors(w, arrays, metadata) })
}

func writeSafetensors[T Float](w io.Writer, arrays []Deferred[T], metadata map[string]string) error {
	entries := map[string]any{}
	if len(metadata) > 0 {
		entries[metadataKey] = metadata
	}
	offset := int64(0)
	kind := map[DType]string{Float32: "F32", Float64: "F64"}[dtypeOf[T]()]
	for _, a := range arrays {
		n, ok := product(a.Shape)
		switch _, twice := entries[a.Name]; {
		case twice:
			return fmt.Errorf("two tensors are named %q", a.Name)
		case a.Name == metadataKey:
			return fmt.Errorf("no tensor can be named %q", a.Name)
		case !ok:
			return fmt.Errorf("%s: no array has the shape %v", a.Name, a.Shape)
		case a.Data == nil:
			return fmt.Errorf("%s: there is nothing that gives the numbers", a.Name)
		}
		end := offset + int64(n)*int64(dtypeOf[T]().Size())
		shape := a.Shape
		if shape == nil {
			shape = []int{} // null is no shape in the format
		}
		entries[a.Name] = tensorHeader{kind, shape, [2]int64{offset, end}}
		offset = end
	}
	header, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	if _, err := w.Write(append(length[:], header...)); err != nil {
		return err
	}
	for _, a := range arrays {
		data, err := a.Data()
		if err != nil {
			return err
		}
		if err := (Array[T]{Shape: a.Shape, Data: data}).check(); err != nil {
			return fmt.Errorf("%s: %w", a.Name, err)
		}
		if err := writeNumbers(w, data); err != nil {
			return err
		}
	}
	return nil
}
