package paper

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
	"github.com/ritz-go/ritz/goapi/nn"
)

// DataError says that a data set was not found.
type DataError struct {
	Folder string   // "" if none was given
	Wanted []string // names of files
}

func (e *DataError) Error() string {
	where := "no folder with data was given"
	if e.Folder != "" {
		where = "not found in " + e.Folder
	}
	return fmt.Sprintf("%s: %s", where, strings.Join(e.Wanted, ", "))
}

func (e *DataError) Unwrap() error { return fs.ErrNotExist }

// Digits reads MNIST from the folder of the options: 784 pixels in [0,1] a row.
// Where the 60,000 training images are missing, the last 2,000 of the 10,000
// test images are the test set, and the others the training set.
//
// The files are those of the publishers, with or without "mnist-" before and
// ".gz" behind their names. Errors: *DataError, those of matio.
func Digits[T device.Float](o Options) (train, test nn.Data[T], err error) {
	second, err := digits[T](o.Data, "t10k")
	if err != nil {
		return train, test, err
	}
	first, err := digits[T](o.Data, "train")
	if missing := (*DataError)(nil); errors.As(err, &missing) {
		const held = 2000
		if len(second.Labels) <= held {
			return train, test, missing
		}
		cut := len(second.Labels) - held
		return rows(second, 0, cut), rows(second, cut, len(second.Labels)), nil
	}
	return first, second, err
}

func digits[T device.Float](folder, part string) (nn.Data[T], error) {
	var d nn.Data[T]
	images, err := idx[T](folder, part+"-images-idx3-ubyte")
	if err != nil {
		return d, err
	}
	classes, err := idx[T](folder, part+"-labels-idx1-ubyte")
	if err != nil {
		return d, err
	}
	n := images.Shape[0]
	if n == 0 || len(classes.Data) != n {
		return d, fmt.Errorf("%s has %d images and %d labels", part, n, len(classes.Data))
	}
	for i := range images.Data {
		images.Data[i] /= 255
	}
	width := len(images.Data) / n
	d.X = device.Dense[T]{Rows: n, Cols: width, Stride: width, Data: images.Data}
	d.Labels = make([]int, n)
	for i, c := range classes.Data {
		d.Labels[i] = int(c)
	}
	return d, nil
}

// idx reads a file of the folder under one of its names.
func idx[T device.Float](folder, name string) (matio.Array[T], error) {
	missing := &DataError{Folder: folder, Wanted: []string{name + ".gz"}}
	if folder == "" {
		return matio.Array[T]{}, missing
	}
	for _, before := range []string{"", "mnist-"} {
		for _, behind := range []string{"", ".gz"} {
			path := filepath.Join(folder, before+name+behind)
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				continue
			}
			f, err := matio.Open(path)
			if err != nil {
				return matio.Array[T]{}, err
			}
			return matio.Read[T](f, 0)
		}
	}
	return matio.Array[T]{}, missing
}

func rows[T device.Float](d nn.Data[T], lo, hi int) nn.Data[T] {
	return nn.Data[T]{X: d.X.Slice(lo, hi, 0, d.X.Cols), Labels: d.Labels[lo:hi]}
}
