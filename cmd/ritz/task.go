package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ritz-go/ritz/cmd/ritz/job"
	"github.com/ritz-go/ritz/goapi/device"
)

// newTask makes the command of the processes that ritz run --gpus starts. It
// runs the command line in its arguments and prints the reply as JSON, with
// exit code 0 whatever it is: a process that prints none has died. The end of
// standard input interrupts it, and so does the end of who started it.
func newTask() *cobra.Command {
	return &cobra.Command{
		Use:                "task COMMAND",
		Hidden:             true,
		Args:               cobra.ArbitraryArgs,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				_, _ = io.Copy(io.Discard, os.Stdin)
				cancel()
			}()
			return json.NewEncoder(cmd.OutOrStdout()).Encode(perform(ctx, args))
		},
	}
}

// ownProcess is the worker of a job without --gpus.
func ownProcess() job.Worker {
	// A task may set the number of threads for the whole process.
	threads := runtime.GOMAXPROCS(0)
	return job.Worker{Run: func(ctx context.Context, args []string) job.Reply {
		defer runtime.GOMAXPROCS(threads)
		reply := perform(ctx, args)
		reply.Fate = job.Ended // nothing else is there to try it on
		return reply
	}}
}

// perform runs a command line.
func perform(ctx context.Context, args []string) job.Reply {
	var stdout bytes.Buffer
	err := execute(ctx, args, &stdout, os.Stderr)
	reply := job.Reply{Result: stdout.Bytes(), Code: exitCode(err), Fate: fate(err)}
	if err != nil {
		reply.Message = err.Error()
	}
	return reply
}

// fate says what an error means for the process that met it.
func fate(err error) job.Fate {
	var u *device.UnavailableError
	switch {
	case errors.Is(err, device.ErrOutOfMemory):
		return job.NoMemory
	case errors.Is(err, device.ErrLost), errors.Is(err, context.Canceled),
		errors.As(err, &u) && strings.HasPrefix(u.Device, "cuda"): // lost before this process
		return job.Died
	}
	return job.Ended
}
