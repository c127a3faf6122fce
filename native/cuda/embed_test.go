package cuda

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// kernels lists the kernels of each module with the types of their arguments:
// t an element, p a pointer, n a 64-bit number, i an int. Those named with f64
// have that type alone.
var kernels = map[string]map[string]string{
	"elementwise": {
		"fill":     "tnnpn",
		"copy":     "nnpnnpnn",
		"add":      "itpnitpnnnpn",
		"add_diag": "tnpn",
		"map":      "innpnpn",
		"mul":      "nnpnpnpn",
		"div":      "nnpnpnpn",
		"scale_by": "innpnpnpn",
		"add_by":   "itnnpnpnpn",
		"finite":   "nnpnp",
	},
	"halves": {
		"split_points f32":   "nniitpnppnpnpp",
		"softmin_halves f32": "tnnipppppnnpnp",
		"softmin_chunks f32": "tnnipppppnnpnp",
	},
	"jacobi": {
		"svd_batch":  "iinnnnpnpnpnpnpn",
		"eigh_batch": "iinnnpnpnpnpn",
	},
	"minimum": {
		"min_rows": "nnpnpnpnpnpn",
		"min_cols": "nnpnpnnpnp",
	},
	"narrow": {
		"recast":           "nnpnpn",
		"narrow_gibbs f64": "tnnpnpnpnpn",
		"narrow_rows f64":  "nnpnpnpnpn",
		"narrow_cols f64":  "nnpnpnnp",
	},
	"plan": {
		"plan_scales": "tnnpnpnpnpppn",
		"plan_rows":   "tnnpnpnpppn",
		"plan_sums":   "tnnpnpnppnp",
	},
	"points": {
		"pairwise_cost":        "innnpnpnpn",
		"point_spread":         "nnpnpp",
		"softmin_points":       "itnnnpnpnpnpnnpnp",
		"softmin_products f64": "tnnnpnpnpnpnnpnp",
	},
	"powers": {
		"power_sums":  "ttnnpnpnp",
		"power_final": "nppn",
	},
	"random": {
		"random": "innnnpn",
	},
	"reduce": {
		"reduce_rows":   "innpnpnpn",
		"reduce_cols":   "innpnpnpn",
		"reduce_whole":  "innpnpnp",
		"reduce_final":  "inpp",
		"reduce_strips": "innpnpnnp",
		"reduce_pieces": "innpntpn",
	},
	"sinkhorn": {
		"gibbs":        "tnnpnpnpnpn",
		"scaling_rows": "nnpnpnpnpn",
		"plan_count":   "tnnpnpnpntp",
		"plan_entries": "tnnpnpnpntppp",
	},
	"softmin": {
		"softmin_rows": "tnnpnpnpn",
		"softmin_cols": "tnnpnpnnpnp",
		"softmin_join": "tnnppn",
	},
	"sparse": {
		"sparse_rows":     "ittnnnppppnpn",
		"sparse_segments": "nnppppnp",
		"sparse_join":     "ttnnpppn",
	},
	"step": {
		"adam_step":     "ttttttnnpnpnpnpn",
		"momentum_step": "ttttttnnpnpnpn",
	},
	"tangent": {
		"tangent_forward":  "nnnpnpnpnpn",
		"tangent_backward": "nnnpnpnpnpnnp",
		"softmax_tangent":  "nnnpnpn",
	},
	"triangle": {
		"mirror":   "inpn",
		"triangle": "innpn",
	},
}

var (
	entry    = regexp.MustCompile(`(?s)\.visible \.entry (\w+)\((.*?)\)`)
	argument = regexp.MustCompile(`\.param \.(\w+) `)
)

// entries returns the kernels in a PTX text with the PTX types of their
// arguments.
func entries(ptx string) map[string]string {
	found := map[string]string{}
	for _, e := range entry.FindAllStringSubmatch(ptx, -1) {
		var types []string
		for _, a := range argument.FindAllStringSubmatch(e[2], -1) {
			types = append(types, a[1])
		}
		found[e[1]] = strings.Join(types, " ")
	}
	return found
}

func TestPTXHoldsEveryKernel(t *testing.T) {
	modules := Modules()
	if len(modules) != len(kernels) {
		t.Errorf("%d modules, want %d", len(modules), len(kernels))
	}
	for _, m := range modules {
		found := entries(m.PTX)
		for name, signature := range kernels[m.Name] {
			name, only, _ := strings.Cut(name, " ")
			for _, element := range []string{"f32", "f64"} {
				if only != "" && element != only {
					continue
				}
				var types []string
				for _, c := range signature {
					types = append(types, map[rune]string{'t': element, 'p': "u64", 'n': "u64", 'i': "u32"}[c])
				}
				full := "ritz_" + name + "_" + element
				if got, want := found[full], strings.Join(types, " "); got != want {
					t.Errorf("%s: arguments of %s are (%s), want (%s)", m.Name, full, got, want)
				}
				delete(found, full)
			}
		}
		for name := range found {
			t.Errorf("%s: %s is not in the table", m.Name, name)
		}
	}
}

// What an old driver must be able to read, and what every kernel promises.
func TestPTXForm(t *testing.T) {
	version := regexp.MustCompile(`(?m)^\.version (\d+)\.(\d+)$`)
	for _, m := range Modules() {
		v := version.FindStringSubmatch(m.PTX)
		if v == nil {
			t.Errorf("%s: no version", m.Name)
			continue
		}
		major, _ := strconv.Atoi(v[1])
		minor, _ := strconv.Atoi(v[2])
		if 10*major+minor > 78 {
			t.Errorf("%s: PTX %d.%d; CUDA 11.8 reads up to 7.8", m.Name, major, minor)
		}
		if !strings.Contains(m.PTX, "\n.target sm_80\n") {
			t.Errorf("%s: not for sm_80", m.Name)
		}
		if n, want := strings.Count(m.PTX, ".maxntid 256, 1, 1"), strings.Count(m.PTX, ".entry"); n != want {
			t.Errorf("%s: %d of %d kernels have blocks of 256 threads", m.Name, n, want)
		}
		for _, forbidden := range []string{
			".local",                    // an array that is not in registers
			".extern .func", "call.uni", // a function that nobody defines
		} {
			if strings.Contains(m.PTX, forbidden) {
				t.Errorf("%s: contains %s", m.Name, forbidden)
			}
		}
	}
}

// NVRTC has no headers but the one it is given.
func TestSourcesIncludeTheRuntimeAlone(t *testing.T) {
	include := regexp.MustCompile(`(?m)^\s*#\s*include\s+(.*)$`)
	for _, m := range Modules() {
		if got := include.FindAllStringSubmatch(m.Source, -1); len(got) != 1 || got[0][1] != `"rt.h"` {
			t.Errorf("%s includes %q", m.Name, got)
		}
	}
	if include.MatchString(Runtime) {
		t.Error("rt.h includes a header")
	}
}

// A fused product and sum would change the last bit of random numbers.
func TestRandomNumbersAreNotFused(t *testing.T) {
	for _, m := range Modules() {
		if m.Name == "random" && (strings.Contains(m.PTX, "fma") || !strings.Contains(m.PTX, "mul.rn.f64")) {
			t.Error("the compiler fused products and sums")
		}
	}
}
