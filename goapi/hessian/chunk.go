package hessian

import (
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// A product goes over the samples chunk by chunk and within a chunk over groups
// of directions. Products of matrices need sides of thousands to come near the
// processor's rate on several threads, more than what lies between them needs
// the caches; beyond that memory is better spent on more directions.
const (
	chunkBytes   = 32 << 20 // of the derivatives of a layer's outputs
	minChunkRows = 128
	maxChunkRows = 4096
	groupWidth   = 4096 // outputs of all directions of a group together
)

// widest returns the largest number of outputs of a layer that a product visits.
func (m *Network[T]) widest() int {
	widest := 1
	for _, l := range m.layers[m.part.first:] {
		widest = max(widest, l.Out)
	}
	return widest
}

// groups returns how many groups k directions make.
func (m *Network[T]) groups(k int) int {
	size := max(1, groupWidth/m.widest())
	return (k + size - 1) / size
}

// groupSize returns the number of directions of the largest group.
func (m *Network[T]) groupSize(k int) int {
	n := m.groups(k)
	return (k + n - 1) / n
}

// chunkRows returns the number of samples that are multiplied at a time by k
// directions.
func (m *Network[T]) chunkRows(k int) int {
	row := m.groupSize(k) * m.widest() * int(bytes[T]())
	rows := min(max(chunkBytes/row, minChunkRows), maxChunkRows)
	n := m.data.count()
	chunks := (n + rows - 1) / rows
	return (n + chunks - 1) / chunks
}

// tangents hold the derivatives of a chunk along the directions of a group,
// which each overwrites.
type tangents[T device.Float] struct {
	z []device.Matrix[T] // of each layer's outputs, from the first that has directions on
	h []device.Matrix[T] // of the inputs of layers after it; the same as z before it without φ
}

// newTangents allocates for chunks of so many rows and groups of k directions.
func (m *Network[T]) newTangents(q device.Queue[T], k, rows int) tangents[T] {
	n := len(m.layers)
	t := tangents[T]{z: make([]device.Matrix[T], n), h: make([]device.Matrix[T], n)}
	for l, layer := range m.layers {
		if m.works(l) {
			t.z[l] = q.Alloc(1, rows*k*layer.Out)
		}
		if m.bends(l) {
			t.h[l] = q.Alloc(1, rows*k*layer.In)
		}
	}
	return t
}

// tangentSize returns how many numbers newTangents allocates for each row.
func (m *Network[T]) tangentSize(k int) int {
	size := 0
	for l, layer := range m.layers {
		if m.works(l) {
			size += layer.Out
		}
		if m.bends(l) {
			size += layer.In
		}
	}
	return k * size
}

// shaped returns the first elements of t as a matrix.
func shaped[T device.Float](t device.Matrix[T], rows, cols int) device.Matrix[T] {
	return t.Slice(0, 1, 0, rows*cols).Reshape(rows, cols)
}

// works reports whether a chunk has a derivative of layer l's outputs.
func (m *Network[T]) works(l int) bool {
	return l >= m.part.first && (m.kind != Fisher || m.part.has(l, m.layers[l]))
}

// bends reports whether the derivative of layer l's inputs is another one than
// that of the outputs before it.
func (m *Network[T]) bends(l int) bool {
	return m.kind != Fisher && l > m.part.first && m.arch.Activation != nn.Identity
}
