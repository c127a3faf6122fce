//go:build cgo

package cblas

import (
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Shortening the spinning restarts OpenBLAS's threads: products that are
// shared among them must come out as before.
func TestThreadsAfterLimit(t *testing.T) {
	d, err := Open(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const n = 600
	q := d.F64()
	defer q.Close()
	a, b := q.Alloc(n, n), q.Alloc(n, n)
	q.Fill(2, a)
	q.Gemm(device.NoTrans, device.Transp, 1, a, a, 0, b)
	host := device.NewDense[float64](n, n)
	q.Download(host, b)
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, v := range host.Data {
		if v != 4*n {
			t.Fatalf("a product of twos is %v, want %v", v, 4*n)
		}
	}
}
