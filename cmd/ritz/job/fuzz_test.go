package job

import (
	"os"
	"slices"
	"testing"
)

// Whatever a job file holds, there is an error or a job whose tasks have
// distinct names and stand in order, and each in exactly one shard.
func FuzzJob(f *testing.F) {
	digits, err := os.ReadFile("../../../tests/jobs/digits.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(digits)
	f.Add([]byte(`{"name": "j", "defaults": {"dtype": "f32"}, "tasks": [{"name": "a", "command": "svd", "input": "A.npy"}]}`))
	f.Add([]byte("tasks:\n  - {name: a, command: svd, input: A.npy}\n  - {name: b, command: polar, needs: [a], input: \"{out}/a/U.npy\"}\n"))
	f.Add([]byte("defaults: {a: &a [x, x], b: [*a, *a]}\ntasks: []\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		j, err := parse("job.yaml", data)
		if err != nil {
			return
		}
		place := map[string]int{}
		for i, task := range j.Tasks {
			if _, twice := place[task.Name]; twice || task.Name == "" || !slices.Contains(commands, task.Command) {
				t.Fatalf("task %d is %+v", i, task)
			}
			place[task.Name] = i
			j.args(task, "out", "out")
			task.Parameters()
		}
		const parts = 3
		seen := map[string]bool{}
		for k := range parts {
			for _, task := range j.Select(Shard{k, parts}) {
				if seen[task.Name] {
					t.Errorf("%s is in two shards, or twice in one", task.Name)
				}
				for _, n := range task.Needs {
					if !seen[n] {
						t.Errorf("%s comes before %s, which it needs", task.Name, n)
					}
				}
				seen[task.Name] = true
			}
		}
		if len(seen) != len(j.Tasks) {
			t.Errorf("%d of %d tasks are in a shard", len(seen), len(j.Tasks))
		}
	})
}
