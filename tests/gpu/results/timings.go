package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// timing is one measurement: the mean wall time of a run, and what else the
// benchmark reports, by unit.
type timing struct {
	Name    string             `json:"name"`
	Runs    int                `json:"runs"`
	Seconds float64            `json:"seconds"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

// time runs the benchmarks. They are one program; if it fails, what it has
// measured counts and the failure is a failed test.
func (b bundle) time(r *results) {
	program := filepath.Join(b.folder, "tests", "gpu", "gpu.test")
	c := b.command(program, "-test.run=^$", "-test.bench=.", fmt.Sprintf("-test.benchtime=%dx", b.runs), "-test.timeout="+b.limit.String())
	c.Dir = filepath.Dir(program)
	out, err := c.CombinedOutput()
	r.Timings = parseTimings(string(out))
	if err != nil {
		r.add([]test{{Package: "gpu", Name: "timings", Outcome: "FAIL", Output: fmt.Sprintf("%v\n%s", err, tail(string(out)))}})
	}
}

var benchmark = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+(\d+)\s+([\d.e+]+) ns/op(.*)$`)

func parseTimings(text string) []timing {
	list := []timing{}
	for _, m := range benchmark.FindAllStringSubmatch(text, -1) {
		runs, _ := strconv.Atoi(m[2])
		ns, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			continue
		}
		t := timing{Name: m[1], Runs: runs, Seconds: ns / 1e9}
		rest := strings.Fields(m[4])
		for i := 0; i+1 < len(rest); i += 2 {
			if v, err := strconv.ParseFloat(rest[i], 64); err == nil {
				if t.Metrics == nil {
					t.Metrics = map[string]float64{}
				}
				t.Metrics[rest[i+1]] = v
			}
		}
		list = append(list, t)
	}
	return list
}

// compare runs compare.py, outside the bundle's libraries, with the first Python
// that there is.
func (b bundle) compare(r *results) {
	python, err := exec.LookPath("python3")
	if err != nil {
		r.NoPeers = "no python3"
		return
	}
	c := exec.Command(python, filepath.Join(b.folder, "compare.py"), strconv.Itoa(b.runs))
	var said bytes.Buffer
	c.Stderr = &said
	out, err := c.Output()
	switch {
	case err != nil:
		r.NoPeers = fmt.Sprintf("compare.py: %v: %s", err, tail(said.String()))
	case !json.Valid(out):
		r.NoPeers = "compare.py printed no JSON: " + tail(string(out))
	default:
		r.Peers = out
	}
}
