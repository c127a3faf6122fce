package spectrum

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

// State says where a long computation keeps its state, so that the same call
// goes on from there after an interruption, to the same numbers bit for bit on
// the same device with the same number of threads. Without a path nothing is
// kept.
//
// The state is written when the context ends between two products, when the
// products are used up, every now and then, and at the end, when another call
// would find the result without any product. It takes about the size of the
// Krylov basis, or of the products that an estimator keeps. The file is replaced
// as a whole and carries a checksum. A file that is damaged, or of another
// problem or other options, is a *device.ArgumentError; it is never overwritten.
type State struct {
	Path  string        // file
	Every time.Duration // between two writings; 0 means 10 minutes
}

// stateKey is what a state must share with the call that goes on from it.
type stateKey struct {
	Kind    string
	DType   string
	Dim     int
	Options map[string]any // of JSON
}

const stateMagic = "ritz-state-3\n"

// keeper reads and writes the state of one computation.
type keeper[T device.Float] struct {
	State
	key   []byte // JSON of the stateKey
	last  time.Time
	probe []float64 // see resume
}

// newKeeper returns nil if nothing is to be kept.
func newKeeper[T device.Float](s State, kind string, dim int, options map[string]any) *keeper[T] {
	if s.Path == "" {
		return nil
	}
	if s.Every == 0 {
		s.Every = 10 * time.Minute
	}
	dtype := "f64"
	if device.Epsilon[T]() > 1e-10 {
		dtype = "f32"
	}
	key, err := json.Marshal(stateKey{kind, dtype, dim, options})
	if err != nil { // numbers and strings
		panic(err)
	}
	return &keeper[T]{State: s, key: key, last: time.Now()}
}

// stored reads or writes the parts of a state in one order, so that both
// directions are one function.
type stored[T device.Float] interface {
	integer(p *int)
	numbers(p *[]float64)
	matrix(m device.Matrix[T])
}

// flag is integer for a truth value.
func flag[T device.Float](s stored[T], p *bool) {
	x := 0
	if *p {
		x = 1
	}
	s.integer(&x)
	*p = x == 1
}

// save writes the state that walk visits.
func (k *keeper[T]) save(q device.Queue[T], walk func(stored[T])) error {
	if k == nil {
		return nil
	}
	err := matio.WriteFile(k.Path, func(w io.Writer) error {
		sum := sha256.New()
		out := &stateWriter[T]{q: q, w: io.MultiWriter(w, sum)}
		out.bytes([]byte(stateMagic))
		size := len(k.key)
		out.integer(&size)
		out.bytes(k.key)
		out.numbers(&k.probe)
		walk(out)
		if out.err != nil {
			return out.err
		}
		_, err := w.Write(sum.Sum(nil))
		return err
	})
	if err != nil {
		return fmt.Errorf("state %s: %w", k.Path, err)
	}
	k.last = time.Now()
	return nil
}

// due saves if it is time to.
func (k *keeper[T]) due(q device.Queue[T], walk func(stored[T])) error {
	if k == nil || time.Since(k.last) < k.Every {
		return nil
	}
	return k.save(q, walk)
}

// interrupted saves if err comes from the end of the context, and returns err.
func (k *keeper[T]) interrupted(ctx context.Context, err error, q device.Queue[T], walk func(stored[T])) error {
	if k == nil || ctx.Err() == nil {
		return err
	}
	// What the queue was told to do is still done; its failure, if any, is
	// part of err.
	if q.Sync() != nil {
		return err
	}
	return errors.Join(err, k.save(q, walk))
}

