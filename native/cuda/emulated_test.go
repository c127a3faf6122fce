package cuda_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/rng"
)

// emulator is the folder with what runs kernels on a CPU.
const emulator = "../../tests/fakecuda"

// compile builds a program of testdata with g++ and returns its path.
func compile(t *testing.T, source string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("g++ is not installed")
	}
	program := filepath.Join(t.TempDir(), "program")
	args = append([]string{"-std=c++17", "-O1", "-ffp-contract=off", "-fno-gnu-unique", "-w", "-include", emulator + "/emu.h",
		"-DRZ_EMU", "-I.", "-o", program, filepath.Join("testdata", source)}, args...)
	if out, err := exec.Command("g++", append(args, "-pthread", "-ldl")...).CombinedOutput(); err != nil {
		t.Fatalf("g++: %v\n%s", err, out)
	}
	return program
}

// The elementary functions with and without contraction of x·y + z, which the
// compiler for the GPU may do where it likes.
func TestElementaryFunctions(t *testing.T) {
	for name, flags := range map[string][]string{
		"separate":   nil,
		"contracted": {"-O2", "-mfma", "-ffp-contract=fast"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "contracted" && !fusedMultiplyAdd() {
				t.Skip("this processor has no fused multiply-add")
			}
			out, err := exec.Command(compile(t, "elementary.cc", flags...)).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

func TestKernels(t *testing.T) {
	program := compile(t, "kernels.cc", "-x", "c++", emulator+"/emu.cc")
	t.Run("against plain loops", func(t *testing.T) {
		if out, err := exec.Command(program).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("random numbers", func(t *testing.T) {
		for _, shape := range [][2]int{{1, 100000}, {317, 316}, {999, 1}, {1, 1}} {
			random[float32](t, program, shape[0], shape[1], rng.Normal[float32], rng.Uniform[float32], rng.Rademacher[float32])
			random[float64](t, program, shape[0], shape[1], rng.Normal[float64], rng.Uniform[float64], rng.Rademacher[float64])
		}
	})
}

// random compares the kernel with package rng, bit by bit. The laws are in
// the order of goapi/device's constants.
func random[T rng.Float](t *testing.T, program string, rows, cols int, laws ...func(seed, stream, start uint64, dst []T)) {
	t.Helper()
	const seed, stream = 0x123456789abcdef0, 0xfedcba9876543210
	want := make([]T, rows*cols)
	got := make([]T, rows*cols)
	bits := 8 * binary.Size(want[0])
	for law, fill := range laws {
		fill(seed, stream, 0, want)
		out, err := exec.Command(program, fmt.Sprint(law), fmt.Sprint(bits), fmt.Sprint(rows), fmt.Sprint(cols),
			fmt.Sprint(uint64(seed)), fmt.Sprint(uint64(stream))).Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if n, err := binary.Decode(out, binary.LittleEndian, got); err != nil || n != len(out) {
			t.Fatalf("law %d: %d bytes, %v", law, len(out), err)
		}
		for i := range want {
			if math.Float64bits(float64(got[i])) != math.Float64bits(float64(want[i])) {
				t.Errorf("law %d, %d×%d, %d bits: number %d is %v, want %v", law, rows, cols, bits, i, got[i], want[i])
				break
			}
		}
	}
}

// fusedMultiplyAdd reports whether programs compiled with -mfma run here.
func fusedMultiplyAdd() bool {
	out, _ := exec.Command("grep", "-m1", "^flags.* fma ", "/proc/cpuinfo").Output()
	return strings.Contains(string(out), "fma")
}
