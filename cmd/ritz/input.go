package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

// An input is named path, path:member for files with several arrays, and
// either with [i] or [lo:hi] behind it for some rows. Up to 18 digits fit an
// int with room for one more.
var rowRange = regexp.MustCompile(`\[(\d{1,18})(?:(:)(\d{0,18}))?\]$`)

// input is an array in a file whose headers have been read.
type input struct {
	file   *matio.File
	member int
	lo, hi int // rows, hi < 0 for all
}

// locate finds the array that name (and tensor, if not empty) means.
func locate(name, tensor string) (*input, error) {
	in := new(input)
	name, tensor, in.lo, in.hi = split(name, tensor)
	var err error
	if in.file, err = matio.Open(name); err != nil {
		return nil, err
	}
	found, err := in.file.Find(tensor)
	if err != nil {
		if tensor == "" { // several
			return nil, usagef("%w, as %s:%s", err, name, in.file.Members[0].Name)
		}
		return nil, err
	}
	if len(found) > 1 {
		return nil, usagef("%s: %d arrays match %q; one is needed", name, len(found), tensor)
	}
	in.member = found[0]
	return in, nil
}

// split takes a name apart into the path of a file, the array in it, and its
// rows (hi < 0 for all). A name that is a file is left whole.
func split(name, tensor string) (path, member string, lo, hi int) {
	if _, err := os.Stat(name); err == nil {
		return name, tensor, 0, -1
	}
	hi = -1
	if m := rowRange.FindStringSubmatch(name); m != nil {
		name = strings.TrimSuffix(name, m[0])
		lo, _ = strconv.Atoi(m[1])
		hi = lo + 1
		if m[2] != "" {
			hi = int(^uint(0) >> 1)
			if m[3] != "" {
				hi, _ = strconv.Atoi(m[3])
			}
		}
	}
	if _, err := os.Stat(name); err != nil && tensor == "" {
		if at := strings.LastIndex(name, ":"); at > 0 {
			name, tensor = name[:at], name[at+1:]
		}
	}
	return name, tensor, lo, hi
}

// single reports whether the numbers of all inputs fit float32.
func single(inputs ...*input) bool {
	for _, in := range inputs {
		if in != nil && !in.file.Members[in.member].DType.Single() {
			return false
		}
	}
	return true
}

// precision returns the element type to compute in: that of the flag, else
// float32 if the inputs hold no more.
func (c *common) precision(inputs ...*input) string {
	switch {
	case c.dtype != "":
		return c.dtype
	case single(inputs...):
		return "f32"
	}
	return "f64"
}

// tooLarge reports an input that the memory cannot hold, which Go or the system
// would otherwise end the process for.
func tooLarge[T device.Float](in *input) error {
	wanted, free := bytesOf[T](in), room()
	if free == 0 || wanted <= float64(free) {
		return nil
	}
	// A compressed file whose header claims more numbers than it can hold (deflate
	// packs at most 1032 bytes into one) is damaged: reading it tells.
	info, err := os.Stat(in.file.Path)
	if err == nil && strings.HasSuffix(in.file.Path, ".gz") && wanted > 8*1032*float64(info.Size()) {
		return nil
	}
	return fmt.Errorf("%s: %w", in.file.Path,
		&device.OutOfMemoryError{Device: "host", Wanted: uint64(min(wanted, 1<<62)), Free: free})
}

// array reads the input with its shape, cut to the chosen rows.
func array[T device.Float](in *input) (matio.Array[T], error) {
	if err := tooLarge[T](in); err != nil {
		return matio.Array[T]{}, err
	}
	a, err := load[T](in)
	if err != nil {
		return a, err
	}
	return a, narrowed(in, a.Data)
}

