package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ritz-go/ritz/cmd/ritz/job"
	"github.com/ritz-go/ritz/goapi/backend"
	"github.com/ritz-go/ritz/goapi/device"
)

// allGPUs is the number of GPUs that --gpus all asks for.
const allGPUs = -1

// parseGPUs returns the number of GPUs that --gpus asks for, 0 if it is not
// there.
func parseGPUs(s string) (int, error) {
	switch s {
	case "":
		return 0, nil
	case "all":
		return allGPUs, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return 0, usagef("--gpus is %q, must be all or a number from 1", s)
	}
	return n, nil
}

// gpuWorkers makes a worker of each GPU, wanted in all.
func gpuWorkers(c *common, j *job.Job, path string, wanted int) ([]job.Worker, error) {
	for _, t := range j.Tasks {
		if name := t.Flag("backend"); strings.HasPrefix(name, "cuda:") {
			return nil, usagef("%s: task %q: the backend is %s, but --gpus chooses the GPU; must be cuda, cpu or go", path, t.Name, name)
		}
	}
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("starting processes: %w", err)
	}
	uuids, err := backend.GPUs()
	if err != nil {
		return nil, err
	}
	if wanted > len(uuids) {
		return nil, &device.UnavailableError{Device: "cuda", Reason: fmt.Sprintf("--gpus is %d, but there are %d: %s", wanted, len(uuids), strings.Join(uuids, ", "))}
	}
	if wanted != allGPUs {
		uuids = uuids[:wanted]
	}
	threads := max(1, runtime.GOMAXPROCS(0)/len(uuids))
	var workers []job.Worker
	for _, uuid := range uuids {
		env := append(os.Environ(), "CUDA_VISIBLE_DEVICES="+uuid, "GOMAXPROCS="+strconv.Itoa(threads))
		workers = append(workers, job.Worker{Name: uuid, Run: func(ctx context.Context, args []string) job.Reply {
			// Before the flags of the task, which may name another backend;
			// auto could leave the GPU without a word.
			args = slices.Insert(slices.Clone(args), 1, "--backend=cuda")
			args = slices.DeleteFunc(args, func(a string) bool { return a == "--backend=auto" })
			reply := child(ctx, program, env, args)
			if reply.Fate != job.Ended && ctx.Err() == nil {
				c.log.Warn("failed", "worker", uuid, "message", reply.Message)
			}
			return reply
		}})
	}
	return workers, nil
}

// patience is how long a process may go on after it was told to end.
const patience = 10 * time.Second

// child runs a command line in a process of its own. When ctx ends it closes
// the standard input of the process, which any system can do, and a process
// outlives this one no longer than its own next check.
func child(ctx context.Context, program string, env, args []string) job.Reply {
	cmd := exec.CommandContext(ctx, program, append([]string{"task"}, args...)...)
	var stdout bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &stdout, os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return job.Reply{Code: exitFailed, Message: "starting a process: " + err.Error()}
	}
	cmd.Cancel, cmd.WaitDelay = stdin.Close, patience
	if err := cmd.Start(); err != nil {
		return job.Reply{Code: exitFailed, Message: "starting a process: " + err.Error()}
	}
	err = cmd.Wait()
	var reply job.Reply
	if bad := json.Unmarshal(stdout.Bytes(), &reply); err == nil && bad == nil {
		return reply
	}
	cause := "it printed no result"
	if err != nil {
		cause = err.Error()
	}
	// A terminal signals both processes, and a young one that has no handler
	// yet may end before this one hears of it: then it did not die by itself.
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && (status.Signal() == syscall.SIGINT || status.Signal() == syscall.SIGTERM) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return job.Reply{Code: exitFailed, Message: "the process of the task died: " + cause, Fate: job.Died}
}
