package main

import (
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
	Runs    int                `json:"runs,omitempty"`
	Seconds float64            `json:"seconds,omitempty"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
	Error   string             `json:"error,omitempty"` // in place of a measurement, of peers
}

// peers are the measurements of torch and CuPy.
type peers struct {
	Versions map[string]string `json:"versions"`
	Timings  []timing          `json:"timings"`
}

// targets are the problems of the plan and parts what else is measured, each in
// the order of its importance.
var (
	targets = []string{"Targets/NewtonSchulz", "Targets/Clouds", "Targets/SVD", "Targets/Randomized", "Targets/Hessian"}
	parts   = []string{"Rounded", "Gemm", "Symmetric", "Points", "SoftMin", "Batch", "Sum", "Copy", "Targets/Certificates", "Targets/Scaling",
		"Map", "Transfer", "SVD", "Polar", "Sinkhorn", "Spectrum"}
)

// measure runs first what the goals need, for Ritz and for its peers.
func (b bundle) measure(r *results, own, others bool) {
	for _, part := range targets {
		b.timeIf(own, r, part, 0.85)
	}
	b.compareIf(others, r, "targets", 0.9)
	for _, part := range parts {
		b.timeIf(own, r, part, 1)
	}
	b.compareIf(others, r, "rest", 1)
}

// timeIf runs one benchmark of the program that has them all. If it fails, what it
// has measured counts and the failure is a failed test.
func (b bundle) timeIf(wanted bool, r *results, part string, share float64) {
	if !wanted {
		return
	}
	most := b.clock.left(share)
	if most < tooLittle {
		r.LeftOut = append(r.LeftOut, "timings of "+part)
		return
	}
	program := filepath.Join(b.folder, "tests", "gpu", "gpu.test")
	c := exec.Command(program, "-test.run=^$", "-test.bench=^Benchmark"+strings.ReplaceAll(part, "/", "$/^")+"$",
		fmt.Sprintf("-test.benchtime=%dx", b.runs), "-test.timeout=0")
	var said strings.Builder
	c.Dir, c.Env, c.Stderr = filepath.Dir(program), b.environment(), &said
	end := follow(c, most, func(line string) {
		if t, ok := parseTiming(line); ok {
			r.Timings = append(r.Timings, t)
			b.write()
		}
	})
	switch {
	case !end.ended:
		r.LeftOut = append(r.LeftOut, "the rest of the timings of "+part)
	case end.err != nil:
		r.add([]test{{Package: "gpu", Name: "timings of " + part, Outcome: "FAIL", Output: fmt.Sprintf("%v\n%s", end.err, tail(end.output+said.String()))}})
	case !strings.Contains(end.output, "ns/op"):
		r.add([]test{{Package: "gpu", Name: "timings of " + part, Outcome: "SKIP", Output: tail(end.output)}})
	}
	b.write()
	fmt.Printf("%-20s %d timings so far\n", part, len(r.Timings))
}

var benchmark = regexp.MustCompile(`^Benchmark(\S+?)(?:-\d+)?\s+(\d+)\s+([\d.e+]+) ns/op(.*)$`)

// parseTiming reads a line that a benchmark prints.
func parseTiming(line string) (timing, bool) {
	m := benchmark.FindStringSubmatch(line)
	if m == nil {
		return timing{}, false
	}
	runs, _ := strconv.Atoi(m[2])
	ns, err := strconv.ParseFloat(m[3], 64)
	if err != nil {
		return timing{}, false
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
	return t, true
}

// compareIf runs compare.py, outside the bundle's libraries, with the first Python
// that there is. It prints a JSON object for each version and measurement.
func (b bundle) compareIf(wanted bool, r *results, part string, share float64) {
	if !wanted || r.NoPeers != "" {
		return
	}
	most := b.clock.left(share)
	if most < tooLittle {
		r.LeftOut = append(r.LeftOut, "peers, "+part)
		return
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		r.NoPeers = "no python3"
		return
	}
	c := exec.Command(python, filepath.Join(b.folder, "compare.py"), strconv.Itoa(b.runs), part)
	var said strings.Builder
	c.Stderr = &said
	end := follow(c, most, func(line string) {
		var o struct {
			timing
			Versions map[string]string `json:"versions"`
		}
		if json.Unmarshal([]byte(line), &o) != nil {
			return // what a library prints
		}
		if r.Peers == nil {
			r.Peers = &peers{Versions: map[string]string{}, Timings: []timing{}}
		}
		for library, version := range o.Versions {
			r.Peers.Versions[library] = version
		}
		if o.Name != "" {
			r.Peers.Timings = append(r.Peers.Timings, o.timing)
		}
		b.write()
	})
	switch {
	case !end.ended:
		r.LeftOut = append(r.LeftOut, "the rest of the peers, "+part)
	case end.err != nil && r.Peers == nil:
		r.NoPeers = fmt.Sprintf("compare.py: %v: %s", end.err, tail(said.String()))
	case end.err != nil: // torch may have ended the program
		r.LeftOut = append(r.LeftOut, fmt.Sprintf("the rest of the peers, %s (%v: %s)", part, end.err, tail(said.String())))
	}
	b.write()
}
