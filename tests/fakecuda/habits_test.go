//go:build cgo && linux && !nocuda

package fakecuda

import (
	"math"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// Nothing is done that would be right and slow, or make results depend on what
// other streams do: waits let the processor go, streams do not wait for the
// legacy one, products have a workspace of their own, and pools keep memory.
func TestHabits(t *testing.T) {
	d := Open(t, Options{})
	if _, err := job(d); err != nil {
		t.Fatal(err)
	}
	calls := Calls()
	for _, name := range []string{"waits that spin()", "streams that wait for the legacy stream()",
		"products in the library's workspace()", "memory that a pool gave back()"} {
		if calls[name] != 0 {
			t.Errorf("%d %s", calls[name], name)
		}
	}
	if calls["waits()"] == 0 || calls["cublasDgemm_v2"] == 0 || calls["cuMemFreeAsync"] == 0 {
		t.Error("the test is of nothing")
	}
}

// The host touches no device memory, where that would end the program.
func TestHostTouchesNoDeviceMemory(t *testing.T) {
	d := Open(t, Options{Machine: "protect"})
	for name, run := range map[string]func(device.Device) ([]float64, error){"job": job, "fused": fused} {
		if _, err := run(d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := powers(d, 4); err != nil || got != 81 {
		t.Errorf("3⁴ is %v, %v", got, err)
	}
}

// Products are rounded as asked for: 1 + 2⁻⁹ needs nine bits behind the point, of
// which TF32 and FP16 have ten and BF16 seven; 1 + 2⁻¹² is 1 in all of them, and
// 10⁵ is beyond FP16 alone.
func TestRoundedProductsAreRounded(t *testing.T) {
	q := Open(t, Options{}).F32()
	defer q.Close()
	a, one, c := q.Alloc(2, 2), q.Alloc(2, 2), q.Alloc(2, 2)
	q.AddDiag(1, one)
	for _, x := range []struct {
		in, exact, tf32, bf16, fp16 float32
	}{
		{1 + 1./512, 1 + 1./512, 1 + 1./512, 1, 1 + 1./512},
		{1 + 1./4096, 1 + 1./4096, 1, 1, 1},
		{98304, 98304, 98304, 98304, float32(math.Inf(1))},
	} {
		for p, want := range map[device.Precision]float32{device.Exact: x.exact, device.TF32: x.tf32, device.BF16: x.bf16, device.FP16: x.fp16} {
			_, end := device.Round(q, p)
			q.Fill(0, a)
			q.AddDiag(x.in, a)
			q.Gemm(device.NoTrans, device.NoTrans, 1, a, one, 0, c)
			got := device.NewDense[float32](2, 2)
			q.Download(got, c)
			end()
			if err := q.Sync(); err != nil || got.At(1, 1) != want {
				t.Errorf("%v in %v is %v, want %v; %v", x.in, p, got.At(1, 1), want, err)
			}
		}
	}
	exact := 0
	for name, n := range Calls() {
		if strings.HasPrefix(name, "cublasSgemm") {
			exact += n
		}
	}
	if exact != 3 {
		t.Errorf("%d exact products, want 3", exact)
	}
}
