//go:build cgo && linux && !nocuda

package cusolver_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/rng"
	"github.com/ritz-go/ritz/tests/fakecuda"
)

func open(t *testing.T, machine string) device.Device {
	t.Helper()
	return fakecuda.Open(t, fakecuda.Options{Machine: machine})
}

// openNamed opens one more GPU of the machine that open has made.
func openNamed(t *testing.T, which string) (device.Device, error) {
	t.Helper()
	folder, err := fakecuda.Build("")
	if err != nil {
		t.Fatal(err)
	}
	return cusolver.Open(which, cusolver.Options{LibDirs: []string{folder}})
}

// random returns a matrix of random numbers, also in the gaps that the stride
// leaves.
func random[T device.Float](rows, cols, stride int) device.Dense[T] {
	d := device.Dense[T]{Rows: rows, Cols: cols, Stride: stride, Data: make([]T, max(0, (rows-1)*stride+cols))}
	rng.Normal(1, 2, 0, d.Data)
	return d
}

func equal[T device.Float](a, b device.Dense[T]) bool {
	for i := range a.Rows {
		for j := range a.Cols {
			if a.At(i, j) != b.At(i, j) {
				return false
			}
		}
	}
	return true
}

// Every shape goes to the device and back unchanged, into matrices with and
// without gaps, whose gaps stay as they were. Without memory for the long
// transfer buffers the short ones do, in more pieces than one to a row.
func TestTransfers(t *testing.T) {
	for _, machine := range []string{"strict", "strict;cuMemHostAlloc:2=2"} {
		d := open(t, machine)
		transfers[float32](t, d.F32())
		transfers[float64](t, d.F64())
		d.Close()
	}
}

func transfers[T device.Float](t *testing.T, q device.Queue[T]) {
	defer q.Close()
	for _, s := range [][2]int{{1, 1}, {0, 3}, {3, 0}, {7, 5}, {1, 30000}, {30000, 1}, {300, 200}, {3, 50000}, {700, 1000}} {
		rows, cols := s[0], s[1]
		for _, gap := range []int{0, 3} {
			end := q.Scope()
			host := random[T](rows, cols, cols+gap)
			whole := q.Alloc(rows+2, cols+gap+1)
			q.Fill(-7, whole)
			m := whole.Slice(1, rows+1, 1, cols+1)
			q.Upload(m, host)
			again := random[T](rows, cols, cols+2*gap)
			q.Download(again, m)
			all := device.NewDense[T](whole.Rows, whole.Cols)
			q.Download(all, whole)
			if err := q.Sync(); err != nil {
				t.Fatalf("%d×%d: %v", rows, cols, err)
			}
			if !equal(host, again) {
				t.Errorf("%d×%d with a gap of %d came back different", rows, cols, gap)
			}
			for i := range all.Rows {
				for j := range all.Cols {
					inside := i >= 1 && i <= rows && j >= 1 && j <= cols
					if !inside && all.At(i, j) != -7 {
						t.Fatalf("%d×%d: element %d,%d outside of it became %v", rows, cols, i, j, all.At(i, j))
					}
				}
			}
			end()
		}
	}
}

func TestLongTransfer(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 400 MB")
	}
	q := open(t, "strict").F32()
	defer q.Close()
	for _, s := range [][2]int{{5, 5 << 20}, {9000, 3000}} { // rows beyond 16 MiB; many rows
		defer q.Scope()()
		host := random[float32](s[0], s[1], s[1]+1)
		m := q.Alloc(s[0], s[1]+2).Slice(0, s[0], 2, s[1]+2)
		q.Upload(m, host)
		back := device.NewDense[float32](s[0], s[1])
		q.Download(back, m)
		if err := q.Sync(); err != nil || !equal(host, back) {
			t.Errorf("%v: %v, or different", s, err)
		}
	}
}