func load[T device.Float](in *input) (matio.Array[T], error) {
	if in.hi < 0 {
		return matio.Read[T](in.file, in.member)
	}
	shape := in.file.Members[in.member].Shape
	if len(shape) == 0 || in.lo >= min(in.hi, shape[0]) {
		return matio.Array[T]{}, usagef("%s has no rows [%d:%d] in shape %v", in.file.Path, in.lo, in.hi, shape)
	}
	return matio.ReadRows[T](in.file, in.member, in.lo, min(in.hi, shape[0]))
}

// narrowed reports numbers that float64 holds, but float32 not: they would come
// out as infinities, which forbid something in costs, or all of them as zeros
// or with few of their digits, with certificates of what is left.
func narrowed[T device.Float](in *input, data []T) error {
	const least = 0x1p-102 // the smallest normal number over eps
	if device.Epsilon[T]() < 1e-10 || in.file.Members[in.member].DType.Single() {
		return nil
	}
	infinite, tiny := false, true
	for _, x := range data {
		infinite = infinite || x > math.MaxFloat32 || x < -math.MaxFloat32
		tiny = tiny && x < least && x > -least
	}
	if !infinite && !tiny {
		return nil
	}
	a, err := load[float64](in)
	if err != nil {
		return err
	}
	largest := 0.0 // of those that are finite
	for _, x := range a.Data {
		if x := math.Abs(x); x <= math.MaxFloat64 {
			largest = max(largest, x)
		}
	}
	switch {
	case largest > math.MaxFloat32:
		return device.Argument(in.file.Path, "holds %.3g, which is too large for f32; take f64, or scale it", largest)
	case tiny && largest > 0:
		return device.Argument(in.file.Path, "holds no number above %.3g, which is too small for f32; take f64, or scale it", largest)
	}
	return nil
}

// matrix reads the input as a matrix.
func matrix[T device.Float](in *input) (device.Dense[T], error) {
	a, err := array[T](in)
	if err != nil {
		return device.Dense[T]{}, err
	}
	rows, cols, data := a.Matrix()
	m := device.Dense[T]{Rows: rows, Cols: cols, Stride: cols, Data: data}
	// The kernels check too, but do not know the file.
	return m, device.CheckInput(in.file.Path, m)
}

// vector reads the input as a vector of any orientation.
func vector[T device.Float](name string) ([]T, error) {
	in, err := locate(name, "")
	if err != nil {
		return nil, err
	}
	a, err := array[T](in)
	if err != nil {
		return nil, err
	}
	if rows, cols, _ := a.Matrix(); rows != 1 && cols != 1 {
		return nil, usagef("%s is %d×%d, not a vector", name, rows, cols)
	}
	return a.Data, device.CheckInput(name, device.Vector(a.Data))
}

// maxClasses bounds class numbers: the network has an output for each up to
// the largest, and one that is out of any proportion should not end in want of
// memory.
const maxClasses = 1 << 20

// labels reads class numbers.
func labels(name string) ([]int, error) {
	v, err := vector[float64](name)
	if err != nil {
		return nil, err
	}
	classes := make([]int, len(v))
	for i, x := range v {
		classes[i] = int(x)
		if float64(classes[i]) != x || x < 0 || x >= maxClasses {
			return nil, usagef("%s: label %d is %v, not a class number", name, i, x)
		}
	}
	return classes, nil
}

// locateMatrices finds the arrays of a file that have two dimensions and whose
// names match.
func locateMatrices(path, pattern string) ([]*input, error) {
	file, err := matio.Open(path)
	if err != nil {
		return nil, err
	}
	found, err := file.Find(pattern)
	if err != nil {
		return nil, usage(err)
	}
	var inputs []*input
	for _, i := range found {
		if len(file.Members[i].Shape) == 2 {
			inputs = append(inputs, &input{file: file, member: i, hi: -1})
		}
	}
	if len(inputs) == 0 {
		return nil, usagef("%s: none of the %d arrays that match %q has two dimensions", path, len(found), pattern)
	}
	return inputs, nil
}
