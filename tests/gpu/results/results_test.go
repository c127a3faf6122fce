package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const transcript = `=== RUN   TestA
=== RUN   TestA/cuda
=== RUN   TestA/cuda/deep
    a_test.go:1: wrong
--- FAIL: TestA (1.50s)
    --- FAIL: TestA/cuda (1.40s)
        --- FAIL: TestA/cuda/deep (0.40s)
=== RUN   TestB
    b_test.go:2: no such thing here
--- SKIP: TestB (0.00s)
=== RUN   TestC
=== RUN   TestC/x
--- PASS: TestC (0.10s)
    --- PASS: TestC/x (0.10s)
=== RUN   TestD
panic: index out of range
`

func TestParseTests(t *testing.T) {
	list := parseTests("p", transcript, "FAIL")
	got := map[string]string{}
	for _, x := range list {
		got[x.Name] = x.Outcome
	}
	want := map[string]string{"TestA": "FAIL", "TestA/cuda": "FAIL", "TestA/cuda/deep": "FAIL",
		"TestB": "SKIP", "TestC": "PASS", "TestC/x": "PASS", "TestD": "FAIL"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, x := range list {
		if x.Name == "TestA/cuda/deep" && (!strings.Contains(x.Output, "wrong") || x.Seconds != 0.4) {
			t.Errorf("%+v lacks its output or time", x)
		}
		if x.Name == "TestD" && !strings.Contains(x.Output, "index out of range") {
			t.Errorf("%+v lacks the panic", x)
		}
	}
	var r results
	r.add(list)
	if r.Passed != 1 || r.Skipped != 1 || r.Failed != 2 || r.Unended != 0 {
		t.Errorf("%d passed, %d skipped, %d failed, want 1, 1, 2", r.Passed, r.Skipped, r.Failed)
	}
	r = results{}
	r.add(parseTests("p", transcript, "UNENDED"))
	if r.Passed != 1 || r.Skipped != 1 || r.Failed != 1 || r.Unended != 1 {
		t.Errorf("cut short: %d passed, %d skipped, %d failed, %d unended, want 1 of each", r.Passed, r.Skipped, r.Failed, r.Unended)
	}
}

func TestParseTimings(t *testing.T) {
	var got []timing
	for line := range strings.Lines("goos: linux\nBenchmarkGemm/f32/n=1024-16   \t5\t  100000 ns/op\t 20000 GFLOP/s\nBenchmarkSVD/m=512-16 \t 5\t 2.5e+07 ns/op\nok\n") {
		if x, ok := parseTiming(strings.TrimRight(line, "\n")); ok {
			got = append(got, x)
		}
	}
	want := []timing{
		{Name: "Gemm/f32/n=1024", Runs: 5, Seconds: 1e-4, Metrics: map[string]float64{"GFLOP/s": 20000}},
		{Name: "SVD/m=512", Runs: 5, Seconds: 0.025},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestJudge(t *testing.T) {
	timings := []timing{
		{Name: "Targets/NewtonSchulz/bf16/n=8192", Seconds: 0.01},
		{Name: "Targets/Randomized/f32/n=16384/k=128", Seconds: 0.02, Metrics: map[string]float64{"error-1e-9": 500}},
		{Name: "Targets/Clouds/n=80/d=64", Seconds: 0.01}, // of a trial
		{Name: "Targets/Clouds/n=50000/d=64", Seconds: 0.3},
		{Name: "Targets/Hessian/k=64", Seconds: 0.1, Metrics: map[string]float64{"of-gemm": 0.7}},
	}
	peers := &peers{Timings: []timing{{Name: "torch Targets/NewtonSchulz/bf16/n=8192", Seconds: 0.014},
		{Name: "torch Targets/Randomized/f32/n=16384/k=128", Error: "out of memory"}}}
	got := map[string]string{}
	for _, g := range judge(timings, peers) {
		got[g.Name+g.Metric] = g.String()
	}
	for key, want := range map[string]string{
		"Targets/NewtonSchulz/bf16/n=8192":          "1.4, MISSED (goal: at least 1.5)",
		"Targets/Randomized/f32/n=16384/":           "not measured (goal: at least 5)", // torch failed
		"Targets/Randomized/f32/n=16384/error-1e-9": "500, reached (goal: at most 10000)",
		"Targets/Clouds/n=50000/seconds":            "0.3, MISSED",
		"Targets/Hessian/k=64of-gemm":               "0.7, reached",
		"Targets/SVD/n=4096":                        "not measured",
	} {
		if !strings.Contains(got[key], want) {
			t.Errorf("%s: %q, want %q in it", key, got[key], want)
		}
	}
	if list := judge(nil, nil); len(list) != len(goals()) || list[0].Got != nil {
		t.Errorf("without measurements: %v", list)
	}
}

// bundled makes a bundle of shell scripts.
func bundled(t *testing.T, scripts map[string]string) (bundle, *results) {
	t.Helper()
	b := bundle{folder: t.TempDir(), runs: 1, clock: clock{start: time.Now(), limit: time.Minute}}
	for name, text := range scripts {
		path := filepath.Join(b.folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := &results{}
	b.write = func() {
		if err := r.write(filepath.Join(b.folder, "r.json")); err != nil {
			t.Error(err)
		}
	}
	return b, r
}

// A program that does not even start is a failure, and the file is there whole.
func TestBrokenBundle(t *testing.T) {
	b, r := bundled(t, map[string]string{"tests/p/p.test": "echo cannot load libx; exit 127\n", "bin/ritz": "exit 1\n"})
	r.Ritz = b.ask("version")
	b.test(r)
	if r.Failed != 1 || !strings.Contains(r.Tests[0].Output, "cannot load libx") {
		t.Errorf("%+v", r.Tests)
	}
	text, err := os.ReadFile(filepath.Join(b.folder, "r.json"))
	if err != nil || !strings.Contains(string(text), `"failed": 1`) {
		t.Errorf("%v\n%s", err, text)
	}
}

// Conformance and the most important timings come first; what there is no time for
// is said, counts neither as passed nor as failed, and costs nothing that was there
// before. A benchmark that measures nothing is skipped.
func TestBudget(t *testing.T) {
	slow := "echo '=== RUN   TestA'; echo '--- PASS: TestA (0.10s)'; echo '=== RUN   TestB'; sleep 60\n"
	b, r := bundled(t, map[string]string{
		"tests/svd/svd.test": slow, "tests/nn/nn.test": "echo '--- PASS: TestN (0.00s)'\n",
		"tests/gpu/gpu.test": `case "$*" in
*Targets*NewtonSchulz*) echo 'BenchmarkTargets/NewtonSchulz/bf16/n=8 5 100 ns/op'; sleep 60;;
*Targets*Clouds*) echo 'BenchmarkTargets/Clouds/n=8 5 300 ns/op';;
*bench*) echo PASS;;
*) echo '=== RUN   TestConformance'; echo '--- PASS: TestConformance (0.00s)';;
esac
`})
	b.clock.budget = 20 * time.Second
	b.test(r)
	if r.Passed != 3 || r.Unended != 1 || r.Failed != 0 || len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0], "svd") {
		t.Errorf("%d passed, %d unended, %d failed; left out %q", r.Passed, r.Unended, r.Failed, r.LeftOut)
	}
	if r.Tests[0].Name != "TestConformance" {
		t.Errorf("%s comes first", r.Tests[0].Name)
	}
	r.LeftOut = nil
	b.clock.start, b.clock.budget = time.Now(), 6*time.Second
	b.measure(r, true, false)
	if len(r.Timings) != 1 || r.Timings[0].Name != "Targets/NewtonSchulz/bf16/n=8" {
		t.Errorf("timings: %+v", r.Timings)
	}
	if len(r.LeftOut) < 5 || !strings.Contains(r.LeftOut[0], "the rest of the timings of Targets/NewtonSchulz") {
		t.Errorf("left out: %q", r.LeftOut)
	}
	text, err := os.ReadFile(filepath.Join(b.folder, "r.json"))
	if err != nil || !strings.Contains(string(text), "Targets/NewtonSchulz/bf16/n=8") {
		t.Errorf("%v\n%s", err, text)
	}
	b.clock.budget, r.Skipped = 0, 0
	b.timeIf(true, r, "Targets/Clouds", 1)
	b.timeIf(true, r, "Gemm", 1)
	if len(r.Timings) != 2 || r.Skipped != 1 {
		t.Errorf("%d timings, %d skipped", len(r.Timings), r.Skipped)
	}
}

// What compare.py prints counts as far as it comes.
func TestPeersThatBreakDown(t *testing.T) {
	b, r := bundled(t, map[string]string{"compare.py": ""})
	python := "import sys\nprint('{\"versions\":{\"torch\":\"9\"}}')\nprint('a warning')\nprint('{\"name\":\"torch x\",\"seconds\":2}')\nsys.exit('out of memory')\n"
	if err := os.WriteFile(filepath.Join(b.folder, "compare.py"), []byte(python), 0o644); err != nil {
		t.Fatal(err)
	}
	b.compareIf(true, r, "targets", 1)
	if r.NoPeers == "no python3" {
		t.Skip(r.NoPeers)
	}
	if r.Peers == nil || r.Peers.Versions["torch"] != "9" || len(r.Peers.Timings) != 1 || r.Peers.Timings[0].Seconds != 2 ||
		len(r.LeftOut) != 1 || !strings.Contains(r.LeftOut[0], "out of memory") {
		t.Errorf("%+v, left out %q", r.Peers, r.LeftOut)
	}
}
