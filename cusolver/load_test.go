//go:build cgo && linux && !nocuda

package cusolver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
)

// imitation is the source of a library with all functions of abi.h that it
// should have. They return RESULT, and tell VERSION if asked.
const imitation = `
#include "abi.h"
#define KEEP(ret, name, args) ret name args { return RESULT; }
#define NAME(lib, need, ret, name, args) ONLY_##lib(ret, name, args)
#define ONLY_CUDA(...)
#define ONLY_BLAS(...)
#define ONLY_LT(...)
#define ONLY_SOLVER(...)
#define ONLY_NVRTC(...)
#undef LIBRARY
#define LIBRARY KEEP
#define cublasGetProperty other1
#define cublasLtGetVersion other2
#define cusolverGetVersion other3
RZ_FUNCTIONS(NAME)
#undef cublasGetProperty
#undef cublasLtGetVersion
#undef cusolverGetVersion
int cublasGetProperty(int i, int *v) { *v = i == 0 ? VERSION : i; return 0; }
size_t cublasLtGetVersion(void) { return VERSION; }
int cusolverGetVersion(int *v) { *v = VERSION; return 0; }
`

// imitate compiles an imitation of one library (CUDA, BLAS, LT or SOLVER). It
// is linked with needs, but not told where they are.
func imitate(t *testing.T, path, library string, version, result int, needs ...string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	source := strings.Replace(imitation, "#define ONLY_"+library+"(...)", "", 1)
	source = strings.Replace(source, "#undef LIBRARY\n#define LIBRARY", "#define ONLY_"+library, 1)
	args := []string{"-w", "-shared", "-fPIC", "-I.", fmt.Sprintf("-DVERSION=%d", version), fmt.Sprintf("-DRESULT=%d", result),
		"-Wl,--no-as-needed", "-o", path, "-x", "c", "-", "-x", "none"}
	if library != "CUDA" { // else the emulator of other tests would take it for its own
		args = append(args, "-Wl,-soname,"+filepath.Base(path))
	}
	c := exec.Command("gcc", append(args, needs...)...)
	c.Stdin = strings.NewReader(source)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// imitateSet makes the libraries of CUDA 12.4, each in the folder that where
// names for it.
func imitateSet(t *testing.T, root string, where map[string]string) {
	t.Helper()
	at := func(file string) string { return filepath.Join(root, where[file], file) }
	lt, blas, solver := at("libcublasLt.so.12"), at("libcublas.so.12"), at("libcusolver.so.11")
	link, sparse := at("libnvJitLink.so.12"), at("libcusparse.so.12")
	imitate(t, link, "NVRTC", 0, 0)
	imitate(t, lt, "LT", 120405, 0)
	imitate(t, blas, "BLAS", 12, 0, lt)
	imitate(t, sparse, "NVRTC", 0, 0, link)
	imitate(t, solver, "SOLVER", 11601, 0, link, sparse, blas, lt)
}

func newLibraries() *libraries { return &libraries{api: newAPI(), driver: 12040} }

// try tries the set of CUDA 12 in folders, as a candidate is tried.
func try(folders ...string) (*libraries, error) {
	l := newLibraries()
	var tried attempts
	if l.try(candidate{sets[1], place{folders: folders}}, ownSurroundings(), &tried) {
		return l, nil
	}
	return nil, errors.New(strings.Join(tried, "; "))
}

// Python's packages have a folder for each library, so that none finds what
// it needs by itself.
func TestWheelsWithFiveFolders(t *testing.T) {
	root := t.TempDir()
	imitateSet(t, root, map[string]string{
		"libcublasLt.so.12": "cublas/lib", "libcublas.so.12": "cublas/lib", "libcusolver.so.11": "cusolver/lib",
		"libnvJitLink.so.12": "nvjitlink/lib", "libcusparse.so.12": "cusparse/lib",
	})
	if _, err := load(filepath.Join(root, "cusolver/lib/libcusolver.so.11"), false); err == nil {
		t.Fatal("cuSOLVER found its needs alone: the layout tests nothing")
	}
	// NVRTC, of version 0.0, opens its second half by a name that no loader
	// finds in such a folder.
	builtins := filepath.Join(root, "cuda_nvrtc/lib/libnvrtc-builtins.so.0.0")
	imitate(t, filepath.Join(root, "cuda_nvrtc/lib/libnvrtc.so.12"), "NVRTC", 0, 0)
	imitate(t, builtins, "BLAS", 0, 0)
	var folders []string
	for _, name := range []string{"cublas", "cusolver", "cusparse", "nvjitlink", "cuda_nvrtc"} {
		folders = append(folders, filepath.Join(root, name, "lib"))
	}
	l, err := try(folders...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load(builtins, true); err != nil || l.nvrtc != "0.0" {
		t.Errorf("NVRTC %q without its second half: %v", l.nvrtc, err)
	}
	if want := "cuBLAS 12.1.2, cuSOLVER 11.6.1"; l.version != want {
		t.Errorf("version %q, want %q", l.version, want)
	}
}

// CUDA 13 gave these names of the driver another meaning in its headers, or
// dropped them: what is called must not be among them.
func TestFunctionsThatCUDA13Changed(t *testing.T) {
	text, err := os.ReadFile("abi.h")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"cuCtxCreate", "cuCtxCreate_v2", "cuMemPrefetchAsync", "cuMemAdvise", "cuEventElapsedTime", "cuStreamGetCaptureInfo",
		"cuStreamGetCaptureInfo_v2", "cuStreamUpdateCaptureDependencies", "cuGraphGetEdges", "cuGraphAddDependencies",
		"cuGraphAddNode", "cuGraphKernelNodeGetParams", "cuDeviceComputeCapability", "cuDeviceGetProperties",
	} {
		if regexp.MustCompile(`\b` + name + `\b`).Match(text) {
			t.Errorf("%s is called", name)
		}
	}
}

func TestMixedSetIsRefusedWithItsPaths(t *testing.T) {
	root := t.TempDir()
	imitateSet(t, root, map[string]string{})
	blas, solver := filepath.Join(root, "libcublas.so.12"), filepath.Join(root, "libcusolver.so.11")
	imitate(t, solver, "SOLVER", 11401, 0) // of CUDA 11.8, whose file has the same name
	_, err := try(root)
	if err == nil {
		t.Fatal("cuSOLVER of CUDA 11 was taken with cuBLAS of CUDA 12")
	}
	for _, want := range []string{blas, solver, "cuSOLVER 11.4.1", "cuBLAS 12.1.2"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: does not name %s", err, want)
		}
	}
}

