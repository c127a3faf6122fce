//go:build cgo && linux && !nocuda

package fakecuda

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/cusolver"
	"github.com/ritz-go/ritz/goapi/device"
)

// job uses every library and a kernel on a 6×4 matrix and returns what does
// not depend on signs: RᵀR of a QR factorization, the singular values, the
// eigenvalues of AᵀA, the softmin of its rows, and the singular values of two
// larger matrices and the eigenvalues of two symmetric ones that are decomposed
// together. A sequence makes the softmin
// larger. An element of a rounded product comes last.
func job(d device.Device) ([]float64, error) {
	q := d.F64()
	defer q.Close()
	host := device.NewDense[float64](6, 4)
	for i := range host.Data {
		host.Data[i] = math.Sin(float64(3*i*i + 1))
	}
	frame := q.Alloc(8, 7) // around a, so that copies are of rows with gaps
	a, b, gram := frame.Slice(1, 7, 2, 6), q.Alloc(6, 4), q.Alloc(4, 4)
	q.Upload(a, host)
	q.Upload(b, host)
	q.Gemm(device.Transp, device.NoTrans, 1, a, a, 0, gram)
	r, rr := q.Alloc(4, 4), q.Alloc(4, 4)
	q.QR(b, r)
	q.Syrk(device.Transp, 1, r, 0, rr)
	w, s, low := q.Alloc(1, 4), q.Alloc(1, 4), q.Alloc(6, 1)
	l := q.Alloc(4, 4)
	q.Copy(l, gram)
	q.Cholesky(l)
	q.Trsm(device.Left, device.Lower, device.NoTrans, 1, l, gram) // Lᵀ
	q.Gemm(device.Transp, device.NoTrans, 1, gram, gram, 0, l)    // AᵀA again
	q.Eigh(l, w)
	device.SoftMin(q, device.PerRow, 0.5, a, q.Alloc(1, 4), low)
	wide, values := q.Alloc(34, 40), q.Alloc(1, 34) // large enough for polar decompositions
	q.Random(device.Normal, 1, 2, wide)
	q.SVD(wide, q.Alloc(34, 34), values, q.Alloc(34, 40))
	q.SVD(a, device.Matrix[float64]{}, s, device.Matrix[float64]{})
	both := q.Alloc(2, 16)
	pair := q.Alloc(2, 16*16)
	q.Random(device.Normal, 1, 1, pair)
	q.(device.BatchSVDer[float64]).TrySVDBatch(16, 16, pair, q.Alloc(2, 16*16), both, q.Alloc(2, 16*16), q.Alloc(2, 4))
	symmetric, stack, eigen := device.NewDense[float64](2, 9), q.Alloc(2, 9), q.Alloc(2, 3)
	for i := range symmetric.Data {
		symmetric.Data[i] = math.Sin(float64(i%9/3)) * math.Cos(float64(i/9)) * math.Sin(float64(i%3))
	}
	q.Upload(stack, symmetric)
	q.(device.BatchEigher[float64]).TryEighBatch(3, stack, eigen, q.Alloc(2, 9), q.Alloc(2, 4))
	thrice := device.NewSequence(q)
	for range 3 {
		thrice.Run("", func() { q.Add(1, device.NoTrans, low, 0.5, device.NoTrans, low, low) })
	}
	var out []float64
	for _, m := range []device.Matrix[float64]{rr, w, s, values, low, both, eigen} {
		h := device.NewDense[float64](m.Rows, m.Cols)
		q.Download(h, m)
		out = append(out, h.Data...)
	}
	if err := q.Sync(); err != nil {
		return nil, err
	}
	if d.Info().Backend == "CUDA" { // memory is full once, and then there is enough again
		end := q.Scope()
		q.Alloc(1<<17, 1<<17)
		end()
		if err := q.Sync(); !errors.Is(err, device.ErrOutOfMemory) {
			return nil, cmp.Or(err, errors.New("128 GiB fit into the memory"))
		}
	}
	rounded, err := roundedProduct(d)
	return append(out, rounded), err
}

