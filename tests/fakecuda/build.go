package fakecuda

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ritz-go/ritz/native/cuda"
)

//go:embed *.cc *.h emucc.sh
var sources embed.FS

// Versions are the emulated versions of CUDA.
var Versions = []string{"11.8", "12.4", "13.0"}

// release is what a version of CUDA calls its libraries.
type release struct {
	cuda                    int // as cuDriverGetVersion counts
	blas, lt, solver, nvrtc string
}

var releases = map[string]release{
	"11.8": {11080, "libcublas.so.11", "libcublasLt.so.11", "libcusolver.so.11", "libnvrtc.so.11.2"},
	"12.4": {12040, "libcublas.so.12", "libcublasLt.so.12", "libcusolver.so.11", "libnvrtc.so.12"},
	"13.0": {13000, "libcublas.so.13", "libcublasLt.so.13", "libcusolver.so.12", "libnvrtc.so.13"},
}

// library is one shared object: its name, the patterns of its sources and
// what g++ needs besides.
type library struct {
	name    string
	sources []string
	flags   []string
}

func (r release) libraries() []library {
	return []library{
		{"libcuda.so.1", []string{"emu.cc", "driver_*.cc"}, []string{"-pthread", "-ldl"}},
		{"libnvidia-ml.so.1", []string{"nvml.cc"}, nil},
		{r.nvrtc, []string{"nvrtc.cc"}, []string{"-ldl"}},
		{r.blas, []string{"cublas.cc"}, []string{"-lopenblas", "-ldl"}},
		{r.lt, []string{"cublaslt.cc"}, []string{"-lopenblas", "-ldl"}},
		{r.solver, []string{"cusolver*.cc"}, []string{"-lopenblas", "-ldl"}},
	}
}

var flags = []string{"-std=c++17", "-O2", "-g1", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-gnu-unique", "-w"}

// kernels is the library of the kernels of native/cuda, where the stand-in
// driver finds what a PTX image names.
const kernels = "librzkernels.so"

var builds sync.Mutex

// Build returns the folder with the stand-in libraries of a version, "12.4" if
// version is empty. They are compiled once for each state of the sources,
// into the user's cache folder. It needs g++ and OpenBLAS; without them the
// error says what is missing. It is safe for concurrent use, also by several
// processes.
func Build(version string) (string, error) {
	version = cmp.Or(version, "12.4")
	r, known := releases[version]
	if !known {
		return "", fmt.Errorf("CUDA %s is not emulated, only %s", version, strings.Join(Versions, ", "))
	}
	builds.Lock()
	defer builds.Unlock()
	compiler, err := exec.Command("g++", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("the emulated GPU needs g++ (sh tests/image/install.sh build): %w", err)
	}
	parent := cacheFolder()
	folder := filepath.Join(parent, digest(version, compiler))
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	unlock, err := lock(folder + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(folder); err == nil {
		now := time.Now()
		os.Chtimes(folder, now, now) // in use: sweep leaves it
		return folder, nil
	}
	sweep(parent)
	return folder, build(r, folder, compiler)
}

// required reports whether the environment variable RITZ_REQUIRE lists cuda.
func required() bool {
	return slices.Contains(strings.Split(os.Getenv("RITZ_REQUIRE"), ","), "cuda")
}

func cacheFolder() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "ritz", "fakecuda")
}

// digest changes with everything that a build depends on.
func digest(version string, compiler []byte) string {
	h := sha256.New()
	fmt.Fprintln(h, version, string(compiler), flags, cuda.Runtime)
	for _, m := range cuda.Modules() {
		fmt.Fprintln(h, m.Name, m.Source, m.PTX)
	}
	for _, name := range files("*") {
		text, _ := sources.ReadFile(name)
		fmt.Fprintf(h, "%s %d\n%s", name, len(text), text)
	}
	return fmt.Sprintf("%s-%x", version, h.Sum(nil)[:8])
}

// files returns the embedded files that match a pattern, in order.
func files(pattern string) []string {
	names, _ := fs.Glob(sources, pattern) // the patterns are well-formed
	return names
}

// sweep removes builds that nobody used for a week.
func sweep(parent string) {
	entries, _ := os.ReadDir(parent)
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > 7*24*time.Hour {
			os.RemoveAll(filepath.Join(parent, e.Name()))
		}
	}
}

// builder makes the libraries of one release in a folder.
type builder struct {
	release
	folder   string
	compiler []byte // what g++ --version prints
}

