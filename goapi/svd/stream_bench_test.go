package svd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

// BenchmarkStreamFile decomposes a file ten times as large as the memory that
// it may use, in one pass, beside reading it alone by blocks of the same size.
// The operating system holds the file in memory, so that reading is as fast as
// it can be.
func BenchmarkStreamFile(b *testing.B) {
	const m, n, memory = 20000, 1000, 16 << 20
	path := filepath.Join(b.TempDir(), "long.npy")
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d)}", m, n)
	var file bytes.Buffer
	fmt.Fprintf(&file, "\x93NUMPY\x01\x00\x76\x00%-117s\n", header)
	if err := binary.Write(&file, binary.LittleEndian, normal[float64](321, m, n).Data); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	rows := func() *matio.RowSource[float64] {
		f, err := matio.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		source, err := matio.Rows[float64](f, 0, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		return source
	}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(8 * m * n)
		for b.Loop() {
			err := rows().Each(ctx, memory/8/(2*3*n), func(int, []float64) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	onEvery(b, func(b *testing.B, dev device.Device) {
		for _, rank := range []int{1, 5} {
			b.Run(fmt.Sprintf("rank %d", rank), func(b *testing.B) {
				b.SetBytes(8 * m * n)
				for b.Loop() {
					if _, err := Stream(ctx, dev, rows(), StreamOptions{Rank: rank, Passes: 1, Memory: memory}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