// roundedProduct returns an element of a product in TF32, which is exact.
func roundedProduct(d device.Device) (float64, error) {
	q := d.F32()
	defer q.Close()
	_, end := device.Round(q, device.TF32)
	defer end()
	a, c, host := q.Alloc(4, 4), q.Alloc(4, 4), make([]float32, 1)
	q.Fill(2, a)
	q.Gemm(device.NoTrans, device.NoTrans, 1, a, a, 0, c)
	q.Download(device.Vector(host), c.Slice(3, 4, 2, 3))
	return float64(host[0]), q.Sync()
}

func agree(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1e-12 })
}

// typed reports whether a caller can tell what kind of failure err is.
func typed(err error) bool {
	var e *cusolver.Error
	return errors.As(err, &e) || errors.Is(err, device.ErrOutOfMemory) || errors.Is(err, device.ErrLost) ||
		errors.Is(err, device.ErrUnavailable)
}

// notInJob are the functions of package cusolver's table that the job need not
// call, with where their failures are tested or why they are not: those that have a part in
// compiling kernels, which are kept, and in loading the libraries, which happens
// once in a process.
var notInJob = map[string]string{
	"cuDeviceGetUuid":        "of drivers that lack cuDeviceGetUuid_v2, which are not emulated",
	"cublasGetProperty":      "cusolver TestMixedSetIsRefusedWithItsPaths",
	"cublasLtGetVersion":     "cusolver TestMixedSetIsRefusedWithItsPaths",
	"cusolverGetVersion":     "cusolver TestMixedSetIsRefusedWithItsPaths",
	"nvrtcVersion":           "called once in a process; nothing but speed is lost if it fails",
	"nvrtcCreateProgram":     "cusolver TestCompiledKernels",
	"nvrtcDestroyProgram":    "cusolver TestCompiledKernels",
	"nvrtcCompileProgram":    "cusolver TestCompiledKernels",
	"nvrtcGetCUBINSize":      "cusolver TestCompiledKernels",
	"nvrtcGetCUBIN":          "cusolver TestCompiledKernels",
	"nvrtcGetProgramLogSize": "cusolver TestCompiledKernels",
	"nvrtcGetProgramLog":     "cusolver TestCompiledKernels",
}

