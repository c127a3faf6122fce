package main

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"time"
)

// outcome is how a program ended.
type outcome struct {
	output string
	err    error
	ended  bool // by itself, not because its time was up
}

// follow runs a program for so long at most and calls each with every line of its
// standard output as it comes. What its own children still have to say when it has
// ended is not waited for.
func follow(program *exec.Cmd, most time.Duration, each func(line string)) outcome {
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	c := exec.CommandContext(ctx, program.Path, program.Args[1:]...)
	out := &lines{each: each}
	c.Env, c.Dir, c.Stdout, c.Stderr, c.WaitDelay = program.Env, program.Dir, out, program.Stderr, time.Second
	err := c.Run()
	return outcome{out.all.String(), err, ctx.Err() == nil}
}

// lines is a writer that cuts what it gets into lines.
type lines struct {
	each func(line string)
	all  strings.Builder
	rest []byte // of a line that is not complete
}

func (l *lines) Write(text []byte) (int, error) {
	l.all.Write(text)
	l.rest = append(l.rest, text...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(text), nil
		}
		l.each(strings.TrimRight(string(line), "\r"))
		l.rest = rest
	}
}
