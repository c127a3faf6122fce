// Package examples tests the files that show how Ritz runs on clusters: they
// are read as Slurm and Kubernetes read them, and their commands are run.
package examples

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/ritz-go/ritz/cmd/ritz/job"
)

const folder = "../../cmd/ritz/examples/"

// program is the command under test.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ritz-examples-")
	if err == nil {
		program = filepath.Join(dir, "ritz")
		var out []byte
		if out, err = exec.Command("go", "build", "-o", program, "../../cmd/ritz").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// manifest has the fields of batch/v1 that a Job of ours may use. The decoder is
// strict: any other field is an error, as it is for kubectl.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name string `yaml:"name"`
	} `yaml:"metadata"`
	Spec struct {
		CompletionMode          string   `yaml:"completionMode"`
		Completions             int      `yaml:"completions"`
		Parallelism             int      `yaml:"parallelism"`
		BackoffLimit            *int     `yaml:"backoffLimit"`
		TTLSecondsAfterFinished int      `yaml:"ttlSecondsAfterFinished"`
		Template                template `yaml:"template"`
	} `yaml:"spec"`
}

type template struct {
	Spec struct {
		RestartPolicy   string `yaml:"restartPolicy"`
		SecurityContext struct {
			RunAsNonRoot bool `yaml:"runAsNonRoot"`
			RunAsUser    int  `yaml:"runAsUser"`
			RunAsGroup   int  `yaml:"runAsGroup"`
			FSGroup      int  `yaml:"fsGroup"`
		} `yaml:"securityContext"`
		Containers []container `yaml:"containers"`
		Volumes    []struct {
			Name                  string             `yaml:"name"`
			EmptyDir              *struct{}          `yaml:"emptyDir"`
			PersistentVolumeClaim *map[string]string `yaml:"persistentVolumeClaim"`
		} `yaml:"volumes"`
	} `yaml:"spec"`
}

type container struct {
	Name      string                   `yaml:"name"`
	Image     string                   `yaml:"image"`
	Args      []string                 `yaml:"args"`
	Env       []variable               `yaml:"env"`
	Resources map[string]yaml.MapSlice `yaml:"resources"`
	Mounts    []struct {
		Name string `yaml:"name"`
		Path string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

// variable's value must be a string: Kubernetes refuses a number.
type variable struct {
	Name  string `yaml:"name"`
	Value any    `yaml:"value"`
}

func load(t *testing.T, name string) manifest {
	t.Helper()
	text, err := os.ReadFile(folder + name)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := yaml.UnmarshalWithOptions(text, &m, yaml.Strict()); err != nil {
		t.Fatalf("%s: %s", name, yaml.FormatError(err, false, true))
	}
	return m
}

var (
	label    = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	quantity = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)
)

// What the API server demands of every Job, and what a GPU needs.
func TestManifests(t *testing.T) {
	files, err := filepath.Glob(folder + "kubernetes-*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d manifests: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			m := load(t, filepath.Base(file))
			if m.APIVersion != "batch/v1" || m.Kind != "Job" || !label.MatchString(m.Metadata.Name) {
				t.Errorf("%s %s %q is no Job", m.APIVersion, m.Kind, m.Metadata.Name)
			}
			pod := m.Spec.Template.Spec
			if pod.RestartPolicy != "Never" && pod.RestartPolicy != "OnFailure" {
				t.Errorf("restartPolicy is %q; a Job may have Never or OnFailure", pod.RestartPolicy)
			}
			if m.Spec.BackoffLimit == nil || *m.Spec.BackoffLimit < 0 {
				t.Error("no backoffLimit")
			}
			if s := pod.SecurityContext; !s.RunAsNonRoot || s.RunAsUser == 0 || s.FSGroup == 0 {
				t.Errorf("the pod runs as root or cannot write to its volume: %+v", s)
			}
			if len(pod.Containers) != 1 {
				t.Fatalf("%d containers", len(pod.Containers))
			}
			checkContainer(t, pod.Containers[0], m.volumes(t))
		})
	}
}

