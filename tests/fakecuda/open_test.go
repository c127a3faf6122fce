//go:build cgo && linux && !nocuda

package fakecuda

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

func TestOpen(t *testing.T) {
	d := Open(t, Options{})
	t.Logf("%+v", d.Info())
	q := d.F64()
	defer q.Close()
	a := q.Alloc(3, 4)
	q.Fill(2, a)
	host := device.NewDense[float64](3, 4)
	q.Download(host, a)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	if host.At(2, 3) != 2 {
		t.Errorf("got %v", host.Data)
	}
}
