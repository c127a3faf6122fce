package fakecuda

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checker is a way to compile kernels so that a class of bugs shows.
type checker struct {
	name      string
	scheduler []string // flags for emu.cc, which is never instrumented
	kernels   []string // flags for the kernels
	run       []string // what starts the program
}

var checkers = []checker{
	{"plain", nil, nil, nil},
	{"memory", nil, []string{"-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"}, nil},
	// The shadow memory of older ThreadSanitizers does not suit randomized
	// addresses.
	{"race", []string{"-DRZ_EMU_TSAN"}, []string{"-fsanitize=thread"}, []string{"setarch", "-R"}},
}

// program compiles a program that runs kernels with a checker.
func (c checker) program(t *testing.T, source string, flags ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("g++"); err != nil && !required() {
		t.Skip(err)
	}
	folder := t.TempDir()
	object, program := filepath.Join(folder, "emu.o"), filepath.Join(folder, "program")
	gxx := func(args ...string) {
		t.Helper()
		out, err := exec.Command("g++", append([]string{"-std=c++17", "-w", "-ffp-contract=off", "-pthread"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("g++: %v\n%s", err, out)
		}
	}
	gxx(append(c.scheduler, "-O2", "-c", "emu.cc", "-o", object)...)
	flags = append(flags, c.kernels...)
	gxx(append(flags, "-O1", "-g1", "-fno-extern-tls-init", "-include", "emu.h", "-DRZ_EMU", source, object, "-o", program)...)
	command := append(c.run, program)
	return exec.Command(command[0], command[1:]...)
}

// Each planted bug is found, and nothing is found where there is none.
func TestPlantedBugs(t *testing.T) {
	t.Parallel()
	want := map[string]map[string][]string{ // kernel, checker, what it says
		"sum":                 {},
		"sum_without_barrier": {"race": {"data race", "planted.cu:"}},
		"off_by_one":          {"memory": {"heap-buffer-overflow", "planted.cu:"}},
		"sum_divergent":       {"plain": {"divergent barrier in block (", "128 of 256 threads at a barrier"}},
		"incomplete_shuffle":  {"plain": {"incomplete warp operation in block (0,0,0)", "mask ffffffff"}},
		"beyond_shared":       {"plain": {"write beyond the 256 bytes of dynamic shared memory"}},
	}
	for _, c := range checkers {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			program := c.program(t, filepath.Join("testdata", "planted.cc"))
			for kernel, checks := range want {
				out, err := exec.Command(program.Path, append(program.Args[1:], kernel)...).CombinedOutput()
				if len(checks) == 0 && err != nil {
					t.Errorf("%s: %v\n%s", kernel, err, out)
				}
				for _, says := range checks[c.name] {
					if err == nil || !strings.Contains(string(out), says) {
						t.Errorf("%s: want %q, got %v\n%s", kernel, says, err, out)
					}
				}
			}
		})
	}
}

// Ritz's own kernels: all cases of native/cuda's tests for errors of memory,
// and for races those kernels whose threads exchange data.
func TestKernelsUnderCheckers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiling with sanitizers takes long")
	}
	kernels := filepath.Join("..", "..", "native", "cuda")
	cases := map[string]string{
		"memory": filepath.Join(kernels, "testdata", "kernels.cc"),
		"race":   filepath.Join("testdata", "race.cc"),
	}
	for _, c := range checkers {
		if cases[c.name] == "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if out, err := c.program(t, cases[c.name], "-I"+kernels).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// A kernel that lacks one of its barriers is found out: each source that has any
// loses one.
func TestMissingBarriersAreFound(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("compiling with sanitizers takes long")
	}
	folder := t.TempDir()
	sources, _ := filepath.Glob(filepath.Join("..", "..", "native", "cuda", "*.*"))
	needed := map[string]string{
		"elementwise.cu": "__syncthreads();",
		"halves.cu":      "await_copies();\n\t\t\t__syncthreads();",
		"jacobi.cu":      "s.left + at * s.ldx, idle);\n\t\t\t__syncthreads();", // between two rounds
		"minimum.cu":     "__syncthreads();",
		"points.cu":      "norms[threadIdx.x] = norm;\n\t\t\t__syncthreads();",
		"powers.cu":      "__syncthreads();",
		"reduce.cu":      "__syncthreads();",
		"rt.h":           "half /= 2) {\n\t\t__syncthreads();", // between two halves of the groups
		"triangle.cu":    "__syncthreads();",
		"softmin.cu":     "sum[threadIdx.x] = s.sum;\n\t\t__syncthreads();",
	}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(source)
		if barrier := needed[name]; barrier != "" {
			without := strings.Replace(string(text), barrier, strings.TrimSuffix(barrier, "__syncthreads();"), 1)
			if without == string(text) {
				t.Fatalf("%s has no such barrier", name)
			}
			text = []byte(without)
		} else if strings.Contains(string(text), "__syncthreads()") && strings.HasSuffix(name, ".cu") {
			t.Errorf("none of the barriers of %s is taken out", name)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := checkers[2].program(t, filepath.Join("testdata", "race.cc"), "-I"+folder).CombinedOutput()
	for name := range needed {
		if err == nil || !strings.Contains(string(out), "data race") || !strings.Contains(string(out), name+":") {
			t.Errorf("%s lacks a barrier, and nothing is said about it (%v)", name, err)
		}
	}
}

// The driver's own rules; testdata/driver.cc breaks them one by one.
func TestDriver(t *testing.T) {
	t.Parallel()
	libraries := t.TempDir()
	gxx := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("g++", append([]string{"-std=c++17", "-w", "-fPIC", "-pthread"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("g++: %v\n%s", err, out)
		}
	}
	if _, err := exec.LookPath("g++"); err != nil && !required() {
		t.Skip(err)
	}
	sources, _ := filepath.Glob("driver_*.cc")
	gxx(append([]string{"-O1", "-shared", "-fvisibility=hidden", "-Wl,-soname,libcuda.so.1", "emu.cc", "-ldl", "-o", filepath.Join(libraries, "libcuda.so.1")}, sources...)...)
	if out, err := exec.Command("sh", "emucc.sh", filepath.Join(libraries, kernels), libraries, "testdata/fill.cu").CombinedOutput(); err != nil {
		t.Fatalf("emucc.sh: %v\n%s", err, out)
	}
	program := filepath.Join(libraries, "driver")
	gxx("-I.", "testdata/driver.cc", "-L"+libraries, "-l:libcuda.so.1", "-Wl,-rpath,"+libraries, "-o", program)
	if out, err := exec.Command(program).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
