package paper

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

// The 10,000 test images alone are divided into 8,000 and 2,000.
func TestDigits(t *testing.T) {
	train, test, err := Digits[float32](Options{Data: "../../tests/data"})
	if err != nil {
		t.Fatal(err)
	}
	if train.X.Rows != 8000 || test.X.Rows != 2000 || train.X.Cols != 784 || len(train.Labels) != 8000 || len(test.Labels) != 2000 {
		t.Fatalf("%d×%d and %d×%d", train.X.Rows, train.X.Cols, test.X.Rows, test.X.Cols)
	}
	if train.Labels[0] != 7 || train.Labels[1] != 2 { // the first images of the set
		t.Errorf("labels %v", train.Labels[:2])
	}
	top := float32(0)
	for _, v := range train.X.Data {
		top = max(top, v)
	}
	if top != 1 {
		t.Errorf("the largest pixel is %v", top)
	}
}

func TestDigitsMissing(t *testing.T) {
	for _, folder := range []string{"", t.TempDir()} {
		_, _, err := Digits[float64](Options{Data: folder})
		if missing := (*DataError)(nil); !errors.As(err, &missing) || !errors.Is(err, fs.ErrNotExist) ||
			!strings.Contains(err.Error(), "t10k-images-idx3-ubyte.gz") || !strings.Contains(err.Error(), folder) {
			t.Errorf("%q: %v", folder, err)
		}
	}
}