func TestCopyBetweenRowsAndColumns(t *testing.T) {
	q := open(t, "").F64()
	defer q.Close()
	host := random[float64](4, 6, 6)
	a, b := q.Alloc(4, 6), q.Alloc(6, 5)
	q.Upload(a, host)
	row, column := a.Row(2), b.Slice(0, 6, 3, 4)
	q.Copy(column, row)
	q.Copy(b.Slice(0, 4, 0, 1), a.Slice(0, 4, 5, 6))
	q.Copy(a.Row(0), column)
	got := device.NewDense[float64](6, 5)
	q.Download(got, b)
	first := device.NewDense[float64](1, 6)
	q.Download(first, a.Row(0))
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	for j := range 6 {
		if got.At(j, 3) != host.At(2, j) || first.At(0, j) != host.At(2, j) {
			t.Errorf("element %d: column %v, row %v, want %v", j, got.At(j, 3), first.At(0, j), host.At(2, j))
		}
		if j < 4 && got.At(j, 0) != host.At(j, 5) {
			t.Errorf("element %d of a column: %v, want %v", j, got.At(j, 0), host.At(j, 5))
		}
		if got.At(j, 1) != 0 || got.At(j, 4) != 0 {
			t.Errorf("a copy touched its neighbours in row %d", j)
		}
	}
}

// Memory of ended scopes is used again; it is zero nevertheless, and the old
// matrices are refused.
func TestAllocAndScope(t *testing.T) {
	for _, machine := range []string{"", "nopools"} {
		d := open(t, machine)
		q := d.F32()
		for range 3 {
			end := q.Scope()
			a := q.Alloc(100, 70)
			host := random[float32](100, 70, 70)
			q.Download(host, a)
			q.Fill(3, a)
			if err := q.Sync(); err != nil {
				t.Fatal(err)
			}
			if !equal(host, device.NewDense[float32](100, 70)) {
				t.Errorf("%q: new memory is not zero", machine)
			}
			end()
			q.Fill(1, a)
			if err := q.Sync(); !errors.Is(err, device.ErrShape) {
				t.Errorf("%q: a matrix after its scope: %v", machine, err)
			}
		}
		if calls := fakecuda.Calls(); machine == "nopools" && calls["cuMemAlloc_v2"] > 3 { // two of the stream
			t.Errorf("memory of ended scopes was not used again: %d allocations", calls["cuMemAlloc_v2"])
		}
		q.Close()
		d.Close()
	}
}

func TestOutOfMemory(t *testing.T) {
	for _, machine := range []string{"mem=256MiB", "mem=256MiB;nopools"} {
		d := open(t, machine)
		const mebi = 1 << 18 // float32
		// What other queues hold for later must not count as used.
		for range 3 {
			other := d.F32()
			other.Fill(1, other.Alloc(60, mebi))
			if err := other.Sync(); err != nil {
				t.Fatal(err)
			}
			other.Close()
		}
		q := d.F32()
		end := q.Scope()
		big := q.Alloc(150, mebi)
		if err := q.Sync(); err != nil {
			t.Fatalf("%s: 150 MiB of 256: %v", machine, err)
		}
		more := q.Alloc(150, mebi)
		q.Fill(1, more)
		err := q.Sync()
		var e *device.OutOfMemoryError
		if !errors.Is(err, device.ErrOutOfMemory) || !errors.As(err, &e) || e.Wanted != 150<<20 || e.Free < 32<<20 || e.Free > 106<<20 {
			t.Errorf("%s: second 150 MiB: %v (%+v)", machine, err, e)
		}
		q.Fill(2, big)
		if err := q.Sync(); err != nil {
			t.Errorf("%s: the queue after it: %v", machine, err)
		}
		end()
		q.Fill(2, q.Alloc(150, mebi))
		if err := q.Sync(); err != nil {
			t.Errorf("%s: 150 MiB after the scope: %v", machine, err)
		}
		q.Close()
		d.Close()
	}
}

func TestImpossibleShapes(t *testing.T) {
	q := open(t, "").F64()
	defer q.Close()
	for _, s := range [][2]int{{-1, 3}, {3, -1}, {1 << 40, 1 << 40}} {
		q.Alloc(s[0], s[1])
		if err := q.Sync(); !errors.Is(err, device.ErrShape) {
			t.Errorf("Alloc(%d, %d): %v", s[0], s[1], err)
		}
	}
	q.Alloc(1<<28, 1<<28)
	if err := q.Sync(); !errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("2⁵⁹ bytes: %v", err)
	}
}