// functionNames returns the functions of package cusolver's table.
func functionNames(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "cusolver", "abi.h"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\tF\(\w+, \w+, [^,]+, (\w+), `).FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1])
	}
	return names
}

// Every function that the job calls fails in its first, second, a middle and its
// last call, as from lack of memory, from a bad argument, and so that the GPU is
// lost. The job then returns an error of a known kind or the right result;
// nothing leaks; the GPU goes on or says that it is lost; the CPU goes on.
func TestFaults(t *testing.T) {
	inProcesses(t, []string{"even", "odd"}, func(t *testing.T, half string) { faults(t, half == "odd") })
}

// faults takes every second function.
func faults(t *testing.T, odd bool) {
	want, err := job(device.Go())
	if err != nil {
		t.Fatal(err)
	}
	folder := Prepare(t, Options{})
	attempt := func() (d device.Device, got []float64, err error) {
		if d, err = cusolver.Open("", cusolver.Options{LibDirs: []string{folder}}); err != nil {
			return nil, nil, err
		}
		got, err = job(d)
		return d, got, err
	}
	d, got, err := attempt()
	if err != nil || !agree(got, want) {
		t.Fatalf("without faults: %v, %v; want %v", got, err, want)
	}
	d.Close()
	calls := Calls()
	if s := Report(); s != "" {
		t.Fatalf("without faults: %s", s)
	}
	names := functionNames(t)
	if len(names) < 80 {
		t.Errorf("only %d functions found in the table", len(names))
	}
	for _, name := range names {
		if calls[name] == 0 && notInJob[name] == "" {
			t.Errorf("the job does not call %s", name)
		}
	}
	for i, name := range slices.Sorted(maps.Keys(calls)) {
		if strings.Contains(name, "(") || notInJob[name] != "" || (i%2 == 1) != odd {
			continue
		}
		codes := []string{"2", "1", "719!", "214!"}
		if !strings.HasPrefix(name, "cu") || strings.HasPrefix(name, "cublas") {
			codes[0] = "3"
		}
		t.Run(name, func(t *testing.T) {
			nths := []int{1, min(2, calls[name]), (calls[name] + 1) / 2, calls[name]}
			slices.Sort(nths)
			for _, nth := range slices.Compact(nths) {
				for _, code := range codes {
					fault := fmt.Sprintf("%s:%d=%s", name, nth, code)
					if err := Configure(fault); err != nil {
						t.Fatal(err)
					}
					d, got, err := attempt()
					check(t, fault, job, d, got, err, want)
				}
			}
		})
	}
	if cpu, err := job(device.Go()); err != nil || !agree(cpu, want) {
		t.Errorf("the CPU does not go on: %v", err)
	}
}

// fused runs the operations with kernels that leave sums for pieces of rows or
// work in two streams, on 300 rows, and returns sums of what they store.
func fused(d device.Device) ([]float64, error) {
	q, w := d.F64(), d.F32()
	defer q.Close()
	defer w.Close()
	const n, m = 300, 6 // two pieces
	c, p, f, g := q.Alloc(n, m), q.Alloc(n, m), q.Alloc(1, n), q.Alloc(1, m)
	a, s, t, h, e := q.Alloc(1, n), q.Alloc(1, m), q.Alloc(1, m), q.Alloc(1, m), q.Alloc(1, n)
	q.Random(device.Uniform, 1, 2, c)
	q.Random(device.Uniform, 1, 3, a)
	device.PlanCosts(q, 0.5, c, g, a, f, s, t)
	device.PlanRows(q, 0.5, c, g, a, p)
	device.MinTransform(q, c, g, s, f, h, e)
	u, y, slope, sums := q.Alloc(n, 2*m), q.Alloc(n, 2*m), q.Alloc(n, m), q.Alloc(1, 2*m)
	q.Random(device.Normal, 1, 4, u)
	q.Random(device.Normal, 1, 5, slope)
	device.TangentForward(q, sums, slope, u, y)
	device.TangentBackward(q, slope, c, u, y, sums)
	device.SoftmaxTangent(q, p, y)
	k, same := w.Alloc(n, m), q.Alloc(n, m)
	if narrow, ok := q.(device.NarrowScaler[float64]); ok && d.Info().Backend == "CUDA" {
		narrow.TryNarrowGibbs(1, f, h, c, k)
		narrow.TryNarrowScalingStep(k, a, s, f, h)
	} else {
		device.Gibbs(q, 1, f, h, c, same)
		device.Recast(q, same, w, k)
		device.Recast(w, k, q, same)
		device.ScalingStep(q, same, a, s, f, h)
	}
	if err := device.Recast(w, k, q, same); err != nil {
		return nil, err
	}
	return means(q, p, s, t, e, y, sums, same, f, h)
}

// pieced runs operations whose work is cut into pieces, or into halves of numbers.
func pieced(d device.Device) ([]float64, error) {
	q, w := d.F64(), d.F32()
	defer q.Close()
	defer w.Close()
	const m = 6
	const n = 1<<16/m + 1 // rows enough that those for columns are
	c, g, f, h, soft := q.Alloc(n, m), q.Alloc(1, m), q.Alloc(1, n), q.Alloc(1, m), q.Alloc(1, m)
	q.Random(device.Uniform, 1, 6, c)
	device.SoftMin(q, device.PerCol, 0.5, c, f, soft)
	device.MinTransform(q, c, g, device.Matrix[float64]{}, f, h, device.Matrix[float64]{})
	const points, dim = 513, 9
	x, terms, out := w.Alloc(points, dim), w.Alloc(1, points), w.Alloc(1, points)
	w.Random(device.Uniform, 1, 7, x)
	device.SoftMinPoints(w, 2, 1, x, x, terms, out)
	wide := q.Alloc(1, points)
	if err := device.Recast(w, out, q, wide); err != nil {
		return nil, err
	}
	return means(q, soft, f, h, wide)
}

// means returns the mean size of the elements of each matrix.
func means(q device.Queue[float64], ms ...device.Matrix[float64]) ([]float64, error) {
	var out []float64
	total, host := q.Alloc(1, 1), device.NewDense[float64](1, 1)
	for _, x := range ms {
		q.Reduce(device.SumAbs, device.Whole, x, total)
		q.Download(host, total)
		out = append(out, host.At(0, 0)/float64(x.Len()))
	}
	return out, q.Sync()
}

// Every call of what those kernels are made of fails: there are few enough.
func TestFaultsOfFusedKernels(t *testing.T) {
	jobs := map[string]func(device.Device) ([]float64, error){"fused": fused, "pieces": pieced}
	inProcesses(t, slices.Sorted(maps.Keys(jobs)), func(t *testing.T, name string) { everyCallFails(t, jobs[name]) })
}

func everyCallFails(t *testing.T, job func(device.Device) ([]float64, error)) {
	want, err := job(device.Go())
	if err != nil {
		t.Fatal(err)
	}
	for i := range want { // those of float32 agree to its rounding alone
		want[i] = float64(float32(want[i]))
	}
	rounded := func(d device.Device) ([]float64, error) {
		got, err := job(d)
		for i, x := range got {
			if math.Abs(x-want[i]) <= 1e-6*math.Abs(want[i]) {
				got[i] = want[i]
			}
		}
		return got, err
	}
	folder := Prepare(t, Options{})
	attempt := func() (d device.Device, got []float64, err error) {
		if d, err = cusolver.Open("", cusolver.Options{LibDirs: []string{folder}}); err == nil {
			got, err = rounded(d)
		}
		return d, got, err
	}
	d, got, err := attempt()
	if err != nil || !agree(got, want) {
		t.Fatalf("without faults: %v, %v; want %v", got, err, want)
	}
	d.Close()
	calls := Calls()
	for name, codes := range map[string][]string{
		"cuLaunchKernel": {"1", "719!"}, "cuMemAllocAsync": {"2"}, "cuMemFreeAsync": {"719!"},
		"cuStreamSynchronize": {"214!"}, "cuCtxSynchronize": {"719!"},
	} {
		if calls[name] == 0 && name != "cuCtxSynchronize" { // which only queues call that were lent to others
			t.Errorf("%s is not called", name)
		}
		for nth := range calls[name] {
			for _, code := range codes {
				fault := fmt.Sprintf("%s:%d=%s", name, nth+1, code)
				if err := Configure(fault); err != nil {
					t.Fatal(err)
				}
				d, got, err := attempt()
				check(t, fault, rounded, d, got, err, want)
			}
		}
	}
}

func check(t *testing.T, fault string, job func(device.Device) ([]float64, error), d device.Device, got []float64, err error, want []float64) {
	t.Helper()
	switch {
	case err == nil && !agree(got, want):
		t.Errorf("%s: wrong result and no error", fault)
	case err != nil && !typed(err):
		t.Errorf("%s: error of no known kind: %v", fault, err)
	}
	if d == nil {
		if s := Report(); s != "" {
			t.Errorf("%s: the device was not opened (%v), the driver complains: %s", fault, err, s)
		}
		return
	}
	got, again := job(d)
	if err == nil && typed(again) { // a call that the first job does not make
		err = again
		got, again = job(d)
	}
	switch {
	case strings.HasSuffix(fault, "!") && err != nil && !errors.Is(again, device.ErrLost):
		t.Errorf("%s: %v, and then %v; want that the device is lost", fault, err, again)
	case !strings.HasSuffix(fault, "!") && (again != nil || !agree(got, want)):
		t.Errorf("%s: %v, and then %v", fault, err, again)
	}
	d.Close() // of a lost device this may fail
	s := Report()
	if strings.HasPrefix(fault, "cuCtxPushCurrent") && strings.HasPrefix(s, "leak: ") && !strings.Contains(s, "\n") {
		return // what is freed without its context stays
	}
	if s != "" {
		t.Errorf("%s: %v; the driver complains: %s", fault, err, s)
	}
}
