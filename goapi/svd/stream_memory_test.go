package svd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/device"
	"github.com/ritz-go/ritz/goapi/matio"
)

const (
	streamRowsLong = 20000
	streamColsLong = 1000
	streamBudget   = 32 << 20 // a fifth of the file
)

// cosine returns element i of the j-th vector of the orthonormal basis of
// cosines.
func cosine(i, j, n int) float64 {
	return math.Sqrt(2/float64(n)) * math.Cos(math.Pi*(float64(i)+0.5)*float64(j)/float64(n))
}

// writeLong writes a matrix of rank five with the values 5, 4, 3, 2 and 1.
func writeLong(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	header := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d)}", streamRowsLong, streamColsLong)
	fmt.Fprintf(w, "\x93NUMPY\x01\x00\x76\x00%-117s\n", header)
	right := make([]float64, 6*streamColsLong)
	for j := 1; j < 6; j++ {
		for c := range streamColsLong {
			right[j*streamColsLong+c] = cosine(c, j, streamColsLong)
		}
	}
	var b [8]byte
	for r := range streamRowsLong {
		var left [6]float64
		for j := 1; j < 6; j++ {
			left[j] = float64(6-j) * cosine(r, j, streamRowsLong)
		}
		for c := range streamColsLong {
			x := 0.0
			for j := 1; j < 6; j++ {
				x += left[j] * right[j*streamColsLong+c]
			}
			binary.LittleEndian.PutUint64(b[:], math.Float64bits(x))
			w.Write(b[:])
		}
	}
	return w.Flush()
}

// peak returns the largest resident set of this process, in bytes.
func peak() (int, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest + " x")[0])
	return kilobytes << 10, err
}

// A file five times the budget is decomposed within it, as the operating
// system measures a process of its own for it.
func TestStreamMemory(t *testing.T) {
	if path := os.Getenv("RITZ_STREAM_CHILD"); path != "" {
		streamChild(path)
		return
	}
	if testing.Short() {
		t.Skip("writes 160 MB")
	}
	if _, err := peak(); err != nil {
		t.Skipf("the system does not tell: %v", err)
	}
	path := filepath.Join(t.TempDir(), "long.npy")
	if err := writeLong(path); err != nil {
		t.Fatal(err)
	}
	for _, passes := range []int{1, 3} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestStreamMemory$")
		cmd.Env = append(os.Environ(), "RITZ_STREAM_CHILD="+path, fmt.Sprintf("RITZ_STREAM_PASSES=%d", passes))
		out, err := cmd.CombinedOutput()
		var grown int
		var s [5]float64
		if _, scan := fmt.Sscan(string(out), &grown, &s[0], &s[1], &s[2], &s[3], &s[4]); err != nil || scan != nil {
			t.Fatalf("%d passes: %v, %v: %s", passes, err, scan, out)
		}
		// The runtime's own memory grows too: stacks, spans, the reader's
		// buffer.
		if limit := streamBudget + 8<<20; grown > limit {
			t.Errorf("%d passes: grew by %d MB, budget %d MB", passes, grown>>20, streamBudget>>20)
		}
		for j, x := range s {
			if math.Abs(x-float64(5-j)) > 1e-11 {
				t.Errorf("%d passes: σ%d = %v", passes, j+1, x)
			}
		}
	}
}

// streamChild prints by how much its memory grew, and the values.
func streamChild(path string) {
	before, err := peak()
	if err != nil {
		panic(err)
	}
	f, err := matio.Open(path)
	if err != nil {
		panic(err)
	}
	source, err := matio.Rows[float64](f, 0, 0, -1)
	if err != nil {
		panic(err)
	}
	passes, _ := strconv.Atoi(os.Getenv("RITZ_STREAM_PASSES"))
	r, err := Stream(ctx, device.Go(), source, StreamOptions{Rank: 5, Passes: passes, Memory: streamBudget})
	if err != nil {
		panic(err)
	}
	after, _ := peak()
	fmt.Println(after-before, r.S[0], r.S[1], r.S[2], r.S[3], r.S[4])
}
