// Package job runs batch jobs: a list of tasks in a YAML file (JSON is YAML
// too), each one command line of ritz, on one worker or several. Results appear
// under their final names only when they are whole; a job can be divided among
// processes and resumed.
package job

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Job is a list of tasks.
type Job struct {
	Name  string
	Tasks []Task

	path string // of the file; relative paths of inputs refer to its folder
}

// Task is one command line.
type Task struct {
	Name    string
	Command string
	Needs   []string // tasks whose results this one reads
	flags   []flag   // in the order of the file, defaults first
	input   string   // argument, "" for none
}

type flag struct{ name, value string }

// file is the form of a job file.
type file struct {
	Name     string          `yaml:"name"`
	Defaults yaml.MapSlice   `yaml:"defaults"`
	Tasks    []yaml.MapSlice `yaml:"tasks"`
}

// commands are what a task can run.
var commands = []string{"svd", "polar", "spectrum", "hessian", "sinkhorn"}

// inputFlags are the flags that name files to read.
var inputFlags = []string{"cost", "x", "y", "x-image", "y-image", "a", "b", "data", "labels", "weights"}

// reserved are the flags that the job sets itself.
var reserved = []string{"json", "plot", "output", "o", "help", "h"}

// maxSize bounds job files; one of a million tasks is smaller.
const maxSize = 64 << 20

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Load reads and checks a job file. Errors: *fs.PathError if it cannot be
// read, else what is wrong with its contents. Flags are checked by Check.
func Load(path string) (*Job, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parse(path, data)
}

// parse makes a job of the contents of the file path.
func parse(path string, data []byte) (*Job, error) {
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s: a job file of %d bytes is too large", path, len(data))
	}
	var f file
	if err := decode(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	j := &Job{Name: f.Name, path: path}
	if j.Name == "" {
		j.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	}
	if len(f.Tasks) == 0 {
		return nil, fmt.Errorf("%s: there are no tasks", path)
	}
	known := map[string]bool{}
	for i, items := range f.Tasks {
		t, err := j.task(f.Defaults, items)
		if err != nil {
			return nil, fmt.Errorf("%s: task %d: %w", path, i+1, err)
		}
		if known[t.Name] {
			return nil, fmt.Errorf("%s: two tasks are named %q", path, t.Name)
		}
		for _, n := range t.Needs {
			if !known[n] {
				return nil, fmt.Errorf("%s: task %q needs %q, which does not stand before it", path, t.Name, n)
			}
		}
		known[t.Name] = true
		j.Tasks = append(j.Tasks, t)
	}
	for _, t := range j.Tasks {
		for _, in := range t.reads() {
			// What is read must be needed, or another shard might write it.
			rest, ok := strings.CutPrefix(in, "{out}/")
			name, _, _ := strings.Cut(rest, "/")
			if ok && known[name] && !slices.Contains(t.Needs, name) {
				return nil, fmt.Errorf("%s: task %q reads %s; add %q to what it needs", path, t.Name, in, name)
			}
		}
	}
	return j, nil
}

// decode parses YAML. A key that is unknown or stands twice is an error.
func decode(data []byte, f *file) (err error) {
	// The parser is not ours, and a job file may come from anywhere.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("is not YAML: %v", p)
		}
	}()
	// Nested aliases grow without bounds; "defaults" serves their purpose.
	for _, t := range lexer.Tokenize(string(data)) {
		if t.Type == token.AliasType {
			return fmt.Errorf("line %d: aliases (*%s) are not supported; write what tasks share under defaults", t.Position.Line, t.Value)
		}
	}
	if err := yaml.UnmarshalWithOptions(data, f, yaml.Strict()); err != nil {
		return fmt.Errorf("%s", strings.TrimSpace(yaml.FormatError(err, false, true)))
	}
	return nil
}

// Check holds the command line of every task against check, so that a wrong
// one is found before the first runs.
func (j *Job) Check(check func(args []string) error) error {
	for _, t := range j.Tasks {
		if err := check(j.args(t, "out", "out")); err != nil {
			return fmt.Errorf("%s: task %q: %w", j.path, t.Name, err)
		}
	}
	return nil
}

