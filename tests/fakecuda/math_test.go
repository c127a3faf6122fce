package fakecuda

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// buildOrSkip is Build for tests that need no device: they are skipped where
// the emulator cannot be built, unless RITZ_REQUIRE lists cuda.
func buildOrSkip(t *testing.T, version string) string {
	t.Helper()
	folder, err := Build(version)
	if err != nil && !required() {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// The programs in testdata contain one library each and compare every function
// with plain loops. They also do not compile if a function differs from its
// declaration in package cusolver.
func TestMath(t *testing.T) {
	t.Parallel()
	for _, version := range Versions {
		folder := buildOrSkip(t, version)
		for _, library := range []string{"blas", "lt", "solver"} {
			t.Run(version+"/"+library, func(t *testing.T) {
				t.Parallel()
				program := filepath.Join(t.TempDir(), library)
				compile := exec.Command("g++", "-std=c++17", "-O0", "-w", "-I.", "-I../../cusolver",
					fmt.Sprintf("-DEMU_CUDA=%d", releases[version].cuda), "-o", program,
					filepath.Join("testdata", library+"_test.cc"), filepath.Join(folder, "libcuda.so.1"),
					"-Wl,-rpath,"+folder, "-lopenblas", "-ldl")
				if out, err := compile.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				run := exec.Command(program)
				run.Env = append(os.Environ(), "RZ_EMU=")
				if out, err := run.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			})
		}
	}
}

// A library has the functions of its version and no others.
func TestMathSymbols(t *testing.T) {
	has := func(folder, library, name string) bool {
		f, err := elf.Open(filepath.Join(folder, library))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		symbols, err := f.DynamicSymbols()
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(symbols, func(s elf.Symbol) bool { return s.Name == name && s.Section != elf.SHN_UNDEF })
	}
	for _, version := range Versions {
		folder, r := buildOrSkip(t, version), releases[version]
		for _, c := range []struct {
			library, name string
			want          bool
		}{
			{r.blas, "cublasDgemm_v2", true},
			{r.blas, "cublasDgemm_v2_64", version != "11.8"},
			{r.lt, "cublasLtMatmul", true},
			{r.solver, "cusolverDnXgesvd", true},
			{r.solver, "cusolverDnSetDeterministicMode", version != "11.8"},
			{r.solver, "cusolverDnXsyevBatched", version == "13.0"},
		} {
			if got := has(folder, c.library, c.name); got != c.want {
				t.Errorf("CUDA %s: %s in %s is %v, want %v", version, c.name, c.library, got, c.want)
			}
		}
	}
}
