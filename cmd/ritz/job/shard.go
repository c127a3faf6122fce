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
// with the variable for the first index where it need not be 0.
var variables = []struct{ index, count, first string }{
	{"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN"},
	{"SLURM_PROCID", "SLURM_NTASKS", ""},
	{"JOB_COMPLETION_INDEX", "JOB_COMPLETIONS", ""}, // Kubernetes; set JOB_COMPLETIONS in the pod's env
	{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", ""},
	{"PMI_RANK", "PMI_SIZE", ""},
}

// ParseShard parses "i/n" or "auto"; "" is the whole job. auto reads the
// variables of Slurm arrays and processes, Kubernetes and MPI through getenv.
func ParseShard(s string, getenv func(string) string) (Shard, error) {
	switch s {
	case "":
		return Shard{0, 1}, nil
	case "auto":
		for _, v := range variables {
			if getenv(v.index) == "" || getenv(v.count) == "" {
				continue
			}
			first := "0"
			if v.first != "" && getenv(v.first) != "" {
				first = getenv(v.first)
			}
			i, err1 := strconv.Atoi(getenv(v.index))
			n, err2 := strconv.Atoi(getenv(v.count))
			f, err3 := strconv.Atoi(first)
			if err1 != nil || err2 != nil || err3 != nil {
				return Shard{}, fmt.Errorf("%s=%q and %s=%q are not numbers", v.index, getenv(v.index), v.count, getenv(v.count))
			}
			return check(Shard{i - f, n}, v.index)
		}
		return Shard{}, fmt.Errorf("--shard auto: no variable of Slurm, Kubernetes or MPI says which part this is")
	}
	i, n, ok := strings.Cut(s, "/")
	index, err1 := strconv.Atoi(i)
	count, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil {
		return Shard{}, fmt.Errorf("--shard is %q, must be like 0/4 or auto", s)
	}
	return check(Shard{index, count}, "--shard")
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
