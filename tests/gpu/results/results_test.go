package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
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
	list := parseTests("p", transcript)
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
	if r.Passed != 1 || r.Skipped != 1 || r.Failed != 2 {
		t.Errorf("%d passed, %d skipped, %d failed, want 1, 1, 2", r.Passed, r.Skipped, r.Failed)
	}
}

func TestParseTimings(t *testing.T) {
	got := parseTimings("goos: linux\nBenchmarkGemm/f32/n=1024-16   \t5\t  100000 ns/op\t 20000 GFLOP/s\nBenchmarkSVD/m=512-16 \t 5\t 2.5e+07 ns/op\nok\n")
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
		{Name: "Targets/Clouds/n=50000/d=64", Seconds: 0.3},
		{Name: "Targets/Hessian/k=64", Seconds: 0.1, Metrics: map[string]float64{"of-gemm": 0.7}},
	}
	peers := []byte(`{"versions":{},"timings":[{"name":"torch Targets/NewtonSchulz/bf16/n=8192","seconds":0.014},
		{"name":"torch Targets/Randomized/f32/n=16384/k=128","error":"out of memory"}]}`)
	got := map[string]string{}
	for _, g := range judge(timings, peers) {
		got[g.Name+g.Metric] = g.String()
	}
	for key, want := range map[string]string{
		"Targets/NewtonSchulz/bf16/":        "1.4, MISSED (goal: at least 1.5)",
		"Targets/Randomized/f32/":           "not measured (goal: at least 5)", // torch failed
		"Targets/Randomized/f32/error-1e-9": "500, reached (goal: at most 10000)",
		"Targets/Clouds/seconds":            "0.3, MISSED",
		"Targets/Hessian/k=64of-gemm":       "0.7, reached",
		"Targets/SVD/":                      "not measured",
	} {
		if !strings.Contains(got[key], want) {
			t.Errorf("%s: %q, want %q in it", key, got[key], want)
		}
	}
	if list := judge(nil, nil); len(list) != len(goals()) || list[0].Got != nil {
		t.Errorf("without measurements: %v", list)
	}
}

// A program that does not even start is a failure, and the file is there whole.
func TestBrokenBundle(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"tests/p/p.test": "#!/bin/sh\necho cannot load libx; exit 127\n", "bin/ritz": "#!/bin/sh\nexit 1\n"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b := bundle{folder: folder, limit: 1e9, runs: 1}
	r := &results{}
	r.Ritz = b.ask("version")
	b.test(r, func() {
		if err := r.write(filepath.Join(folder, "r.json")); err != nil {
			t.Error(err)
		}
	})
	if r.Failed != 1 || !strings.Contains(r.Tests[0].Output, "cannot load libx") {
		t.Errorf("%+v", r.Tests)
	}
	text, err := os.ReadFile(filepath.Join(folder, "r.json"))
	if err != nil || !strings.Contains(string(text), `"failed": 1`) {
		t.Errorf("%v\n%s", err, text)
	}
}
