//go:build cgo && linux && !nocuda

package cusolver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree is a file system below a temporary folder that looks like / to the
// search.
type tree struct {
	root string
	vars map[string]string
}

// plant makes empty files; a path that ends in / is a folder.
func plant(t *testing.T, paths ...string) tree {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		full := filepath.Join(root, p)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(p, "/") {
			err = os.MkdirAll(full, 0o755)
		} else {
			err = os.WriteFile(full, nil, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return tree{root, map[string]string{}}
}

func (w tree) surroundings() surroundings {
	return surroundings{
		env: func(name string) string { return w.vars[name] },
		glob: func(pattern string) []string {
			files, err := filepath.Glob(filepath.Join(w.root, pattern))
			if err != nil {
				panic(err)
			}
			for i, f := range files {
				files[i] = strings.TrimPrefix(f, w.root)
			}
			return files
		},
		real: func(path string) string {
			path, err := filepath.EvalSymlinks(filepath.Join(w.root, path))
			if err != nil {
				return ""
			}
			return strings.TrimPrefix(path, w.root)
		},
	}
}

// folders returns the places of a search in folders, for one set.
func folders(all []candidate, major int) []string {
	var list []string
	for _, c := range all {
		if c.major == major && c.loader == byFolder {
			list = append(list, strings.Join(c.folders, " "))
		}
	}
	return list
}

func TestSearchOrder(t *testing.T) {
	w := plant(t,
		"/toolkit/lib64/", "/toolkit/targets/x86_64-linux/lib/", "/home-toolkit/lib/", "/conda/lib/",
		"/venv/lib/python3.12/site-packages/nvidia/cublas/lib/",
		"/venv/lib/python3.12/site-packages/nvidia/cusolver/lib/",
		"/venv/lib/python3.12/site-packages/nvidia/cu13/lib/",
		"/pyenv/bin/python3", "/pyenv/lib/python3.9/site-packages/nvidia/cusparse/lib/",
		"/usr/lib/python3/dist-packages/nvidia/nvjitlink/lib/",
		"/me/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib/",
		"/usr/local/cuda/lib64/", "/usr/local/cuda-9.2/lib64/", "/usr/local/cuda-12.10/lib64/", "/usr/local/cuda-12.4/lib64/",
		"/opt/cuda/lib64/",
		"/opt/nvidia/hpc_sdk/Linux_x86_64/24.5/cuda/lib64/", "/opt/nvidia/hpc_sdk/Linux_x86_64/24.5/math_libs/lib64/",
		"/opt/nvidia/hpc_sdk/Linux_x86_64/24.11/cuda/lib64/", "/bin/")
	if err := os.Symlink(filepath.Join(w.root, "/pyenv/bin/python3"), filepath.Join(w.root, "/bin/python3")); err != nil {
		t.Fatal(err)
	}
	w.vars = map[string]string{
		"CUDA_PATH": "/toolkit", "CUDA_HOME": "/home-toolkit", "CONDA_PREFIX": "/conda", "VIRTUAL_ENV": "/venv",
		"PATH": "/nothing:/bin:/other/bin", "HOME": "/me",
	}
	all := candidates([]string{"/mine", "/mine2"}, 12, w.surroundings())
	if len(folders(all, 13)) != 0 {
		t.Error("CUDA 13 offered to a driver for CUDA 12")
	}
	want := []string{
		"/mine /mine2",
		"/toolkit/lib64 /toolkit/targets/x86_64-linux/lib",
		"/home-toolkit/lib",
		"/conda/lib",
		"/venv/lib/python3.12/site-packages/nvidia/cublas/lib /venv/lib/python3.12/site-packages/nvidia/cusolver/lib",
		"/pyenv/lib/python3.9/site-packages/nvidia/cusparse/lib",
		"/me/.local/lib/python3.11/site-packages/nvidia/cuda_nvrtc/lib",
		"/usr/lib/python3/dist-packages/nvidia/nvjitlink/lib",
		"/usr/local/cuda/lib64",
		"/usr/local/cuda-12.10/lib64", "/usr/local/cuda-12.4/lib64", "/usr/local/cuda-9.2/lib64",
		"/opt/cuda/lib64",
		"/opt/nvidia/hpc_sdk/Linux_x86_64/24.11/cuda/lib64",
		"/opt/nvidia/hpc_sdk/Linux_x86_64/24.5/cuda/lib64 /opt/nvidia/hpc_sdk/Linux_x86_64/24.5/math_libs/lib64",
	}
	if got := folders(all, 12); !slices.Equal(got, want) {
		t.Errorf("CUDA 12 is looked for in\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := folders(candidates(nil, 13, w.surroundings()), 13); !slices.Contains(got, "/venv/lib/python3.12/site-packages/nvidia/cu13/lib") {
		t.Errorf("the package for CUDA 13 is not looked for: %q", got)
	}
}

// The folders that the user names come first with every set, the newest set
// first; what is loaded already comes before what the loader finds.
func TestNamedFoldersBeforeNewerSets(t *testing.T) {
	w := plant(t)
	var got []string
	for _, c := range candidates([]string{"/mine"}, 13, w.surroundings()) {
		got = append(got, map[how]string{byFolder: "folder", byOthers: "others", byLoaderPath: "loader"}[c.loader]+" "+c.blas)
	}
	want := []string{
		"folder libcublas.so.13", "folder libcublas.so.12", "folder libcublas.so.11",
		"others libcublas.so.13", "loader libcublas.so.13",
		"others libcublas.so.12", "loader libcublas.so.12",
		"others libcublas.so.11", "loader libcublas.so.11",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDriverPaths(t *testing.T) {
	w := plant(t, "/mine/libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/usr/local/nvidia/lib64/libnvidia-ml.so.1")
	got := driverPaths("libcuda.so.1", []string{"/other", "/mine"}, w.surroundings())
	want := []string{"/mine/libcuda.so.1", "libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNamedFolders(t *testing.T) {
	w := plant(t)
	w.vars["RITZ_CUDA_LIBDIR"] = "/a::/b/../c"
	if got := namedFolders(Options{}, w.surroundings()); !slices.Equal(got, []string{"/a", "/c"}) {
		t.Errorf("from the environment: %q", got)
	}
	if got := namedFolders(Options{LibDirs: []string{}}, w.surroundings()); len(got) != 0 {
		t.Errorf("options that name no folder: %q", got)
	}
}

// The versions that each release reports, from NVIDIA's release notes.
func TestSetsFit(t *testing.T) {
	for _, c := range []struct {
		release          string
		blas, lt, solver int
		major            int
	}{
		{"11.8", 11, 111103, 11401, 11},
		{"12.0", 12, 120001, 11402, 12},
		{"12.4", 12, 120405, 11601, 12},
		{"13.0", 13, 130000, 12003, 13},
		{"cuSOLVER of 12.4 with cuBLAS of 11.8", 11, 111103, 11601, 0},
		{"cuSOLVER of 11.8 with cuBLAS of 12.4", 12, 120405, 11401, 0},
		{"cuBLASLt of 11.8 with cuBLAS of 12.4", 12, 111103, 11601, 0},
		{"cuSOLVER of 12.4 with cuBLAS of 13", 13, 130000, 11601, 0},
	} {
		for _, s := range sets {
			if got := s.fits(c.blas, c.lt, c.solver); got != (s.major == c.major) {
				t.Errorf("%s fits the set of CUDA %d: %v", c.release, s.major, got)
			}
		}
	}
}
