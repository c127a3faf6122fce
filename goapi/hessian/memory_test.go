package hessian

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/nn"
	"github.com/ritz-go/ritz/goapi/spectrum"
)

// resident returns the resident set of this process, VmRSS, or the largest it
// had, VmHWM, in bytes.
func resident(which string) (int64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), which+":")
	kilobytes, err := strconv.ParseInt(strings.Fields(rest + " x")[0], 10, 64)
	return kilobytes << 10, err
}

// A density takes what Memory says and the vectors of its bases, to 20 %, as
// the operating system measures a process of its own for it: with the
// activations kept, and with these computed anew for every product.
func TestMemoryIsWhatItSays(t *testing.T) {
	if limit := os.Getenv("RITZ_HESSIAN_CHILD"); limit != "" {
		memoryChild(limit)
		return
	}
	if testing.Short() || raceEnabled {
		t.Skip("multiplies large matrices")
	}
	if _, err := resident("VmHWM"); err != nil {
		t.Skipf("the system does not tell: %v", err)
	}
	for _, limit := range []string{"0", "1"} {
		// What is garbage at the peak depends on when it is collected, so that
		// the same process grows by up to a tenth more one time than another.
		grown, said := int64(math.MaxInt64), int64(0)
		for range 3 {
			cmd := exec.Command(os.Args[0], "-test.run=^TestMemoryIsWhatItSays$")
			cmd.Env = append(os.Environ(), "RITZ_HESSIAN_CHILD="+limit)
			out, err := cmd.CombinedOutput()
			var once int64
			if _, scan := fmt.Sscan(string(out), &once, &said); err != nil || scan != nil {
				t.Fatalf("cache limit %s: %v, %v: %s", limit, err, scan, out)
			}
			grown = min(grown, once)
		}
		if ratio := float64(grown) / float64(said); !(ratio > 0.8 && ratio < 1.2) {
			t.Errorf("cache limit %s: grew by %.1f MB, said were %.1f MB", limit, float64(grown)/1e6, float64(said)/1e6)
		}
	}
}

// memoryChild prints by how much its memory grew, and what was said.
func memoryChild(limit string) {
	const n, inputs, classes, probes, steps = 21300, 784, 10, 4, 4
	cache, _ := strconv.ParseInt(limit, 10, 64)
	dev := device.Go()
	net, err := nn.New[float32]([]int{inputs, 128, classes}, nn.Tanh, 1)
	if err != nil {
		panic(err)
	}
	data := classified[float32](n, inputs, classes)
	debug.SetGCPercent(20) // garbage between two collections counts, too
	debug.FreeOSMemory()
	before, err := resident("VmRSS")
	if err != nil {
		panic(err)
	}
	q := dev.F32()
	op, err := MLP(ctx, q, net, data, Options{CacheLimit: cache})
	if err != nil {
		panic(err)
	}
	if _, err := spectrum.SLQ(ctx, dev, op, spectrum.SLQOptions{Probes: probes, Steps: steps}); err != nil {
		panic(err)
	}
	after, _ := resident("VmHWM")
	runtime.KeepAlive(data)
	held, product := op.Memory(probes)
	basis := int64(probes*(steps+2)*op.Dim()) * 4
	fmt.Println(after-before, held+product+basis)
}
