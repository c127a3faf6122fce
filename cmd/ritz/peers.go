package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// peers.py answers on standard output how long a statement took that it reads
// from standard input.
//
//go:embed peers.py
var peersScript string

// peers is a running Python process with NumPy, SciPy and POT.
type peers struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Scanner
	versions string
}

// startPeers looks for a python3 that has the libraries.
func startPeers(ctx context.Context) (*peers, error) {
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(ctx, python, "-c", "import numpy, scipy, ot").Run() != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, python, "-u", "-c", peersScript)
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		p := &peers{cmd: cmd, in: in, out: bufio.NewScanner(out)}
		if !p.out.Scan() {
			p.close()
			return nil, fmt.Errorf("%s did not start", python)
		}
		p.versions = p.out.Text()
		return p, nil
	}
	return nil, fmt.Errorf("no python3 with numpy, scipy and ot (Debian: python3-scipy, python3-pot)")
}

// time returns how many seconds a statement takes.
func (p *peers) time(statement string) (float64, error) {
	if _, err := fmt.Fprintln(p.in, statement); err != nil {
		return 0, err
	}
	if !p.out.Scan() {
		return 0, fmt.Errorf("the peer ended at %q", statement)
	}
	answer := strings.TrimSpace(p.out.Text())
	s, err := strconv.ParseFloat(answer, 64)
	if err != nil {
		return 0, fmt.Errorf("the peer answered %q to %q", answer, statement)
	}
	return s, nil
}

func (p *peers) close() {
	p.in.Close()
	p.cmd.Wait()
}
