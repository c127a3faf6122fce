//go:build cgo && linux && !nocuda

package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/tests/fakecuda"
)

// stub writes a libcuda that refuses every call, as that of the CUDA SDK does.
func stub(t *testing.T, path string) {
	t.Helper()
	gcc := exec.Command("gcc", "-shared", "-fPIC", "-w", "-I../..", "-o", path, "-x", "c", "-")
	gcc.Stdin = strings.NewReader(`#include "cusolver/abi.h"
#define STUB(library, need, result, name, arguments) result name arguments { return 34; }
RZ_CUDA_FUNCTIONS(STUB)
`)
	if out, err := gcc.CombinedOutput(); err != nil {
		t.Skipf("gcc: %v\n%s", err, out)
	}
}

// mixed fills a folder with the libraries of CUDA 12.4, but the cuSOLVER of 11.8,
// whose file has the same name.
func mixed(t *testing.T, folder string) {
	t.Helper()
	const solver = "libcusolver.so.11"
	of := map[string]string{}
	for _, version := range []string{"11.8", "12.4"} {
		var err error
		if of[version], err = fakecuda.Build(version); err != nil {
			t.Skip(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(of["12.4"], "*.so*"))
	for _, file := range files {
		name := filepath.Base(file)
		if name == solver {
			file = filepath.Join(of["11.8"], solver)
		}
		if err := os.Symlink(file, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// The program says why it cannot use a GPU, word by word, lists its devices all
// the same, and computes on the processor.
func TestWhyNoGPU(t *testing.T) {
	if out := ritz(t, "devices", "--json"); !strings.Contains(out.stdout, "libcuda.so.1: cannot open shared object file") {
		t.Skip("this machine has NVIDIA's driver")
	}
	if list, err := exec.Command("ldconfig", "-p").Output(); err == nil && strings.Contains(string(list), "libcublasLt") {
		t.Skip("this machine has NVIDIA's libraries")
	}
	const absent = "libcuda.so.1: cannot open shared object file: No such file or directory"
	empty, stubs, mix := t.TempDir(), t.TempDir(), t.TempDir()
	a := filepath.Join(t.TempDir(), "a.csv")
	writeBytes(t, a, []byte("1\n"))
	stub(t, filepath.Join(stubs, "libcuda.so.1"))
	mixed(t, mix)
	for _, c := range []struct{ name, folder, why string }{
		{"no driver", empty, "no NVIDIA driver here: " + absent},
		{"stub", stubs, "no NVIDIA driver here: " + stubs + "/libcuda.so.1: cuInit: CUDA error 34 (CUDA_ERROR_STUB_LIBRARY): the libcuda.so.1 that was found is a stub for linking, not the driver; install the NVIDIA driver, and keep folders named stubs out of LD_LIBRARY_PATH; " + absent},
		{"mixed versions", mix, "the driver serves CUDA 12.4, but no cuBLAS and cuSOLVER for it were found: the libraries are of different CUDA versions: " +
			mix + "/libcublas.so.12 is cuBLAS 12.4.0, " + mix + "/libcublasLt.so.12 is cuBLASLt 12.4, " + mix + "/libcusolver.so.11 is cuSOLVER 11.4.1; " +
			mix + ": no libcublasLt.so.11; libcublasLt.so.11: cannot open shared object file: No such file or directory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := []string{"RITZ_CUDA_LIBDIR=" + c.folder, "RZ_EMU="}
			list := ritzWith(t, env, "devices", "--json")
			var devices []struct {
				Name, Reason string
				Available    bool
			}
			if err := json.Unmarshal([]byte(list.stdout), &devices); err != nil || list.code != 0 {
				t.Fatalf("exit code %d, %v\n%s", list.code, err, list.stderr)
			}
			for _, d := range devices {
				if strings.HasPrefix(d.Name, "cuda") && (d.Available || !strings.Contains(d.Reason, c.why)) {
					t.Errorf("%s: available %v, %q, want %q", d.Name, d.Available, d.Reason, c.why)
				}
			}
			got := ritzWith(t, env, "svd", "--backend", "cuda", a)
			if want := "ritz: device cuda: " + c.why + "\n"; got.code != 3 || got.stderr != want {
				t.Errorf("exit code %d, %q\nwant 3, %q", got.code, got.stderr, want)
			}
			if out := ritzWith(t, env, "svd", a); out.code != 0 {
				t.Errorf("without --backend: exit code %d, %s", out.code, out.stderr)
			}
		})
	}
}
