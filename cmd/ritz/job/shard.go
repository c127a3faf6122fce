package job

import (
	"fmt"
	"strconv"
	"strings"
)

// Shard is the part of a job that one process runs: part Index, counted from
// 0, of Count.
type Shard struct{ Index, Count int }

// place is a pair of environment variables that say which of several processes
// this is, with those for the first index and the step where they need not be 0
// and 1.
type place struct{ index, count, first, step string }

var (
	array = place{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"}
	// The starters of processes, the innermost first: MPI's leave Slurm's
	// variables as they were around them. Slurm's own are those of a step,
	// since a batch script has SLURM_PROCID=0 too.
	processes = []place{
		{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "", ""},
		{"PMI_RANK", "PMI_SIZE", "", ""},
		{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "", ""},
		{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", "", ""}, // Kubernetes; set JOB_COMPLETIONS in the pod's env
	}
)

// ParseShard parses "i/n" or "auto"; "" is the whole job. auto reads the
// variables of Slurm, Kubernetes and MPI through getenv; the processes of a part
// of a Slurm array share that part.
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
	whole, found := Shard{0, 1}, false
	if getenv(array.index) != "" && getenv(array.count) != "" {
		part, err := array.shard(getenv)
		if err != nil {
			return Shard{}, err
		}
		whole, found = part, true
	}
	half := ""
	for _, p := range processes {
		switch {
		case getenv(p.index) == "":
			continue
		case getenv(p.count) != "":
			part, err := p.shard(getenv)
			return Shard{whole.Index*part.Count + part.Index, whole.Count * part.Count}, err
		case p.index != "SLURM_PROCID":
			half = fmt.Sprintf(": %s is set, but not %s", p.index, p.count)
		case getenv("SLURM_NTASKS") != "" && getenv("SLURM_NTASKS") != "1":
			return Shard{}, fmt.Errorf("--shard auto: Slurm has room for %s processes, but this one was not started by srun, so that there may be no others; use srun, or --shard i/n", getenv("SLURM_NTASKS"))
		default: // a batch script for one process
			found = true
		}
	}
	if !found {
		return Shard{}, fmt.Errorf("--shard auto: no variables of Slurm, Kubernetes or MPI say which part this is%s", half)
	}
	return whole, nil
}

// shard reads the variables.
func (p place) shard(getenv func(string) string) (Shard, error) {
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
	index, count := number(p.index, 0), number(p.count, 0)
	first, step := number(p.first, 0), number(p.step, 1)
	switch {
	case bad != nil:
		return Shard{}, bad
	case step < 1 || (index-first)%step != 0:
		return Shard{}, fmt.Errorf("--shard auto: %s=%d is not %d and a multiple of %d", p.index, index, first, step)
	}
	return check(Shard{(index - first) / step, count}, p.index)
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
