package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// test is one test or subtest.
type test struct {
	Package string  `json:"package"`
	Name    string  `json:"name"` // "" if the program itself failed
	Outcome string  `json:"outcome"`
	Seconds float64 `json:"seconds"`
	Output  string  `json:"output,omitempty"` // of one that failed
}

// test runs every test program in its own folder, as go test does.
func (b bundle) test(r *results, write func()) {
	programs, err := filepath.Glob(filepath.Join(b.folder, "tests", "*", "*.test"))
	if err != nil || len(programs) == 0 {
		fail(fmt.Errorf("%s has no test programs", b.folder))
	}
	for _, program := range programs {
		name := strings.TrimSuffix(filepath.Base(program), ".test")
		// The other devices are tested where Ritz is developed.
		c := b.command(program, "-test.v", "-test.skip=/^(go|openblas)$", "-test.timeout="+b.limit.String())
		c.Dir = filepath.Dir(program)
		out, err := c.CombinedOutput()
		os.WriteFile(program+".log", out, 0o644) // for people; the results do not depend on it
		list := parseTests(name, string(out))
		if err != nil && !failed(list) {
			list = append(list, test{Package: name, Outcome: "FAIL", Output: fmt.Sprintf("%v\n%s", err, tail(string(out)))})
		}
		r.add(list)
		write()
		fmt.Printf("%-10s %3d tests, failures so far: %d\n", name, len(list), r.Failed)
	}
}

// add counts the tests that have no subtests, and those that fail by themselves:
// the others repeat the outcome of their subtests.
func (r *results) add(list []test) {
	parent, blamed := map[string]bool{}, map[string]bool{}
	for _, t := range list {
		for i := range t.Name {
			if t.Name[i] == '/' {
				parent[t.Name[:i]] = true
				blamed[t.Name[:i]] = blamed[t.Name[:i]] || t.Outcome == "FAIL"
			}
		}
	}
	for _, t := range list {
		r.Tests = append(r.Tests, t)
		switch {
		case t.Outcome == "FAIL" && !blamed[t.Name]:
			r.Failed++
		case parent[t.Name]:
		case t.Outcome == "PASS":
			r.Passed++
		case t.Outcome == "SKIP":
			r.Skipped++
		}
	}
}

func failed(list []test) bool {
	for _, t := range list {
		if t.Outcome == "FAIL" {
			return true
		}
	}
	return false
}

var (
	ending  = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(([\d.]+)s\)$`)
	heading = regexp.MustCompile(`^=== (?:RUN|NAME|CONT|PAUSE) +(\S+)$`)
)

// parseTests reads what a test program prints with -test.v. A program that ends
// within a test, by a panic or because time is up, prints no ending for it: such
// a test has failed.
func parseTests(pkg, text string) []test {
	var list []test
	output := map[string]string{}
	unfinished := []string{}
	current := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			if _, seen := output[m[1]]; !seen {
				output[m[1]] = ""
				unfinished = append(unfinished, m[1])
			}
			current = m[1]
			continue
		}
		m := ending.FindStringSubmatch(line)
		if m == nil {
			if current != "" {
				output[current] += line + "\n"
			}
			continue
		}
		seconds, _ := strconv.ParseFloat(m[3], 64) // the pattern is a number
		t := test{Package: pkg, Name: m[2], Outcome: m[1], Seconds: seconds}
		if t.Outcome != "PASS" {
			t.Output = tail(output[t.Name])
		}
		list = append(list, t)
		unfinished = remove(unfinished, t.Name)
		current = t.Name
	}
	for _, name := range unfinished {
		list = append(list, test{Package: pkg, Name: name, Outcome: "FAIL", Output: "did not end\n" + tail(output[name])})
	}
	return list
}

func remove(list []string, name string) []string {
	var rest []string
	for _, s := range list {
		if s != name {
			rest = append(rest, s)
		}
	}
	return rest
}

// tail returns the end of a long text.
func tail(text string) string {
	const most = 4000
	if len(text) <= most {
		return text
	}
	return "…" + strings.ToValidUTF8(text[len(text)-most:], "")
}
