package matio

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

const npyMagic = "\x93NUMPY"

// maxHeader bounds headers; NumPy itself stops at 10 kB unless told otherwise.
const maxHeader = 1 << 20

var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*'([<>|=])([a-zA-Z]\d*)[^']*'`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(([\d\s,L]*)\)`)
)

// npyHeader is what stands before the data of a .npy stream.
type npyHeader struct {
	stored
	offset int64
}

// readNPYHeader reads the header of a .npy stream (NumPy's format versions 1
// to 3).
func readNPYHeader(r io.Reader) (h npyHeader, err error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return h, fmt.Errorf("is truncated in its header")
	}
	if string(start[:6]) != npyMagic {
		return h, fmt.Errorf("is not a .npy file: it does not begin with the magic string")
	}
	var length int
	switch version := start[6]; version {
	case 1:
		var b [2]byte
		_, err = io.ReadFull(r, b[:])
		length, h.offset = int(binary.LittleEndian.Uint16(b[:])), 10
	case 2, 3:
		var b [4]byte
		_, err = io.ReadFull(r, b[:])
		length, h.offset = int(binary.LittleEndian.Uint32(b[:])), 12
	default:
		return h, fmt.Errorf("has .npy version %d; 1 to 3 are known", version)
	}
	if err != nil {
		return h, fmt.Errorf("is truncated in its header")
	}
	if length > maxHeader {
		return h, fmt.Errorf("has a header of %d bytes", length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("is truncated in its header")
	}
	h.offset += int64(length)

	fortran, shape := npyFortran.FindSubmatch(text), npyShape.FindSubmatch(text)
	if fortran == nil || shape == nil {
		return h, fmt.Errorf("has a header that is not understood: %.80q", bytes.TrimSpace(text))
	}
	h.fortran = string(fortran[1]) == "True"
	for part := range strings.SplitSeq(string(shape[1]), ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L")
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil {
			return h, fmt.Errorf("has the dimension %s", part)
		}
		h.shape = append(h.shape, n)
	}
	h.order = binary.LittleEndian
	if descr := npyDescr.FindSubmatch(text); descr != nil { // else records
		if descr[1][0] == '>' {
			h.order = binary.BigEndian
		}
		h.dtype = DType(descr[2])
	}
	return h, nil
}

// fits reports whether the data of h fits into what follows the header.
func (h npyHeader) fits(total int64) error {
	n, ok := product(h.shape)
	if !ok {
		return fmt.Errorf("has the impossible shape %v", h.shape[:min(len(h.shape), maxDims)])
	}
	if need := int64(n) * int64(h.dtype.Size()); total >= 0 && need > total-h.offset {
		return fmt.Errorf("is truncated: shape %v needs %d bytes, %d are there", h.shape, need, max(0, total-h.offset))
	}
	return nil
}

func (f *File) openNPY() error {
	r, err := reader(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	h, err := readNPYHeader(r)
	if err != nil {
		return malformed(f.Path, "%v", err)
	}
	total := int64(-1) // unknown for gzip
	if file, ok := r.(*os.File); ok {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		total = info.Size()
	}
	if err := h.fits(total); err != nil {
		return malformed(f.Path, "%v", err)
	}
	if h.dtype.Size() == 0 {
		return malformed(f.Path, "%s", refusal(h.dtype))
	}
	h.there = total >= 0
	h.open = func() (io.ReadCloser, error) {
		r, err := reader(f.Path)
		if err != nil {
			return nil, err
		}
		return skip(r, h.offset)
	}
	f.add("", h.stored)
	return nil
}

func (f *File) add(name string, s stored) {
	f.Members = append(f.Members, Member{name, s.shape, s.dtype})
	f.arrays = append(f.arrays, s)
}

func (f *File) openNPZ() error {
	z, err := zip.OpenReader(f.Path)
	if err != nil {
		return malformed(f.Path, "is not a valid zip archive: %v", err)
	}
	defer z.Close()
	torch := false
	for i, entry := range z.File {
		torch = torch || strings.HasSuffix(entry.Name, "/data.pkl")
		name, isArray := strings.CutSuffix(entry.Name, ".npy")
		if !isArray {
			continue
		}
		r, err := entry.Open()
		if err != nil {
			return malformed(f.Path, "array %q: %v", name, err)
		}
		h, err := readNPYHeader(r)
		r.Close()
		if err == nil {
			err = h.fits(int64(min(entry.UncompressedSize64, 1<<62)))
		}
		if err != nil {
			return malformed(f.Path, "array %q %v", name, err)
		}
		if h.dtype.Size() == 0 {
			f.addUnreadable(name, h.shape, h.dtype, refusal(h.dtype))
			continue
		}
		h.open = func() (io.ReadCloser, error) { return openZipEntry(f.Path, i, h.offset) }
		f.add(name, h.stored)
	}
	switch {
	case len(f.Members) > 0:
	case torch:
		return malformed(f.Path, "is a file of PyTorch; write its tensors by safetensors.torch.save_file")
	default:
		return malformed(f.Path, "holds no arrays")
	}
	return nil
}

// openZipEntry opens entry i of an archive, offset bytes into its contents.
func openZipEntry(path string, i int, offset int64) (io.ReadCloser, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	if i >= len(z.File) {
		z.Close()
		return nil, fmt.Errorf("the archive has changed")
	}
	r, err := z.File[i].Open()
	if err != nil {
		z.Close()
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		z.Close()
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{r, z}, nil
}
