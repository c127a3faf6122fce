package hessian

import (
	"fmt"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
)

// Range are the parameters [Lo,Hi).
type Range struct{ Lo, Hi int }

// part are the parameters that the directions of an operator have. They lie in
// layers first to last.
type part struct {
	first, last int
	offset, end int     // of the parameters of these layers
	ranges      []Range // within them, from offset on; nil: all
	dim         int
}

// wholePart are all parameters of layers first to last.
func wholePart(layers []nn.Layer, first, last int) part {
	p := part{first: first, last: last, offset: layers[first].Weights, end: layers[last].End}
	p.dim = p.span()
	return p
}

func (p part) whole() bool { return p.ranges == nil }

// span is the number of parameters of the layers.
func (p part) span() int { return p.end - p.offset }

// has reports whether a parameter of layer l belongs to the part.
func (p part) has(l int, layer nn.Layer) bool {
	if l < p.first || l > p.last {
		return false
	}
	for _, r := range p.ranges {
		if r.Lo+p.offset < layer.End && layer.Weights < r.Hi+p.offset {
			return true
		}
	}
	return p.whole()
}

// spreadRows returns directions of the part as those of all parameters of its
// layers, which are 0 elsewhere.
func spreadRows[T device.Float](q device.Queue[T], p part, src device.Matrix[T]) device.Matrix[T] {
	if p.whole() {
		return src
	}
	all := q.Alloc(src.Rows, p.span())
	at := 0
	for _, r := range p.ranges {
		n := r.Hi - r.Lo
		q.Copy(all.Slice(0, all.Rows, r.Lo, r.Hi), src.Slice(0, src.Rows, at, at+n))
		at += n
	}
	return all
}

// gatherRows copies the parameters of the part from all those of its layers.
func gatherRows[T device.Float](q device.Queue[T], p part, dst, all device.Matrix[T]) {
	at := 0
	for _, r := range p.ranges {
		n := r.Hi - r.Lo
		q.Copy(dst.Slice(0, dst.Rows, at, at+n), all.Slice(0, all.Rows, r.Lo, r.Hi))
		at += n
	}
}

// Layer returns the diagonal block of the matrix that belongs to the
// parameters of layer l of the network, counted from 0. It shares the memory
// of m. Products skip what the other layers alone would need.
func (m *Network[T]) Layer(l int) (*Network[T], error) {
	if l < 0 || l >= m.Layers() {
		return nil, device.Argument("layer", "is %d, must be at least 0 and below %d", l, m.Layers())
	}
	block := *m
	block.part = wholePart(m.layers, l, l)
	return &block, nil
}

// Subset returns the principal submatrix for some of the parameters of the
// network, such as all biases: ranges in ascending order, without overlap,
// that count from its first parameter, see [nn.Layer]. It shares the memory of
// m. Products skip what layers without any of them alone would need.
func (m *Network[T]) Subset(ranges ...Range) (*Network[T], error) {
	n, end := 0, 0
	if m.Layers() > 0 {
		n = m.layers[len(m.layers)-1].End
	}
	if len(ranges) == 0 {
		return nil, fmt.Errorf("subset without parameters: %w", device.ErrEmpty)
	}
	for _, r := range ranges {
		if r.Lo < end || r.Hi <= r.Lo || r.Hi > n {
			return nil, device.Argument("ranges", "hold [%d,%d), must ascend without overlap within the %d parameters", r.Lo, r.Hi, n)
		}
		end = r.Hi
	}
	first, last := 0, len(m.layers)-1
	for m.layers[first].End <= ranges[0].Lo {
		first++
	}
	for m.layers[last].Weights >= end {
		last--
	}
	block := *m
	block.part = wholePart(m.layers, first, last)
	block.part.dim = 0
	for _, r := range ranges {
		block.part.ranges = append(block.part.ranges, Range{r.Lo - block.part.offset, r.Hi - block.part.offset})
		block.part.dim += r.Hi - r.Lo
	}
	return &block, nil
}