// load is resume without the look at the operator.
func (k *keeper[T]) load(q device.Queue[T], walk func(stored[T])) (bool, error) {
	f, err := os.Open(k.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	length, err := k.check(f)
	if err != nil {
		return false, err
	}
	in := &stateReader[T]{q: q, r: io.NewSectionReader(f, int64(len(stateMagic)), length-int64(len(stateMagic)))}
	size := 0
	in.integer(&size)
	in.skip(size)
	in.numbers(&k.probe)
	walk(in)
	if in.err == nil {
		in.err = q.Sync()
	}
	if in.err != nil {
		return false, fmt.Errorf("state %s: %w", k.Path, in.err)
	}
	return true, nil
}

// resume reads the state into what walk visits. It returns false if there is
// none. A number that comes with the state tells whether op is its operator, for
// which it makes a product.
func (k *keeper[T]) resume(ctx context.Context, q device.Queue[T], op Operator[T], walk func(stored[T])) (bool, error) {
	if k == nil {
		return false, nil
	}
	now, err := probe(ctx, q, op)
	if err != nil {
		return false, err
	}
	k.probe = []float64{now}
	found, err := k.load(q, walk)
	if err == nil && found {
		err = sameProduct[T](now, k.probe[0], k.probe)
		k.probe[0] = now
	}
	return found, err
}

// probe returns vᵀHv for a random vector of its own.
func probe[T device.Float](ctx context.Context, q device.Queue[T], op Operator[T]) (float64, error) {
	defer q.Scope()()
	v, image, products := q.Alloc(1, op.Dim()), q.Alloc(1, op.Dim()), 0
	q.Random(device.Normal, 0x5ca1ab1e, math.MaxUint64, v)
	if err := apply(ctx, q, op, image, v, &products); err != nil {
		return 0, err
	}
	return scalar(q, func(out device.Matrix[T]) { q.Dot(device.Whole, v, image, out) })
}

// check refuses a file that is no state, is damaged, or is the state of
// something else. It returns its length without the checksum.
func (k *keeper[T]) check(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	refuse := func(format string, args ...any) (int64, error) {
		return 0, device.Argument("state", "%s %s", k.Path, fmt.Sprintf(format, args...))
	}
	length := info.Size() - sha256.Size
	head := make([]byte, len(stateMagic)+8)
	if _, err := io.ReadFull(f, head); err != nil || length < int64(len(head)) || string(head[:len(stateMagic)]) != stateMagic {
		return refuse("is not the state of a computation")
	}
	sum := sha256.New()
	sum.Write(head)
	if _, err := io.Copy(sum, io.LimitReader(f, length-int64(len(head)))); err != nil {
		return 0, err
	}
	want := make([]byte, sha256.Size)
	if _, err := io.ReadFull(f, want); err != nil {
		return 0, err
	}
	if !bytes.Equal(want, sum.Sum(nil)) {
		return refuse("is damaged: its checksum is wrong")
	}
	// The checksum vouches for the lengths from here on.
	key := make([]byte, binary.LittleEndian.Uint64(head[len(stateMagic):]))
	if _, err := f.ReadAt(key, int64(len(head))); err != nil {
		return 0, err
	}
	if !bytes.Equal(key, k.key) {
		return refuse("belongs to another computation: it has %s, not %s", key, k.key)
	}
	return length, nil
}

// stateWriter writes little-endian numbers.
type stateWriter[T device.Float] struct {
	q   device.Queue[T]
	w   io.Writer
	buf []byte
	row []T
	err error
}

func (s *stateWriter[T]) bytes(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *stateWriter[T]) integer(p *int) {
	s.bytes(binary.LittleEndian.AppendUint64(nil, uint64(int64(*p))))
}

func (s *stateWriter[T]) numbers(p *[]float64) {
	n := len(*p)
	s.integer(&n)
	s.buf = s.buf[:0]
	for _, x := range *p {
		s.buf = binary.LittleEndian.AppendUint64(s.buf, math.Float64bits(x))
	}
	s.bytes(s.buf)
}

func (s *stateWriter[T]) matrix(m device.Matrix[T]) {
	s.row = append(s.row[:0], make([]T, m.Cols)...)
	for i := range m.Rows {
		s.q.Download(device.Vector(s.row), m.Row(i))
		if s.err == nil {
			s.err = s.q.Sync()
		}
		s.buf = s.buf[:0]
		for _, x := range s.row {
			s.buf = appendNumber(s.buf, x)
		}
		s.bytes(s.buf)
	}
}

func appendNumber[T device.Float](b []byte, x T) []byte {
	if device.Epsilon[T]() > 1e-10 {
		return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(x)))
	}
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(x)))
}

// stateReader reads what stateWriter wrote.
type stateReader[T device.Float] struct {
	q   device.Queue[T]
	r   io.Reader
	buf []byte
	row []T
	err error
}

// take returns the next n bytes, zeros after a failure.
func (s *stateReader[T]) take(n int) []byte {
	s.buf = append(s.buf[:0], make([]byte, n)...)
	if s.err == nil {
		_, s.err = io.ReadFull(s.r, s.buf)
	}
	return s.buf
}

func (s *stateReader[T]) skip(n int) { s.take(n) }

func (s *stateReader[T]) integer(p *int) {
	*p = int(int64(binary.LittleEndian.Uint64(s.take(8))))
}

func (s *stateReader[T]) numbers(p *[]float64) {
	n := 0
	s.integer(&n)
	b := s.take(8 * n)
	*p = make([]float64, n)
	for i := range *p {
		(*p)[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
}

func (s *stateReader[T]) matrix(m device.Matrix[T]) {
	width := 8
	if device.Epsilon[T]() > 1e-10 {
		width = 4
	}
	s.row = append(s.row[:0], make([]T, m.Cols)...)
	for i := range m.Rows {
		b := s.take(width * m.Cols)
		for j := range s.row {
			if width == 4 {
				s.row[j] = T(math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:])))
			} else {
				s.row[j] = T(math.Float64frombits(binary.LittleEndian.Uint64(b[8*j:])))
			}
		}
		s.q.Upload(m.Row(i), device.Vector(s.row))
	}
}

// sameProduct compares a number vᵀHv with the one of a state; of says how
// large others are.
func sameProduct[T device.Float](now, then float64, of []float64) error {
	size := math.Abs(now)
	for _, x := range of {
		size = max(size, math.Abs(x))
	}
	tol := 1e-8
	if device.Epsilon[T]() > 1e-10 {
		tol = 1e-3
	}
	if !(math.Abs(now-then) <= tol*size) {
		return device.Argument("state", "belongs to another operator: vᵀHv is %v, was %v", now, then)
	}
	return nil
}
