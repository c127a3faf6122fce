package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// test is one test or subtest.
type test struct {
	Package string  `json:"package"`
	Name    string  `json:"name"`    // "" if the program itself failed
	Outcome string  `json:"outcome"` // PASS, FAIL, SKIP; UNENDED if there was no time for more of it
	Seconds float64 `json:"seconds"`
	Output  string  `json:"output,omitempty"` // of one that failed
}

// order is that of the test programs: what proves most first. Others come last.
var order = []string{"gpu", "svd", "polar", "sinkhorn", "spectrum", "hessian"}

// programs returns the test programs of the bundle in their order.
func (b bundle) programs() []string {
	list, err := filepath.Glob(filepath.Join(b.folder, "tests", "*", "*.test"))
	if err != nil || len(list) == 0 {
		fail(fmt.Errorf("%s has no test programs", b.folder))
	}
	rank := func(program string) int {
		if i := slices.Index(order, packageOf(program)); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(list, func(a, b string) int { return rank(a) - rank(b) })
	return list
}

func packageOf(program string) string { return strings.TrimSuffix(filepath.Base(program), ".test") }

// test runs every test program in its own folder, as go test does. Conformance
// has a quarter of the budget, and the other programs equal shares of what is
// left of 55 % of it.
func (b bundle) test(r *results) {
	list := b.programs()
	for i, program := range list {
		name := packageOf(program)
		most := b.clock.left(0.25)
		if i > 0 && b.clock.budget > 0 {
			most = b.clock.left(0.55) / time.Duration(len(list)-i)
		}
		if most < tooLittle {
			r.LeftOut = append(r.LeftOut, "tests of "+name)
			continue
		}
		// The other devices are tested where Ritz is developed.
		c := exec.Command(program, "-test.v", "-test.skip=/^(go|openblas)$", "-test.timeout=0")
		c.Dir, c.Env = filepath.Dir(program), b.environment()
		log, _ := os.Create(program + ".log") // for people; the results do not depend on it
		c.Stderr = log
		end := follow(c, most, func(line string) { fmt.Fprintln(log, line) })
		log.Close()
		if said, err := os.ReadFile(program + ".log"); err == nil {
			end.output = string(said) // a panic goes to the other output
		}
		unfinished := "FAIL"
		if !end.ended && b.clock.budget > 0 {
			unfinished = "UNENDED"
			r.LeftOut = append(r.LeftOut, "the rest of the tests of "+name)
		}
		tests := parseTests(name, end.output, unfinished)
		if end.err != nil && end.ended && !failed(tests) {
			tests = append(tests, test{Package: name, Outcome: "FAIL", Output: fmt.Sprintf("%v\n%s", end.err, tail(end.output))})
		}
		r.add(tests)
		b.write()
		fmt.Printf("%-10s %3d tests, failures so far: %d\n", name, len(tests), r.Failed)
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
		case t.Outcome == "UNENDED":
			r.Unended++
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
// a test has the outcome unfinished, and so have its parents.
func parseTests(pkg, text, unfinished string) []test {
	var list []test
	output := map[string]string{}
	open := []string{}
	current := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := heading.FindStringSubmatch(line); m != nil {
			if _, seen := output[m[1]]; !seen {
				output[m[1]] = ""
				open = append(open, m[1])
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
		open = remove(open, t.Name)
		current = t.Name
	}
	for _, name := range open {
		list = append(list, test{Package: pkg, Name: name, Outcome: unfinished, Output: "did not end\n" + tail(output[name])})
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