// The first failure stays until Sync, and nothing runs in between.
func TestFirstFailureCounts(t *testing.T) {
	d := open(t, "devices=2")
	q := d.F64()
	defer q.Close()
	a := q.Alloc(2, 2)
	q.Copy(a, q.Alloc(3, 3))
	q.Alloc(-1, 0)
	q.Fill(5, a)
	host := random[float64](2, 2, 2)
	before := device.Dense[float64]{Rows: 2, Cols: 2, Stride: 2, Data: append([]float64(nil), host.Data...)}
	q.Download(host, a)
	if !equal(host, before) {
		t.Error("Download wrote after a failure")
	}
	var e *device.ShapeError
	if err := q.Sync(); !errors.As(err, &e) || e.Op != "Copy" {
		t.Errorf("first failure: %v, want that of Copy", err)
	}
	q.Download(host, a)
	if err := q.Sync(); err != nil || !equal(host, device.NewDense[float64](2, 2)) {
		t.Errorf("after Sync: %v, %v", err, host.Data)
	}
	cpu := device.Go().F64()
	q.Copy(a, cpu.Alloc(2, 2))
	if err := q.Sync(); !errors.Is(err, device.ErrArgument) {
		t.Errorf("a matrix of the CPU: %v", err)
	}
	other, err := openNamed(t, "1")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	o := other.F64()
	defer o.Close()
	q.Copy(a, o.Alloc(2, 2))
	if err := q.Sync(); !errors.Is(err, device.ErrArgument) {
		t.Errorf("a matrix of another GPU: %v", err)
	}
}

// A context that broke stays broken: every queue says why, old and new, and
// nothing is asked of the driver any more.
func TestLostDevice(t *testing.T) {
	for _, code := range []int{700, 719, 214, 999} {
		d := open(t, fmt.Sprintf("cuLaunchKernel:2=%d!", code))
		q, other := d.F32(), d.F64()
		a, b := q.Alloc(3, 3), other.Alloc(3, 3)
		q.Fill(1, a)
		q.Fill(1, a)
		first := q.Sync()
		if !errors.Is(first, device.ErrLost) || !strings.Contains(first.Error(), fmt.Sprintf("cuLaunchKernel: CUDA error %d (", code)) {
			t.Errorf("code %d: %v", code, first)
		}
		calls := fmt.Sprint(fakecuda.Calls())
		q.Fill(1, a)
		other.Upload(b, random[float64](3, 3, 3))
		other.Alloc(1, 1)
		late := d.F32()
		late.Alloc(1, 1)
		for i, err := range []error{q.Sync(), other.Sync(), late.Sync()} {
			if err != first {
				t.Errorf("code %d: queue %d says %v, want %v", code, i, err, first)
			}
		}
		late.Fill(1, late.Alloc(1, 1))
		if err := late.Sync(); err != first {
			t.Errorf("code %d: new queue: %v", code, err)
		}
		q.Close()
		other.Close()
		late.Close()
		if err := d.Close(); err != nil {
			t.Errorf("code %d: Close: %v", code, err)
		}
		if after := fmt.Sprint(fakecuda.Calls()); after != calls {
			t.Errorf("code %d: the driver was called after the device was lost:\n%s\n%s", code, calls, after)
		}
		fakecuda.Report() // what a lost device held
	}
}

func TestClosedQueueAndDevice(t *testing.T) {
	d := open(t, "")
	q, late := d.F32(), d.F32()
	a, b := q.Alloc(2, 2), late.Alloc(2, 2)
	q.Close()
	q.Close()
	for range 2 {
		q.Fill(1, a)
		if err := q.Sync(); !errors.Is(err, device.ErrClosed) {
			t.Errorf("closed queue: %v", err)
		}
	}
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	late.Fill(1, b)
	if err := late.Sync(); !errors.Is(err, device.ErrClosed) {
		t.Errorf("queue of a closed device: %v", err)
	}
	after := d.F64()
	after.Fill(1, after.Alloc(1, 1))
	if err := after.Sync(); !errors.Is(err, device.ErrClosed) {
		t.Errorf("new queue of a closed device: %v", err)
	}
	after.Close()
	late.Close() // the last user: now everything is freed, or the emulator complains
}

