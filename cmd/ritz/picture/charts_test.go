package picture

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ritz-go/ritz/goapi/paper"
)

func TestCharts(t *testing.T) {
	line := paper.Series{Name: "loss of A", X: []float64{1, 2, 3}, Y: []float64{1, 0.1, 0.01}}
	cloud := paper.Series{Name: "points of B", X: []float64{1, 2}, Y: []float64{3, math.NaN()}, Points: true}
	chart := paper.Chart{Title: "First", X: "step", Y: "loss", LogY: true, Series: []paper.Series{line, cloud}}
	for count := 1; count <= 3; count++ {
		var charts []paper.Chart
		for range count {
			charts = append(charts, chart)
		}
		path := filepath.Join(t.TempDir(), "c.svg")
		if err := Charts(path, charts); err != nil {
			t.Fatal(err)
		}
		svg, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"First", "loss of A", "points of B"} {
			if got := strings.Count(string(svg), ">"+text+"<"); got != count {
				t.Errorf("%d charts: %q is there %d times", count, text, got)
			}
		}
	}
}

// What has no place on a logarithmic axis is left out; where nothing is left
// there is no picture.
func TestChartsOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.png")
	empty := paper.Chart{LogX: true, Series: []paper.Series{{X: []float64{0, -1, math.Inf(1)}, Y: []float64{1, 1, 1}}}}
	if err := Charts(path, []paper.Chart{empty}); !errors.Is(err, ErrEmpty) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a file was written")
	}
}
