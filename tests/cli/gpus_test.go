package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// refused holds what ritz run says of a job that it must not begin against
// the exit code and a text.
func refused(t *testing.T, job string, code int, says string, args ...string) {
	t.Helper()
	out := filepath.Join(filepath.Dir(job), "out")
	got := ritz(t, append([]string{"run", job, "-o", out}, args...)...)
	if got.code != code || !strings.Contains(got.stderr, says) || got.stdout != "" || names(t, out) != nil {
		t.Errorf("%v: %+v, want %d, %q", args, got, code, says)
	}
}

// Without a GPU --gpus ends the job before it begins, on every machine and in
// every build.
func TestGPURefusals(t *testing.T) {
	t.Setenv("CUDA_VISIBLE_DEVICES", "") // hides what there may be
	job := writeBytes(t, filepath.Join(small(t), "job.yaml"), []byte("tasks:\n  - {name: a, command: svd, input: A.npy}\n"))
	for _, n := range []string{"0", "-1", "two", "1.5", "all,1"} {
		refused(t, job, usage, "--gpus is", "--gpus="+n)
	}
	refused(t, job, noDevice, "device cuda: ", "--gpus", "all")
	refused(t, job, noDevice, "device cuda: ", "--gpus", "1")
	writeBytes(t, job, []byte("tasks:\n  - {name: a, command: svd, input: A.npy, backend: \"cuda:1\"}\n"))
	refused(t, job, usage, `task "a": the backend is cuda:1`, "--gpus", "all")
}