// A queue that was forgotten gives its memory back once the garbage collector
// has found it, but not while a matrix of its is in use.
func TestForgottenQueue(t *testing.T) {
	d := open(t, "")
	user := d.F32()
	defer user.Close()
	kept := func() device.Matrix[float32] {
		q := d.F32()
		m := q.Alloc(50, 50)
		q.Fill(4, m)
		if err := q.Sync(); err != nil {
			t.Fatal(err)
		}
		return m
	}()
	freed := func() int { return fakecuda.Calls()["cuMemFreeAsync"] }
	for range 3 {
		runtime.GC()
		d.F64().Close()
	}
	host := device.NewDense[float32](50, 50)
	user.Download(host, kept)
	if err := user.Sync(); err != nil || host.At(49, 49) != 4 || freed() != 0 {
		t.Errorf("a matrix of a queue that is not in use any more: %v, %v, freed %d", err, host.At(49, 49), freed())
	}
	runtime.KeepAlive(kept)
	kept = device.Matrix[float32]{}
	for range 1000 {
		runtime.GC()
		d.F64().Close()
		if freed() == 1 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("the memory of a forgotten queue was not freed")
}

// Many goroutines with queues of their own, more than are kept for later.
func TestConcurrentQueues(t *testing.T) {
	d := open(t, "strict")
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			q := d.F64()
			defer q.Close()
			host := device.NewDense[float64](200, 300)
			for k := range 5 {
				end := q.Scope()
				a, b := q.Alloc(200, 300), q.Alloc(200, 300)
				q.Fill(float64(10*i+k), a)
				q.Copy(b, a)
				q.Download(host, b)
				if err := q.Sync(); err != nil || host.At(199, 299) != float64(10*i+k) {
					t.Errorf("goroutine %d: %v, got %v", i, err, host.At(199, 299))
				}
				end()
			}
		})
	}
	group.Wait()
}

// launchOne runs one kernel.
func launchOne(t *testing.T, d device.Device) {
	t.Helper()
	q := d.F64()
	defer q.Close()
	a := q.Alloc(3, 3)
	q.Fill(2, a)
	host := device.NewDense[float64](3, 3)
	q.Download(host, a)
	if err := q.Sync(); err != nil || host.At(2, 2) != 2 {
		t.Fatalf("%v, got %v", err, host.Data)
	}
}

// Kernels are compiled once for all processes; what is damaged or does not fit
// is compiled again, and where nothing can be compiled the PTX does.
func TestCompiledKernels(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("RITZ_CACHE_DIR", folder)
	files := func() []string {
		list, _ := filepath.Glob(filepath.Join(folder, "*"))
		return list
	}
	run := func(machine string) (compiled int, notes []string) {
		d := open(t, machine)
		launchOne(t, d)
		notes = d.Info().Notes
		d.Close()
		return fakecuda.Calls()["nvrtcCompileProgram"], notes
	}
	modules, notes := run("")
	if modules == 0 || len(files()) != modules || len(notes) != 0 {
		t.Fatalf("%d modules compiled, %d files, notes %q", modules, len(files()), notes)
	}
	if n, _ := run(""); n != 0 {
		t.Errorf("%d modules compiled again", n)
	}
	damage := func() {
		t.Helper()
		if err := os.Truncate(files()[0], 1000); err != nil {
			t.Fatal(err)
		}
	}
	damage()
	if n, notes := run(""); n != 1 || len(notes) != 0 {
		t.Errorf("one module damaged: %d compiled, notes %q", n, notes)
	}
	if n, notes := run("cuModuleLoadDataEx:1=209"); n != 1 || len(notes) != 0 {
		t.Errorf("one module does not fit: %d compiled, notes %q", n, notes)
	}
	if n, notes := run("nvrtcGetNumSupportedArchs:1=11"); n != 0 || len(notes) != 0 {
		t.Errorf("NVRTC fails: %d compiled, notes %q", n, notes)
	}
	damage()
	if _, notes := run("nvrtcCompileProgram:1=6"); len(notes) != 1 || !strings.Contains(notes[0], "NVRTC_ERROR_COMPILATION") {
		t.Errorf("a module that cannot be compiled: notes %q", notes)
	}
	if len(files()) != modules-1 {
		t.Errorf("%d files, want %d", len(files()), modules-1)
	}
	for _, fault := range []string{
		"nvrtcCreateProgram:1=11", "nvrtcGetCUBINSize:1=11", "nvrtcGetCUBIN:1=11",
		"nvrtcCompileProgram:1=6;nvrtcGetProgramLogSize:1=11", "nvrtcCompileProgram:1=6;nvrtcGetProgramLog:1=11",
	} {
		if _, notes := run(fault); len(notes) != 1 || len(files()) != modules-1 {
			t.Errorf("%s: %d files, notes %q", fault, len(files()), notes)
		}
	}
	if _, notes := run("nvrtcDestroyProgram:1=11"); len(notes) != 0 { // it was compiled
		t.Errorf("a program that cannot be given up: notes %q", notes)
	}
	d := open(t, "cuModuleLoadDataEx:1=2")
	q := d.F32()
	q.Fill(1, q.Alloc(1, 1))
	if err := q.Sync(); !errors.Is(err, device.ErrOutOfMemory) {
		t.Errorf("no memory for a module: %v", err)
	}
	q.Close()
	launchOne(t, d)
}