// volumes returns the names of the volumes, each of which must have a source.
func (m manifest) volumes(t *testing.T) []string {
	var names []string
	for _, v := range m.Spec.Template.Spec.Volumes {
		if (v.EmptyDir == nil) == (v.PersistentVolumeClaim == nil) {
			t.Errorf("volume %s must have one source", v.Name)
		}
		if v.PersistentVolumeClaim != nil && (*v.PersistentVolumeClaim)["claimName"] == "" {
			t.Errorf("volume %s names no claim", v.Name)
		}
		names = append(names, v.Name)
	}
	return names
}

func checkContainer(t *testing.T, c container, volumes []string) {
	if !label.MatchString(c.Name) || c.Image == "" {
		t.Errorf("container %q of image %q", c.Name, c.Image)
	}
	for _, v := range c.Env {
		if _, text := v.Value.(string); !text || v.Name == "" {
			t.Errorf("variable %s has the value %v, which is no string", v.Name, v.Value)
		}
		if v.Name == "NVIDIA_VISIBLE_DEVICES" {
			t.Error("a pod that sets NVIDIA_VISIBLE_DEVICES gets GPUs that it did not ask for")
		}
	}
	for _, v := range c.Mounts {
		if !slices.Contains(volumes, v.Name) || !filepath.IsAbs(v.Path) {
			t.Errorf("volume %s, mounted on %s, is not there or not mounted well", v.Name, v.Path)
		}
	}
	found := map[string]bool{}
	for _, limit := range c.Resources["limits"] {
		name, value := fmt.Sprint(limit.Key), fmt.Sprint(limit.Value)
		found[name] = quantity.MatchString(value)
		// A GPU cannot be shared or divided.
		if n, err := strconv.Atoi(value); name == "nvidia.com/gpu" && (err != nil || n != 1) {
			t.Errorf("%s: %s, want 1: Ritz uses one", name, value)
		}
	}
	if !found["nvidia.com/gpu"] || !found["cpu"] || !found["memory"] {
		t.Errorf("the limits %v lack a GPU, cpu or memory", c.Resources["limits"])
	}
}

// The pods of the indexed job must know how many they are.
func TestIndexedManifest(t *testing.T) {
	m := load(t, "kubernetes-indexed-job.yaml")
	if m.Spec.CompletionMode != "Indexed" || m.Spec.Completions < 2 || m.Spec.Parallelism < 1 || m.Spec.Parallelism > m.Spec.Completions {
		t.Errorf("%+v is no indexed job", m.Spec)
	}
	c := m.Spec.Template.Spec.Containers[0]
	if got := c.getenv("JOB_COMPLETIONS"); got != strconv.Itoa(m.Spec.Completions) {
		t.Errorf("JOB_COMPLETIONS is %q, completions %d", got, m.Spec.Completions)
	}
	s, err := job.ParseShard("auto", func(name string) string {
		if name == "JOB_COMPLETION_INDEX" { // Kubernetes sets it
			return "1"
		}
		return c.getenv(name)
	})
	if err != nil || s.Index != 1 || s.Count != m.Spec.Completions {
		t.Errorf("the second pod runs %+v: %v", s, err)
	}
}

func (c container) getenv(name string) string {
	for _, v := range c.Env {
		if v.Name == name {
			return fmt.Sprint(v.Value)
		}
	}
	return ""
}

