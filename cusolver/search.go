//go:build cgo && linux && !nocuda

package cusolver

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// set names the files of one major version of CUDA. The numbers at their ends
// are those of each library's interface, not of CUDA: cuSOLVER is .so.11 in
// both CUDA 11 and CUDA 12.
type set struct {
	major                                 int
	jitLink, lt, blas, sparse, solver, rt string
}

// sets are in the order of preference.
var sets = []set{
	{13, "libnvJitLink.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcusparse.so.12", "libcusolver.so.12", "libnvrtc.so.13"},
	{12, "libnvJitLink.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcusparse.so.12", "libcusolver.so.11", "libnvrtc.so.12"},
	{11, "", "libcublasLt.so.11", "libcublas.so.11", "libcusparse.so.11", "libcusolver.so.11", "libnvrtc.so.11.2"},
}

// fits reports whether cuBLAS, cuBLASLt and cuSOLVER of these versions belong
// to the set. CUDA 11 ended with cuSOLVER 11.4.1, CUDA 12 began with 11.4.2.
func (s set) fits(blas, lt, solver int) bool {
	if blas != s.major || lt/10000 != s.major {
		return false
	}
	switch s.major {
	case 13:
		return solver >= 12000
	case 12:
		return solver >= 11402 && solver < 12000
	}
	return solver < 11402
}

// surroundings are what the search depends on.
type surroundings struct {
	env  func(name string) string
	glob func(pattern string) []string // existing files, in lexical order
	real func(path string) string      // without symbolic links, "" if there is no such file
}

func ownSurroundings() surroundings {
	return surroundings{
		env: os.Getenv,
		glob: func(pattern string) []string {
			files, _ := filepath.Glob(pattern) // the patterns are well-formed
			return files
		},
		real: func(path string) string {
			path, _ = filepath.EvalSymlinks(path)
			return path
		},
	}
}

// place is where one set is looked for: in folders, or by the loader.
type place struct {
	folders []string
	loader  how
}

type how int

const (
	byFolder     how = iota
	byOthers         // what another part of this process has loaded
	byLoaderPath     // LD_LIBRARY_PATH, ldconfig
)

// candidate is a set at a place.
type candidate struct {
	set
	place
}

// candidates returns what to try, best first: the newest set that the driver
// can serve, at each place in turn. The folders that the user named come
// before all others with any set.
func candidates(named []string, driverMajor int, s surroundings) []candidate {
	var all []candidate
	add := func(places func(set) []place) {
		for _, set := range sets {
			if set.major > driverMajor {
				continue
			}
			for _, p := range places(set) {
				all = append(all, candidate{set, p})
			}
		}
	}
	if len(named) > 0 {
		add(func(set) []place { return []place{{folders: named}} })
	}
	add(func(set set) []place { return s.places(set.major) })
	return all
}

// places returns where a set of the given major version may be.
func (s surroundings) places(major int) []place {
	places := []place{{loader: byOthers}, {loader: byLoaderPath}}
	for _, name := range []string{"CUDA_PATH", "CUDA_HOME"} {
		if root := s.env(name); root != "" {
			places = s.toolkit(places, root)
		}
	}
	if prefix := s.env("CONDA_PREFIX"); prefix != "" {
		places = s.toolkit(places, prefix)
	}
	for _, site := range s.sites() {
		if folders := s.wheels(site, major); len(folders) > 0 {
			places = append(places, place{folders: folders})
		}
	}
	places = s.toolkit(places, "/usr/local/cuda")
	versions := s.glob("/usr/local/cuda-*")
	slices.SortFunc(versions, newestFirst)
	for _, root := range versions {
		places = s.toolkit(places, root)
	}
	places = s.toolkit(places, "/opt/cuda")
	return s.hpcSDK(places)
}

// toolkit adds the library folders below root, if there are any, as one place.
func (s surroundings) toolkit(places []place, root string) []place {
	var folders []string
	for _, pattern := range []string{"lib64", "lib", "targets/*-linux/lib"} {
		folders = append(folders, s.glob(filepath.Join(root, pattern))...)
	}
	if len(folders) == 0 {
		return places
	}
	return append(places, place{folders: folders})
}

