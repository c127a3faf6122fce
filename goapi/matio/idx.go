package matio

import (
	"encoding/binary"
	"io"
	"os"
)

var idxTypes = map[byte]DType{0x08: Uint8, 0x09: Int8, 0x0B: Int16, 0x0C: Int32, 0x0D: Float32, 0x0E: Float64}

// looksLikeIDX reports whether head can be the beginning of an IDX file: two
// zero bytes, a known type, one to four dimensions.
func looksLikeIDX(head []byte) bool {
	return len(head) >= 4 && head[0] == 0 && head[1] == 0 && idxTypes[head[2]] != "" && head[3] >= 1 && head[3] <= 4
}

// openIDX reads the header of an IDX file, the format of MNIST: big-endian
// dimensions after four bytes of magic.
func (f *File) openIDX() error {
	r, err := reader(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	var magic [4]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil || !looksLikeIDX(magic[:]) {
		return malformed(f.Path, "is not an IDX file")
	}
	shape := make([]int, magic[3])
	for i := range shape {
		var b [4]byte
		if _, err := io.ReadFull(r, b[:]); err != nil {
			return malformed(f.Path, "is truncated in its header")
		}
		shape[i] = int(binary.BigEndian.Uint32(b[:]))
	}
	d := idxTypes[magic[2]]
	offset := int64(4 + 4*len(shape))
	n, ok := product(shape)
	if !ok {
		return malformed(f.Path, "has the impossible shape %v", shape)
	}
	file, plain := r.(*os.File)
	if plain {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if int64(n)*int64(d.Size()) > info.Size()-offset {
			return malformed(f.Path, "is truncated: shape %v needs %d bytes, %d are there", shape, n*d.Size(), info.Size()-offset)
		}
	}
	f.add("", stored{
		open: func() (io.ReadCloser, error) {
			r, err := reader(f.Path)
			if err != nil {
				return nil, err
			}
			return skip(r, offset)
		},
		shape: shape, dtype: d, order: binary.BigEndian, there: plain,
	})
	return nil
}