// place makes a folder with a job of five tasks that need no GPU.
func place(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := "name: small\ndefaults: {backend: go}\ntasks:\n"
	for i := range 5 {
		text += fmt.Sprintf("  - {name: t%d, command: svd, input: a.csv}\n", i)
	}
	for name, text := range map[string]string{"job.yaml": text, "a.csv": "2,0\n0,1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// done fails unless each task of the small job has results.
func done(t *testing.T, out string) {
	t.Helper()
	for i := range 5 {
		files, err := os.ReadDir(filepath.Join(out, fmt.Sprintf("t%d", i)))
		if err != nil || len(files) == 0 {
			t.Errorf("task %d has no results: %v", i, err)
		}
	}
}

// The commands of the manifests, as the pods run them, do the whole job.
func TestPods(t *testing.T) {
	for name, pods := range map[string]int{"kubernetes-job.yaml": 1, "kubernetes-indexed-job.yaml": 4} {
		t.Run(name, func(t *testing.T) {
			dir := place(t)
			c := load(t, name).Spec.Template.Spec.Containers[0]
			for i := range pods {
				var args []string
				for _, a := range c.Args {
					args = append(args, strings.Replace(a, "/data", dir, 1))
				}
				cmd := exec.Command(program, args...)
				cmd.Env = append(environment(), fmt.Sprintf("JOB_COMPLETION_INDEX=%d", i))
				for _, v := range c.Env {
					cmd.Env = append(cmd.Env, v.Name+"="+strings.Replace(fmt.Sprint(v.Value), "/cache", dir, 1))
				}
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("pod %d: %v\n%s", i, err, out)
				}
			}
			done(t, filepath.Join(dir, "out"))
		})
	}
}

// environment is that of a pod: none of the variables by which --shard auto
// knows a part.
func environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLURM_") && !strings.HasPrefix(v, "JOB_COMPLETION") {
			env = append(env, v)
		}
	}
	return env
}

// The Slurm script, with a srun that just runs, does the whole job in the parts
// that its array has.
func TestSlurm(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	script, err := filepath.Abs(folder + "slurm.sh")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(bash, "-n", script).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	options := directives(t, string(text))
	for _, name := range []string{"gpus-per-task", "ntasks", "cpus-per-task", "mem", "time"} {
		if options[name] == "" {
			t.Errorf("the script does not set --%s", name)
		}
	}
	last, err := strconv.Atoi(strings.TrimPrefix(options["array"], "0-"))
	if err != nil || last < 1 {
		t.Fatalf("--array is %q, want 0-N", options["array"])
	}
	dir := place(t)
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "srun"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, "ritz")); err != nil {
		t.Fatal(err)
	}
	for i := range last + 1 {
		cmd := exec.Command(bash, script, filepath.Join(dir, "job.yaml"), filepath.Join(dir, "out"))
		// srun makes every part of an array a job of one process as well.
		cmd.Env = append(environment(), "PATH="+bin+":"+os.Getenv("PATH"), "RITZ_CACHE_DIR="+dir, "SLURM_PROCID=0", "SLURM_NTASKS=1",
			fmt.Sprintf("SLURM_ARRAY_TASK_ID=%d", i), fmt.Sprintf("SLURM_ARRAY_TASK_COUNT=%d", last+1), "SLURM_ARRAY_TASK_MIN=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("part %d: %v\n%s", i, err, out)
		}
	}
	done(t, filepath.Join(dir, "out"))
	reports, _ := filepath.Glob(filepath.Join(dir, "out", "report-*.html"))
	if len(reports) != last+1 {
		t.Errorf("%d reports, want one for each of %d parts", len(reports), last+1)
	}
}

// directives returns the options of the #SBATCH lines, which sbatch reads up to
// the first command.
func directives(t *testing.T, script string) map[string]string {
	options := map[string]string{}
	commands := false
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		option, found := strings.CutPrefix(line, "#SBATCH --")
		switch {
		case found && commands:
			t.Errorf("sbatch does not see %q, which stands after a command", line)
		case found:
			name, value, _ := strings.Cut(option, "=")
			options[name] = value
		case line != "" && !strings.HasPrefix(line, "#"):
			commands = true
		}
	}
	return options
}

// The example job is well-formed, and its tasks have flags that exist.
func TestJob(t *testing.T) {
	j, err := job.Load(folder + "job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range j.Tasks {
		parameters := strings.Join(task.Parameters(), " ")
		help, err := exec.Command(program, task.Command, "--help").Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`--([a-z-]+)=`).FindAllStringSubmatch(parameters, -1) {
			if !strings.Contains(string(help), "--"+m[1]+" ") {
				t.Errorf("task %s: %s has no flag --%s", task.Name, task.Command, m[1])
			}
		}
		if !strings.Contains(parameters, "--backend=cuda") {
			t.Errorf("task %s may run on a CPU", task.Name)
		}
	}
}
