// Package job runs batch jobs: a list of tasks in a YAML file (JSON is YAML
// too), each one command line of ritz. Results appear under their final names
// only when they are whole; a job can be divided among processes and resumed.
package job

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Job is a list of tasks.
type Job struct {
	Name  string
	Tasks []Task

	dir string // of the file, to which relative paths of inputs refer
}

// Task is one command line.
type Task struct {
	Name    string
	Command string
	Needs   []string // tasks whose results this one reads
	flags   []flag   // in the order of the file, defaults first
	inputs  []string // arguments
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

// inputs are the flags that name files to read.
var inputFlags = []string{"cost", "x", "y", "x-image", "y-image", "a", "b", "data", "labels", "weights"}

// reserved are the flags that the job sets itself.
var reserved = []string{"json", "plot", "output", "o"}

var goodName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// Load reads and checks a job file. Flags are checked by the commands.
func Load(path string) (*Job, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f file
	if err := yaml.UnmarshalWithOptions(data, &f, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	j := &Job{Name: f.Name, dir: filepath.Dir(path)}
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
	return j, nil
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
			t.Needs = strings.Split(value, ",")
		case "input":
			t.inputs = []string{value}
		default:
			set(key, value)
		}
	}
	t.flags = flags
	if !goodName.MatchString(t.Name) {
		return t, fmt.Errorf("the name %q must consist of letters, digits, '.', '_' and '-'", t.Name)
	}
	if !slices.Contains(commands, t.Command) {
		return t, fmt.Errorf("%s: the command is %q, must be one of %s", t.Name, t.Command, strings.Join(commands, ", "))
	}
	return t, nil
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

// args returns the command line of a task that writes into dir. "{out}" in an
// input stands for the folder of the job's results; other relative inputs
// refer to the folder of the job file.
func (j *Job) args(t Task, out, dir string) []string {
	locate := func(name string) string {
		if rest, ok := strings.CutPrefix(name, "{out}/"); ok {
			return filepath.Join(out, rest)
		}
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(j.dir, name)
	}
	args := []string{t.Command}
	for _, f := range t.flags {
		value := f.value
		if slices.Contains(inputFlags, f.name) {
			value = locate(value)
		}
		args = append(args, "--"+f.name+"="+value)
	}
	args = append(args, "--json", "--output="+dir, "--plot="+filepath.Join(dir, "plot.svg"))
	for _, in := range t.inputs {
		args = append(args, locate(in))
	}
	return args
}

// Parameters returns the flags of a task in the form of its command line.
func (t Task) Parameters() string {
	parts := append([]string{t.Command}, t.inputs...)
	for _, f := range t.flags {
		parts = append(parts, "--"+f.name+"="+f.value)
	}
	return strings.Join(parts, " ")
}
