package sinkhorn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/devices"
)

// cloud returns n random points of the unit cube in d dimensions.
func cloud[T device.Float](seed uint64, n, d int) device.Dense[T] {
	x := device.NewDense[T](n, d)
	rng.Uniform(seed, 0, 0, x.Data)
	return x
}

// Clouds whose distances are never stored give what stored distances do, in
// few and many dimensions.
func TestOnlineClouds(t *testing.T) {
	onDevices(t, func(t *testing.T, dev device.Device) {
		n := devices.Size(dev, 100, 20)
		for _, d := range []int{1, 2, 4, 5, 40} {
			for p := 1; p <= 2; p++ {
				x, y := cloud[float64](1, n, d), cloud[float64](2, n+7, d)
				for i := range x.Data {
					x.Data[i] += 100 // which must not cost digits
				}
				for i := range y.Data {
					y.Data[i] += 100
				}
				problem := Problem[float64]{X: x, Y: y, P: p, B: rising(n + 7)}
				o := Options{Epsilon: .05 * float64(d), Tol: 1e-11, Method: Log}
				want := must(t, dev, problem, o)
				o.Memory, o.Method = 1, Auto
				got := must(t, dev, problem, o)
				name := fmt.Sprintf("d = %d, p = %d: ", d, p)
				near(t, name+"objective", got.Objective, want.Objective, 1e-11)
				near(t, name+"cost", got.Cost, want.Cost, 1e-10)
				near(t, name+"lower bound", got.Certificate.Lower, want.Certificate.Lower, 1e-9)
				single := Problem[float32]{X: device.Convert[float32](x), Y: device.Convert[float32](y), P: p, B: convert[float32](problem.B)}
				o.Tol = 1e-5
				near(t, name+"float32", must(t, dev, single, o).Objective, want.Objective, 1e-4*float64(d))
			}
		}
	})
}

const memoryVariable = "RITZ_TEST_MEMORY"

// Two clouds of 12000 points in float32: the distances would take 576 MB, in
// float64 twice that. A process of its own solves the problem, certificate
// included, and looks at the most memory it ever had.
func TestMemoryOfClouds(t *testing.T) {
	if os.Getenv(memoryVariable) != "" {
		r, err := Solve(context.Background(), fastDevice(t), Problem[float32]{X: cloud[float32](1, 12000, 2), Y: cloud[float32](2, 12000, 2)},
			Options{Epsilon: .05, MaxIterations: 6, Memory: 1 << 20})
		if err != nil && !errors.Is(err, device.ErrNotConverged) {
			t.Fatal(err)
		}
		if c := r.Certificate; !(c.Lower <= r.Cost && r.Cost <= c.Upper) {
			t.Errorf("%v does not enclose %v", c, r.Cost)
		}
		return
	}
	if testing.Short() {
		t.Skip("short runs are those of the race detector, which needs memory of its own")
	}
	if list := devices.Real(t); len(list) == 1 {
		t.Skip("pure Go would take minutes")
	}
	peak := peakMemory(t, "TestMemoryOfClouds")
	if base := peakMemory(t, "TestNothingAtAll"); peak-base > 48<<20 {
		t.Errorf("%d MiB, without any problem %d MiB", peak>>20, base>>20)
	}
}

// peakMemory runs one test in a process of its own and returns its largest
// resident set in bytes.
func peakMemory(t *testing.T, test string) int64 {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc: ", err)
	}
	report := t.TempDir() + "/status"
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$|^TestReportMemory$")
	cmd.Env = append(os.Environ(), memoryVariable+"="+report)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	status, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Fatalf("no peak in %s", status)
	return 0
}

// TestReportMemory stands behind the test that peakMemory runs.
func TestReportMemory(t *testing.T) {
	to := os.Getenv(memoryVariable)
	if to == "" {
		t.Skip("for TestMemoryOfClouds")
	}
	fastDevice(t) // the libraries count in either case
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, status, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Soft minima between clouds that are not stored: pairs of points a second.
func BenchmarkSoftMinPoints(b *testing.B) {
	b.Run("f32/n=50000/d=2", func(b *testing.B) { softMinPoints[float32](b, 50000, 2) })
	b.Run("f32/n=20000/d=64", func(b *testing.B) { softMinPoints[float32](b, 20000, 64) })
	b.Run("f64/n=20000/d=2", func(b *testing.B) { softMinPoints[float64](b, 20000, 2) })
	b.Run("f64/n=20000/d=64", func(b *testing.B) { softMinPoints[float64](b, 20000, 64) })
}

func softMinPoints[T device.Float](b *testing.B, n, d int) {
	q := device.NewQueue[T](fastDevice(b))
	defer q.Close()
	x, y, g, out := q.Alloc(n, d), q.Alloc(n, d), q.Alloc(1, n), q.Alloc(1, n)
	q.Upload(x, cloud[T](1, n, d))
	q.Upload(y, cloud[T](2, n, d))
	for b.Loop() {
		device.SoftMinPoints(q, 2, T(.01*float64(d)), x, y, g, out)
		if err := q.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(n)*float64(n)/b.Elapsed().Seconds()/1e9, "Gpairs/s")
}

// A whole solution with its certificate.
func BenchmarkClouds(b *testing.B) {
	dev := fastDevice(b)
	x, y := cloud[float32](1, 20000, 2), cloud[float32](2, 20000, 2)
	for b.Loop() {
		r, err := Solve(context.Background(), dev, Problem[float32]{X: x, Y: y}, Options{Epsilon: .01, Memory: 1 << 20})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(r.Iterations), "iterations")
	}
}