func TestIncompleteAndBrokenLibraries(t *testing.T) {
	root := t.TempDir()
	if _, err := try(root); err == nil || !strings.Contains(err.Error(), root+": no libcublasLt.so.12") {
		t.Errorf("empty folder: %v", err)
	}
	imitateSet(t, root, map[string]string{})
	solver := filepath.Join(root, "libcusolver.so.11")
	imitate(t, solver, "LT", 0, 0) // all functions of another library
	if _, err := try(root); err == nil || !strings.Contains(err.Error(), solver+" lacks the function cusolver") {
		t.Errorf("missing functions: %v", err)
	}
	root = t.TempDir() // what is loaded must not be overwritten
	imitateSet(t, root, map[string]string{})
	blas := filepath.Join(root, "libcublas.so.12")
	if err := os.WriteFile(blas, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := try(root); err == nil || !strings.Contains(err.Error(), blas) {
		t.Errorf("damaged file: %v", err)
	}
}

// A driver that does not start says why, by name and number; a stub is passed
// over for a better one.
func TestDriverThatDoesNotStart(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
	}{
		{34, "stub"}, {100, "no GPU is"}, {999, "container"}, {803, "different versions"}, {36, "too old"},
	} {
		root := t.TempDir()
		imitate(t, filepath.Join(root, "libcuda.so.1"), "CUDA", 0, c.code)
		_, err := Open("", Options{LibDirs: []string{root}})
		if !errors.Is(err, device.ErrUnavailable) {
			t.Errorf("code %d: %v, want ErrUnavailable", c.code, err)
			continue
		}
		for _, want := range []string{c.want, fmt.Sprintf("error %d (CUDA_ERROR_", c.code)} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("code %d: %q lacks %q", c.code, err, want)
			}
		}
	}
	stub, good := t.TempDir(), t.TempDir()
	imitate(t, filepath.Join(stub, "libcuda.so.1"), "CUDA", 0, 34)
	imitate(t, filepath.Join(good, "libcuda.so.1"), "CUDA", 0, 0)
	if _, err := openDriver([]string{stub, good}, ownSurroundings()); err != nil {
		t.Errorf("the driver behind a stub was not found: %v", err)
	}
}

// go-nvml makes the linker accept undefined functions in the whole program:
// one of ours that is missing would end the program when it is called.
func TestUndefinedSymbolsOfTheCommand(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	command := filepath.Join(t.TempDir(), "ritz")
	build := exec.Command("go", "build", "-o", command, "github.com/ritz-go/ritz/cmd/ritz")
	build.Env = append(os.Environ(), "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// The loader resolves every symbol and names those that it cannot find.
	out, err := exec.Command("ldd", "-r", command).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	missing := regexp.MustCompile(`undefined symbol: (\w+)`).FindAllStringSubmatch(string(out), -1)
	if len(missing) == 0 {
		t.Error("not even NVML's functions are missing: the check does not work")
	}
	for _, m := range missing {
		if !strings.HasPrefix(m[1], "nvml") {
			t.Errorf("undefined in the command: %s", m[1])
		}
	}
	needed, err := exec.Command("readelf", "-d", command).Output()
	if err != nil {
		t.Fatal(err)
	}
	if regexp.MustCompile(`NEEDED.*lib(cuda|cublas|cusolver|nv)`).Match(needed) {
		t.Errorf("the command is linked with a library of NVIDIA's:\n%s", needed)
	}
}