// A GPU that others have for themselves is passed over, unless it was asked
// for by name.
func TestGPUInUseByOthers(t *testing.T) {
	d := open(t, "devices=2;cuDevicePrimaryCtxRetain:1=46;cuDevicePrimaryCtxRetain:3=46")
	launchOne(t, d)
	_, err := openNamed(t, "1")
	if !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), "EXCLUSIVE_PROCESS") || !strings.Contains(err.Error(), "cuda:1") {
		t.Errorf("a GPU in use, by name: %v", err)
	}
}

// Open fails with a reason, and leaves nothing behind, whatever call fails.
func TestOpenFailsCleanly(t *testing.T) {
	for _, c := range []struct{ machine, want string }{
		{"init=100", "error 100"},
		{"devices=0", "no GPU"},
		{"mode=2", "prohibits"},
		{"cc=7.5", "older than 8.0"},
		{"cuDeviceGetName:1=999", "error 999"},
		{"cuDevicePrimaryCtxRetain:1=2", "error 2"},
		{"cuStreamCreateWithPriority:1=2;cuStreamCreateWithPriority:2=2", "out of memory"},
		{"cublasCreate_v2:1=1;cublasCreate_v2:2=1", "CUBLAS_STATUS_NOT_INITIALIZED"},
		{"cusolverDnCreate:1=7;cusolverDnCreate:2=7", "CUSOLVER_STATUS_INTERNAL_ERROR"},
		{"cuMemHostAlloc:1=2;cuMemHostAlloc:2=2", "out of memory"},
		{"mem=16MiB", "out of memory"},
	} {
		folder := fakecuda.Prepare(t, fakecuda.Options{Machine: c.machine})
		d, err := cusolver.Open("", cusolver.Options{LibDirs: []string{folder}})
		if err == nil {
			d.Close()
		}
		if !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want ErrUnavailable with %q", c.machine, err, c.want)
		}
		if s := fakecuda.Report(); s != "" {
			t.Errorf("%s: %s", c.machine, s)
		}
	}
	// One failure at most is a lack of memory that passes.
	d := open(t, "cublasCreate_v2:1=3")
	launchOne(t, d)
}

func TestInfoAndChoice(t *testing.T) {
	for _, machine := range []string{"", "nvml=9", "driver=12020;cc=8.0"} {
		d := open(t, machine)
		i := d.Info()
		d.Close()
		if i.Name != "cuda:0" || i.Backend != "CUDA" || !strings.Contains(i.Hardware, "H200") || i.Memory == 0 ||
			!strings.Contains(i.Library, "cuBLAS 12.") || !strings.Contains(i.Library, "cuSOLVER 11.") {
			t.Errorf("%q: %+v", machine, i)
		}
		want := "sm_90"
		if strings.Contains(machine, "cc=8.0") {
			want = "sm_80"
		}
		if i.Level != want {
			t.Errorf("%q: level %s, want %s", machine, i.Level, want)
		}
	}
}