// build compiles everything next to folder and then renames it.
func build(r release, folder string, compiler []byte) error {
	work, err := os.MkdirTemp(filepath.Dir(folder), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := unpack(work); err != nil {
		return err
	}
	b := builder{r, work, compiler}
	libraries := r.libraries()
	// The kernels are linked with the driver, which runs them.
	if err := b.library(libraries[0]); err != nil {
		return err
	}
	jobs := []func() error{b.kernels}
	for _, l := range libraries[1:] {
		jobs = append(jobs, func() error { return b.library(l) })
	}
	if err := together(jobs); err != nil {
		return err
	}
	return os.Rename(work, folder)
}

// unpack writes the sources of the libraries and of the kernels, and the PTX, which
// tells how much shared memory each kernel has.
func unpack(work string) error {
	write := func(name string, text []byte) error { return os.WriteFile(filepath.Join(work, name), text, 0o600) }
	for _, name := range files("*") {
		text, err := sources.ReadFile(name)
		if err != nil {
			return err
		}
		if err := write(name, text); err != nil {
			return err
		}
	}
	for _, m := range cuda.Modules() {
		if err := write(m.Name+".cu", []byte(m.Source)); err != nil {
			return err
		}
		if err := write(m.Name+".ptx", []byte(m.PTX)); err != nil {
			return err
		}
	}
	return write("rt.h", []byte(cuda.Runtime))
}

func (b builder) library(l library) error {
	args := append([]string{}, flags...)
	args = append(args, fmt.Sprintf("-DEMU_CUDA=%d", b.cuda), "-Wl,-soname,"+l.name, "-o", l.name)
	var inputs []string
	for _, pattern := range l.sources {
		found := files(pattern)
		if len(found) == 0 {
			return fmt.Errorf("%s: no source %s", l.name, pattern)
		}
		inputs = append(inputs, found...)
	}
	args = append(append(args, inputs...), l.flags...)
	return b.once(l.name, inputs, "g++", args...)
}

func (b builder) kernels() error {
	inputs := []string{"emucc.sh", "emu.h", "access.h"}
	args := []string{"emucc.sh", kernels, "."}
	for _, m := range cuda.Modules() {
		inputs = append(inputs, m.Name+".cu")
		args = append(args, m.Name+".cu")
	}
	return b.once(kernels, inputs, "sh", append(args, "--", "-g1", "-I.")...)
}

// once runs a compiler, unless another build has made the same library from
// the same inputs and the headers that these include.
func (b builder) once(output string, inputs []string, name string, args ...string) error {
	h := sha256.New()
	fmt.Fprintf(h, "%s%q", b.compiler, args)
	seen := map[string]bool{}
	for len(inputs) > 0 {
		input := inputs[0]
		inputs = inputs[1:]
		text, err := os.ReadFile(filepath.Join(b.folder, input))
		if err != nil || seen[input] { // a header of the system
			continue
		}
		seen[input] = true
		fmt.Fprintf(h, "%s %d\n%s", input, len(text), text)
		for _, m := range include.FindAllSubmatch(text, -1) {
			inputs = append(inputs, string(m[1]))
		}
	}
	made := filepath.Join(b.folder, output)
	kept := filepath.Join(filepath.Dir(b.folder), fmt.Sprintf("%x-%s", h.Sum(nil)[:8], output))
	if os.Link(kept, made) == nil {
		now := time.Now()
		return os.Chtimes(kept, now, now) // in use: sweep leaves it
	}
	if err := command(b.folder, output, name, args...); err != nil {
		return err
	}
	os.Link(made, kept) // another process may have been faster
	return nil
}

var include = regexp.MustCompile(`(?m)^#include "([^"]+)"`)

// command runs a compiler in folder. What it prints is part of the error.
func command(folder, what, name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Dir = folder
	out, err := c.CombinedOutput()
	if err == nil {
		return nil
	}
	if text := string(out); strings.Contains(text, "-lopenblas") || strings.Contains(text, "cblas.h") {
		return fmt.Errorf("the emulated GPU needs OpenBLAS with its headers (sh tests/image/install.sh build): %s", text)
	}
	return fmt.Errorf("compiling %s: %w\n%s", what, err, out)
}

// together runs jobs, as many at a time as there are processors.
func together(jobs []func() error) error {
	var group sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	failures := make([]error, len(jobs))
	for i, job := range jobs {
		group.Go(func() {
			slots <- struct{}{}
			failures[i] = job()
			<-slots
		})
	}
	group.Wait()
	return errors.Join(failures...)
}
