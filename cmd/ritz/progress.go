package main

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progress returns a bar on standard error, which shows nothing unless that is
// a terminal.
func progress(c *common, total int, what string) *progressbar.ProgressBar {
	out := io.Writer(os.Stderr)
	if c.json || !term.IsTerminal(int(os.Stderr.Fd())) {
		out = io.Discard
	}
	return progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(what),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionShowCount())
}
