//go:build cgo

package cblas

// #include "lapack.h"
import "C"

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/native"
)

// Open opens the OpenBLAS device. A negative number of threads is a
// *device.ArgumentError.
func Open(o Options) (device.Device, error) {
	if o.Threads < 0 {
		return nil, device.Argument("threads", "is %d, must not be negative", o.Threads)
	}
	threads := setThreads(o.Threads)
	return device.NewHost(info(threads),
		kernels[float32]{threads: threads}, kernels[float64]{threads: threads}, nil), nil
}

// setThreads tells OpenBLAS how many threads to use and returns the number.
// A user's environment variable is obeyed unless the caller asks otherwise.
func setThreads(n int) int {
	gate <- struct{}{}
	defer func() { <-gate }()
	limitSpinning()
	environment := ownThreads() // before the first change
	if n == 0 {
		n = environment
		if os.Getenv("OPENBLAS_NUM_THREADS") == "" && os.Getenv("OMP_NUM_THREADS") == "" {
			n = runtime.GOMAXPROCS(0)
		}
	}
	n = max(1, n)
	C.ritz_blas_set_threads(C.int(n))
	return n
}

// ownThreads is the number of threads that OpenBLAS began with.
var ownThreads = sync.OnceValue(func() int { return int(C.ritz_blas_threads()) })

func info(threads int) device.Info {
	i := device.Info{
		Name:     "cpu",
		Backend:  "OpenBLAS",
		Hardware: cpuModel(),
		Threads:  threads,
		Memory:   totalMemory(),
		Level:    native.Level(),
		Library:  version(C.GoString(C.ritz_blas_config())),
		Core:     C.GoString(C.ritz_blas_core()),
	}
	if i.Library == "" {
		i.Backend, i.Library = "BLAS", "an external BLAS"
	}
	if v := os.Getenv("OPENBLAS_CORETYPE"); v != "" {
		i.Notes = append(i.Notes, "OPENBLAS_CORETYPE="+v+" overrides OpenBLAS's own choice of kernels; unset it unless you mean it")
	} else if native.Level() == "v4" && !slices.Contains(avx512Cores, strings.ToLower(i.Core)) {
		i.Notes = append(i.Notes, "this CPU has AVX-512, but OpenBLAS uses its "+i.Core+" kernels; a newer OpenBLAS may be faster")
	}
	return i
}

// avx512Cores are OpenBLAS's kernel sets for AVX-512.
var avx512Cores = []string{"skylakex", "cooperlake", "sapphirerapids", "zen4", "zen5"}

// version returns "OpenBLAS 0.3.21" from OpenBLAS's configuration string.
func version(config string) string {
	words := strings.Fields(config)
	if len(words) < 2 {
		return ""
	}
	return words[0] + " " + words[1]
}

// procField returns what follows the first "key<spaces>:" of a /proc file.
func procField(file, key string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func cpuModel() string {
	if m := procField("/proc/cpuinfo", "model name"); m != "" {
		return m
	}
	return runtime.GOARCH
}

// totalMemory returns the machine's memory in bytes, 0 if unknown.
func totalMemory() uint64 {
	kib := uint64(0)
	for _, c := range strings.TrimSuffix(procField("/proc/meminfo", "MemTotal"), " kB") {
		if c < '0' || c > '9' {
			return 0
		}
		kib = kib*10 + uint64(c-'0')
	}
	return kib << 10
}
