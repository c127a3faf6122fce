// Results runs a bundle of prebuilt tests on a machine with a GPU and writes one
// JSON file. It needs neither Go nor a compiler there. The file is written anew
// after every step, so that a run that is cut short leaves what it has.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// results is the file that is written.
type results struct {
	Started  time.Time       `json:"started"`
	Seconds  float64         `json:"seconds"`
	Complete bool            `json:"complete"` // every step that was asked for came to its end
	Machine  machine         `json:"machine"`
	Ritz     json.RawMessage `json:"ritz"`    // ritz version --json
	Devices  json.RawMessage `json:"devices"` // ritz devices --json
	Passed   int             `json:"passed"`
	Failed   int             `json:"failed"`
	Skipped  int             `json:"skipped"`
	Tests    []test          `json:"tests"`
	Timings  []timing        `json:"timings"`
	Peers    json.RawMessage `json:"peers,omitempty"` // timings of torch and CuPy
	NoPeers  string          `json:"no_peers,omitempty"`
	Goals    []goal          `json:"goals,omitempty"`
}

func main() {
	output := flag.String("o", "results.json", "`FILE` to write")
	steps := flag.String("steps", "tests,timings,peers", "what to run, separated by commas")
	runs := flag.Int("runs", 5, "runs of each timing")
	limit := flag.Duration("limit", 8*time.Minute, "time after which a test program is ended")
	flag.Parse()
	self, err := os.Executable()
	if err != nil {
		fail(err)
	}
	b := bundle{folder: filepath.Dir(filepath.Dir(self)), limit: *limit, runs: *runs}
	r := &results{Started: time.Now().UTC().Truncate(time.Second), Tests: []test{}, Timings: []timing{}}
	write := func() {
		r.Seconds = time.Since(r.Started).Seconds()
		if err := r.write(*output); err != nil {
			fail(err)
		}
	}
	r.Machine = thisMachine()
	r.Ritz, r.Devices = b.ask("version", "--json"), b.ask("devices", "--json")
	write()
	wanted := strings.Split(*steps, ",")
	if slices.Contains(wanted, "tests") {
		b.test(r, write)
	}
	if slices.Contains(wanted, "timings") {
		b.time(r)
		write()
	}
	if slices.Contains(wanted, "peers") {
		b.compare(r)
	}
	if slices.Contains(wanted, "timings") {
		r.Goals = judge(r.Timings, r.Peers)
	}
	r.Complete = true
	write()
	fmt.Printf("%d passed, %d failed, %d skipped\n", r.Passed, r.Failed, r.Skipped)
	for _, g := range r.Goals {
		fmt.Println(g)
	}
	fmt.Printf("%d timings\n%s\n", len(r.Timings), *output)
	if r.Failed > 0 {
		os.Exit(1)
	}
}

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
	limit  time.Duration
	runs   int
}

// command returns a program of the bundle, which finds OpenBLAS there.
func (b bundle) command(program string, args ...string) *exec.Cmd {
	c := exec.Command(program, args...)
	path := filepath.Join(b.folder, "lib")
	if old := os.Getenv("LD_LIBRARY_PATH"); old != "" {
		path += ":" + old
	}
	c.Env = append(os.Environ(), "LD_LIBRARY_PATH="+path, "RITZ_REQUIRE=gpu")
	return c
}

// ask returns what ritz prints as JSON, or its error as a JSON string.
func (b bundle) ask(args ...string) json.RawMessage {
	out, err := b.command(filepath.Join(b.folder, "bin", "ritz"), args...).CombinedOutput()
	if err == nil && json.Valid(out) {
		return out
	}
	text, _ := json.Marshal(fmt.Sprintf("%v: %s", err, out)) // a string can be marshalled
	return text
}
