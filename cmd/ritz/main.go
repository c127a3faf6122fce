// Command ritz computes singular values, polar factors, spectra, Hessian
// spectra and optimal transport on files of numbers, one at a time or as a
// batch job with a report. `ritz help` lists the commands.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "ritz: "+err.Error())
	}
	os.Exit(exitCode(err))
}