// hpcSDK adds the folders of NVIDIA's HPC SDK, which keeps the mathematical
// libraries apart.
func (s surroundings) hpcSDK(places []place) []place {
	roots := s.glob("/opt/nvidia/hpc_sdk/Linux_*/*/cuda/lib64")
	slices.SortFunc(roots, newestFirst)
	for _, cuda := range roots {
		root := filepath.Dir(filepath.Dir(cuda))
		folders := append([]string{cuda}, s.glob(filepath.Join(root, "math_libs/lib64"))...)
		places = append(places, place{folders: folders})
	}
	return places
}

// sites returns the folders where Python packages may be installed. Python is
// not asked: starting it costs more than looking.
func (s surroundings) sites() []string {
	var prefixes []string
	if v := s.env("VIRTUAL_ENV"); v != "" {
		prefixes = append(prefixes, v)
	}
	for dir := range strings.SplitSeq(s.env("PATH"), ":") {
		python := filepath.Join(dir, "python3")
		target := s.real(python)
		if dir == "" || target == "" {
			continue
		}
		prefixes = append(prefixes, filepath.Dir(dir), filepath.Dir(filepath.Dir(target)))
		break
	}
	if home := s.env("HOME"); home != "" {
		prefixes = append(prefixes, filepath.Join(home, ".local"))
	}
	prefixes = append(prefixes, "/usr/local", "/usr")
	var sites []string
	for _, prefix := range prefixes {
		for _, pattern := range []string{"lib/python3*/site-packages", "lib/python3*/dist-packages"} {
			for _, site := range s.glob(filepath.Join(prefix, pattern)) {
				if !slices.Contains(sites, site) {
					sites = append(sites, site)
				}
			}
		}
	}
	return sites
}

// wheels returns the folders of NVIDIA's Python packages: one for CUDA 13, one
// for each library before.
func (s surroundings) wheels(site string, major int) []string {
	if major >= 13 {
		return s.glob(filepath.Join(site, "nvidia/cu13/lib"))
	}
	var folders []string
	for _, library := range []string{"cublas", "cusolver", "cusparse", "nvjitlink", "cuda_nvrtc"} {
		folders = append(folders, s.glob(filepath.Join(site, "nvidia", library, "lib"))...)
	}
	return folders
}

// newestFirst orders paths by the numbers in them, higher ones first.
func newestFirst(a, b string) int {
	na, nb := numbers(a), numbers(b)
	return slices.Compare(nb, na)
}

func numbers(s string) []int {
	var found []int
	inside := false
	for _, c := range s {
		if c < '0' || c > '9' {
			inside = false
			continue
		}
		if !inside {
			found = append(found, 0)
			inside = true
		}
		found[len(found)-1] = 10*found[len(found)-1] + int(c-'0')
	}
	return found
}

// find returns the path of a file in the first folder of p that has it, ""
// if none has. The loader finds it by name.
func (p place) find(file string, s surroundings) string {
	if file == "" || p.loader != byFolder {
		return file
	}
	for _, folder := range p.folders {
		path := filepath.Join(folder, file)
		if s.real(path) != "" {
			return path
		}
	}
	return ""
}

// driverFolders hold the parts of the driver where the loader's configuration
// does not mention them: GKE and other device plugins, WSL, NixOS.
var driverFolders = []string{"/usr/local/nvidia/lib64", "/usr/lib/wsl/lib", "/run/opengl-driver/lib"}

// driverPaths returns where libcuda.so.1 or libnvidia-ml.so.1 may be, best
// first. The plain name is for the loader to find.
func driverPaths(file string, named []string, s surroundings) []string {
	var paths []string
	add := func(folders []string) {
		for _, folder := range folders {
			if path := filepath.Join(folder, file); s.real(path) != "" {
				paths = append(paths, path)
			}
		}
	}
	add(named)
	paths = append(paths, file)
	add(driverFolders)
	return paths
}
