#!/bin/sh
# Runs every fuzz target for the given time each (default 60s).
set -eu
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for package in $(go list -f '{{if .TestGoFiles}}{{.ImportPath}}{{end}}' ./goapi/... ./cmd/...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		# To make an interesting input smaller takes a minute by default, all
		# the time there is. Before Go 1.27 the end of the time may itself
		# count as a failure (go.dev/issue/75804).
		if ! go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" -fuzzminimizetime 1s "$package" >"$log" 2>&1 &&
			{ grep -q 'Failing input' "$log" || ! grep -q 'context deadline exceeded' "$log"; }; then
			cat "$log"
			exit 1
		fi
		grep '^fuzz:' "$log" | tail -n 1
	done
done