// Missing returns what is wrong with inputs of tasks that are not there, so that
// it can be told before the first task runs. Inputs in the folder of the results
// come from other tasks. file returns the path of the file that an input names.
func (j *Job) Missing(tasks []Task, file func(input string) string) []error {
	var missing []error
	for _, t := range tasks {
		for _, in := range t.reads() {
			if strings.HasPrefix(in, "{out}/") {
				continue
			}
			if _, err := os.Stat(file(j.locate(in, ""))); errors.Is(err, fs.ErrNotExist) {
				missing = append(missing, fmt.Errorf("task %q: %w", t.Name, err))
			}
		}
	}
	return missing
}

// task builds a task from its items; a flag of the task replaces the default.
func (j *Job) task(defaults, items yaml.MapSlice) (Task, error) {
	var t Task
	var flags []flag
	set := func(name, value string) {
		for i := range flags {
			if flags[i].name == name {
				flags[i].value = value
				return
			}
		}
		flags = append(flags, flag{name, value})
	}
	for _, item := range slices.Concat(defaults, items) {
		key := fmt.Sprint(item.Key)
		if slices.Contains(reserved, key) {
			return t, fmt.Errorf("the key %q is set by the job itself", key)
		}
		value, err := text(item.Value)
		if err != nil {
			return t, fmt.Errorf("%s: %w", key, err)
		}
		switch key {
		case "name":
			t.Name = value
		case "command":
			t.Command = value
		case "needs":
			t.Needs = names(value)
		case "input":
			t.input = value
		default:
			set(key, value)
		}
	}
	t.flags = flags
	switch {
	case t.Name == "":
		return t, fmt.Errorf("it has no name")
	case !goodName.MatchString(t.Name):
		return t, fmt.Errorf("the name %q must consist of letters, digits, '.', '_' and '-'", t.Name)
	case strings.HasPrefix(t.Name, "report") && strings.HasSuffix(t.Name, ".html"):
		return t, fmt.Errorf("the name %q is that of a report", t.Name)
	case t.Command == "":
		return t, fmt.Errorf("%s: it has no command", t.Name)
	}
	if !slices.Contains(commands, t.Command) {
		return t, fmt.Errorf("%s: the command is %q, must be one of %s", t.Name, t.Command, strings.Join(commands, ", "))
	}
	return t, nil
}

// names splits a list that text has joined.
func names(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// text returns the command line form of a YAML value.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string, bool, int, int64, uint64, float64:
		return fmt.Sprint(v), nil
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			s, err := text(e)
			if err != nil {
				return "", err
			}
			parts[i] = s
		}
		return strings.Join(parts, ","), nil
	}
	return "", fmt.Errorf("a value of the kind %T has no meaning here", v)
}

// reads returns the inputs of a task as the file names them.
func (t Task) reads() []string {
	var list []string
	for _, f := range t.flags {
		if slices.Contains(inputFlags, f.name) {
			list = append(list, f.value)
		}
	}
	if t.input != "" {
		list = append(list, t.input)
	}
	return list
}

// Flag returns the value of a flag of the command line, "" if it is not there.
func (t Task) Flag(name string) string {
	for _, f := range t.flags {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// locate returns the path of an input. "{out}" stands for the folder of the
// job's results; other relative inputs refer to the folder of the job file.
func (j *Job) locate(input, out string) string {
	if rest, ok := strings.CutPrefix(input, "{out}/"); ok {
		return filepath.Join(out, rest)
	}
	if filepath.IsAbs(input) {
		return input
	}
	return filepath.Join(filepath.Dir(j.path), input)
}

// args returns the command line of a task that writes into dir.
func (j *Job) args(t Task, out, dir string) []string {
	args := []string{t.Command}
	for _, f := range t.flags {
		value := f.value
		if slices.Contains(inputFlags, f.name) {
			value = j.locate(value, out)
		}
		args = append(args, "--"+f.name+"="+value)
	}
	args = append(args, "--json", "--output="+dir, "--plot="+filepath.Join(dir, "plot.svg"))
	if t.input != "" {
		args = append(args, "--", j.locate(t.input, out))
	}
	return args
}

// Parameters returns the command line of a task without the flags that the job
// sets itself.
func (t Task) Parameters() []string {
	parts := []string{t.Command}
	if t.input != "" {
		parts = append(parts, t.input)
	}
	for _, f := range t.flags {
		parts = append(parts, "--"+f.name+"="+f.value)
	}
	return parts
}
