// Package tests holds what concerns more than one package.
package tests

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/ritz-go/ritz/"

// heights orders the packages: one may import only what stands lower. Kernels
// of the same line number are ordered by the digits behind the point.
var heights = map[string]float64{
	"native":      1,
	"native/cuda": 1,
	"goapi/rng":   1,
	"goapi/matio": 1,

	"goapi/device": 2,

	"cblas":    3,
	"cusolver": 3,

	"goapi/svd":      3.1,
	"goapi/polar":    3.2,
	"goapi/optim":    3.25,
	"goapi/spectrum": 3.3,
	"goapi/nn":       3.4,
	"goapi/hessian":  3.5,
	"goapi/sinkhorn": 3.6,
	"goapi/paper":    3.8,

	"goapi/paper/auon":               3.9,
	"goapi/paper/dynamicalstability": 3.9,
	"goapi/paper/hessianalign":       3.9,
	"goapi/paper/hessianspectrum":    3.9,
	"goapi/paper/sigmareparam":       3.9,
	"goapi/paper/sinkhornnewton":     3.9,

	"goapi":         4,
	"goapi/backend": 4,

	"cmd/ritz/picture": 5,
	"cmd/ritz/report":  5.1,
	"cmd/ritz/job":     5.2,
	"cmd/ritz":         6,

	"tests":             9,
	"tests/cli":         9,
	"tests/conform":     9,
	"tests/fakecuda":    9,
	"tests/devices":     9.1,
	"tests/examples":    9,
	"tests/gpu":         9.2,
	"tests/gpu/results": 9,
	"tests/matrices":    9,
	"tests/peers":       9,
	"tests/readme":      9,
	"tests/refusal":     9,
}

// light lists what packages that users import may depend on besides the
// standard library: anything else lands in every importer's go.sum.
var light = []string{
	"gonum.org/v1/gonum/",
	"gonum.org/v1/netlib/",
	"github.com/NVIDIA/go-nvml/",
	"codeberg.org/sbinet/npyio",
	"github.com/x448/float16",
	"golang.org/x/sys/",
}

func TestImportsPointDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}}{{range .Imports}} {{.}}{{end}}", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], module)
		height, known := heights[name]
		if !known {
			t.Errorf("package %s is missing from the table of heights", name)
			continue
		}
		seen++
		for _, imported := range fields[1:] {
			if target, ours := strings.CutPrefix(imported, module); ours {
				if h, known := heights[target]; !known || h >= height {
					t.Errorf("%s imports %s, which does not stand lower", name, target)
				}
				// Algorithms and backends meet in goapi/device alone.
				if strings.HasPrefix(name, "goapi/") && height < 4 && (target == "cblas" || target == "cusolver" || target == "native") {
					t.Errorf("%s imports the backend %s", name, target)
				}
				continue
			}
			if height < 5 && strings.Contains(imported, ".") && !allowed(imported) {
				t.Errorf("%s imports %s, which belongs in the command", name, imported)
			}
		}
	}
	if seen < 10 {
		t.Errorf("go list named only %d packages", seen)
	}
}

func allowed(path string) bool {
	for _, p := range light {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}
