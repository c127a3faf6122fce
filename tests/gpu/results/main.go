// Results runs a bundle of prebuilt tests on a machine with a GPU and writes one
// JSON file. It needs neither Go nor a compiler there. What matters most comes
// first, and the file is written anew after every test program and every timing,
// so that a run that is cut short leaves what it has.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// results is the file that is written.
type results struct {
	Started  time.Time       `json:"started"`
	Seconds  float64         `json:"seconds"`
	Budget   float64         `json:"budget_seconds,omitempty"`
	Complete bool            `json:"complete"` // the run came to its end
	LeftOut  []string        `json:"left_out"` // what it had no time for
	Machine  machine         `json:"machine"`
	Ritz     json.RawMessage `json:"ritz"`    // ritz version --json
	Devices  json.RawMessage `json:"devices"` // ritz devices --json
	Passed   int             `json:"passed"`
	Failed   int             `json:"failed"`
	Skipped  int             `json:"skipped"`
	Unended  int             `json:"unended"` // cut short
	Tests    []test          `json:"tests"`
	Timings  []timing        `json:"timings"`
	Peers    *peers          `json:"peers,omitempty"`
	NoPeers  string          `json:"no_peers,omitempty"`
	Goals    []goal          `json:"goals,omitempty"`
}

func main() {
	output := flag.String("o", "results.json", "`FILE` to write")
	steps := flag.String("steps", "tests,timings,peers", "what to run, separated by commas")
	runs := flag.Int("runs", 5, "runs of each timing")
	limit := flag.Duration("limit", 8*time.Minute, "time after which a program is ended")
	seconds := flag.Float64("seconds", 0, "time for everything, of which the tests get at most 55 %; 0 for as long as it takes")
	flag.Parse()
	self, err := os.Executable()
	if err != nil {
		fail(err)
	}
	b := bundle{folder: filepath.Dir(filepath.Dir(self)), runs: *runs,
		clock: clock{start: time.Now(), budget: time.Duration(*seconds * float64(time.Second)), limit: *limit}}
	r := &results{Started: b.clock.start.UTC().Truncate(time.Second), Budget: *seconds,
		LeftOut: []string{}, Tests: []test{}, Timings: []timing{}}
	b.write = func() {
		r.Seconds = time.Since(b.clock.start).Seconds()
		if len(r.Timings) > 0 {
			r.Goals = judge(r.Timings, r.Peers)
		}
		if err := r.write(*output); err != nil {
			fail(err)
		}
	}
	r.Machine = thisMachine()
	r.Ritz, r.Devices = b.ask("version", "--json"), b.ask("devices", "--json")
	b.write()
	wanted := map[string]bool{}
	for _, step := range strings.Split(*steps, ",") {
		wanted[step] = true
	}
	if wanted["tests"] {
		b.test(r)
	}
	b.measure(r, wanted["timings"], wanted["peers"])
	r.Complete = true
	b.write()
	fmt.Printf("%d passed, %d failed, %d skipped, %d cut short\n", r.Passed, r.Failed, r.Skipped, r.Unended)
	for _, g := range r.Goals {
		fmt.Println(g)
	}
	if len(r.LeftOut) > 0 {
		fmt.Println("no time for:", strings.Join(r.LeftOut, ", "))
	}
	fmt.Printf("%d timings in %.0f s\n%s\n", len(r.Timings), r.Seconds, *output)
	if r.Failed > 0 {
		os.Exit(1)
	}
}

// clock divides the time of a run.
type clock struct {
	start         time.Time
	budget, limit time.Duration
}

// left returns how long a program may run, until a share of the budget is spent.
func (c clock) left(share float64) time.Duration {
	if c.budget == 0 {
		return c.limit
	}
	return min(c.limit, time.Until(c.start.Add(time.Duration(share*float64(c.budget)))))
}

// tooLittle is how much time is not worth starting a program.
const tooLittle = 2 * time.Second

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// write writes the file under another name first: it is never half there.
func (r *results) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".partial", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".partial", path)
}

// bundle is the folder with everything that is run.
type bundle struct {
	folder string
	runs   int
	clock  clock
	write  func() // the results so far
}

// environment is that of a program of the bundle, which finds OpenBLAS there.
func (b bundle) environment() []string {
	path := filepath.Join(b.folder, "lib")
	if old := os.Getenv("LD_LIBRARY_PATH"); old != "" {
		path += ":" + old
	}
	return append(os.Environ(), "LD_LIBRARY_PATH="+path, "RITZ_REQUIRE=gpu")
}

// ask returns what ritz prints as JSON, or its error as a JSON string.
func (b bundle) ask(args ...string) json.RawMessage {
	c := exec.Command(filepath.Join(b.folder, "bin", "ritz"), args...)
	c.Env = b.environment()
	out, err := c.CombinedOutput()
	if err == nil && json.Valid(out) {
		return out
	}
	text, _ := json.Marshal(fmt.Sprintf("%v: %s", err, out)) // a string can be marshalled
	return text
}