// The GPU with most free memory is taken, if that is enough for the work. Where
// NVML is not there the context of each tells.
func TestMemoryForTheWork(t *testing.T) {
	for _, c := range []struct {
		machine string
		need    uint64
		want    string // name, or part of the error
	}{
		{"devices=3;taken=9GiB,1GiB,4GiB", 0, "cuda:1"},
		{"devices=3;taken=9GiB,1GiB,4GiB", 14 << 30, "cuda:1"},
		{"devices=3;taken=9GiB,1GiB,4GiB", 15 << 30, "no GPU has 15.0 GiB free: cuda:0 6.8 GiB; cuda:1 14.8 GiB; cuda:2 11.8 GiB"},
		{"devices=3;taken=9GiB,1GiB,4GiB;nvml=9", 14 << 30, "cuda:1"},
		{"devices=3;taken=9GiB,1GiB,4GiB;nvml=9", 16 << 30, "15.0 GiB free, 16.0 GiB needed"},
		{"devices=2;nouuids;taken=9GiB", 0, "cuda:1"}, // known by their bus addresses
		{"mig=2;nvml=9", 0, "cuda:0"},
		{"mig=2;olduuids", 0, "cuda:0"},
	} {
		folder := fakecuda.Prepare(t, fakecuda.Options{Machine: c.machine})
		d, err := cusolver.Open("", cusolver.Options{LibDirs: []string{folder}, Memory: c.need})
		switch {
		case err != nil:
			if !errors.Is(err, device.ErrUnavailable) || !errors.Is(err, device.ErrOutOfMemory) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %d GiB: %v, want %q", c.machine, c.need>>30, err, c.want)
			}
		default:
			if got := d.Info().Name; got != c.want {
				t.Errorf("%s, %d GiB: %s, want %s", c.machine, c.need>>30, got, c.want)
			}
			d.Close()
		}
		if s := fakecuda.Report(); s != "" {
			t.Errorf("%s: %s", c.machine, s)
		}
	}
}

// In a container without NVML a MIG instance is known for one by its name, and
// with an old driver by its GPU.
func TestProbeOfMIG(t *testing.T) {
	for machine, entries := range map[string]int{"mig=2": 3, "mig=2;nvml=9": 1, "mig=2;olduuids": 3} {
		t.Setenv("RITZ_CUDA_LIBDIR", fakecuda.Prepare(t, fakecuda.Options{Machine: machine}))
		m, err := cusolver.Probe()
		if err != nil || len(m.GPUs) != entries || len(m.Usable()) != 1 {
			t.Errorf("%s: %+v, %v", machine, m, err)
			continue
		}
		if g := m.Usable()[0]; !g.MIG() || !strings.HasPrefix(g.UUID, "MIG-") {
			t.Errorf("%s: %+v is no MIG instance", machine, g)
		}
	}
}

func TestProbeOfTheEmulatedMachine(t *testing.T) {
	for _, machine := range []string{"devices=3", "devices=3;nvml=9"} {
		t.Setenv("RITZ_CUDA_LIBDIR", fakecuda.Prepare(t, fakecuda.Options{Machine: machine}))
		m, err := cusolver.Probe()
		if err != nil || len(m.GPUs) != 3 || len(m.Usable()) != 3 || m.CUDA != "12.4" {
			t.Errorf("%s: %+v, %v", machine, m, err)
		}
		d, err := cusolver.Open(m.GPUs[2].UUID, cusolver.Options{})
		if err != nil {
			t.Errorf("%s: by UUID: %v", machine, err)
			continue
		}
		if d.Info().Name != "cuda:2" {
			t.Errorf("%s: opened %s, want cuda:2", machine, d.Info().Name)
		}
		d.Close()
	}
	t.Setenv("RITZ_CUDA_LIBDIR", fakecuda.Prepare(t, fakecuda.Options{Machine: "init=100;nvml=9"}))
	_, err := cusolver.Probe()
	if !errors.Is(err, device.ErrUnavailable) || !strings.Contains(err.Error(), "error 100") || !strings.Contains(err.Error(), "error 9") {
		t.Errorf("no GPU: %v", err)
	}
}
