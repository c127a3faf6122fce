package job

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is the part of a job that one process runs: part Index, counted from
// 0, of Count.
type Shard struct{ Index, Count int }

// variables are the pairs of environment variables that batch systems set,
// with those for the first index and the step where they need not be 0 and 1.
var variables = []struct{ index, count, first, step string }{
	{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"},
	{"SLURM_PROCID", "SLURM_NTASKS", "", ""},
	{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", "", ""}, // Kubernetes; set JOB_COMPLETIONS in the pod's env
	{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "", ""},
	{"PMI_RANK", "PMI_SIZE", "", ""},
}

// ParseShard parses "i/n" or "auto"; "" is the whole job. auto reads the
// variables of Slurm arrays and processes, Kubernetes and MPI through getenv.
func ParseShard(s string, getenv func(string) string) (Shard, error) {
	switch s {
	case "":
		return Shard{0, 1}, nil
	case "auto":
		return automatic(getenv)
	}
	i, n, ok := strings.Cut(s, "/")
	index, err1 := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil {
		return Shard{}, fmt.Errorf("--shard is %q, must be like 0/4 or auto", s)
	}
	return check(Shard{index, count}, "--shard")
}

func automatic(getenv func(string) string) (Shard, error) {
	half := ""
	for _, v := range variables {
		if getenv(v.index) == "" {
			continue
		}
		if getenv(v.count) == "" {
			half = fmt.Sprintf(": %s is set, but not %s", v.index, v.count)
			continue
		}
		var bad error
		number := func(name string, unset int) int {
			if name == "" || getenv(name) == "" {
				return unset
			}
			n, err := strconv.Atoi(getenv(name))
			if err != nil {
				bad = fmt.Errorf("--shard auto: %s=%q is not a number", name, getenv(name))
			}
			return n
		}
		index, count := number(v.index, 0), number(v.count, 0)
		first, step := number(v.first, 0), number(v.step, 1)
		switch {
		case bad != nil:
			return Shard{}, bad
		case step < 1 || (index-first)%step != 0:
			return Shard{}, fmt.Errorf("--shard auto: %s=%d is not %d and a multiple of %d", v.index, index, first, step)
		}
		return check(Shard{(index - first) / step, count}, v.index)
	}
	return Shard{}, fmt.Errorf("--shard auto: no variables of Slurm, Kubernetes or MPI say which part this is%s", half)
}

func check(s Shard, source string) (Shard, error) {
	if s.Count < 1 || s.Index < 0 || s.Index >= s.Count {
		return s, fmt.Errorf("%s: there is no part %d of %d (parts are counted from 0)", source, s.Index, s.Count)
	}
	return s, nil
}

// Select returns the tasks of a shard. Tasks that need each other stay
// together, since one process cannot wait for another's results.
func (j *Job) Select(s Shard) []Task {
	leader := map[string]int{}
	var parts [][]Task // groups in the order of their first task
	for _, t := range j.Tasks {
		at := len(parts)
		for _, n := range t.Needs {
			at = min(at, leader[n])
		}
		if at == len(parts) {
			parts = append(parts, nil)
		}
		for _, n := range t.Needs { // merge what this task joins
			if other := leader[n]; other != at {
				for _, moved := range parts[other] {
					leader[moved.Name] = at
				}
				parts[at] = append(parts[at], parts[other]...)
				parts[other] = nil
			}
		}
		leader[t.Name] = at
		parts[at] = append(parts[at], t)
	}
	var mine []Task
	k := 0
	for _, p := range parts {
		if p == nil {
			continue
		}
		if k%s.Count == s.Index {
			mine = append(mine, p...)
		}
		k++
	}
	return mine
}
