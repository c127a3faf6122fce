#!/bin/sh
# Runs every fuzz target for the given time each (default 60s).
set -eu
for package in $(go list -f '{{if .TestGoFiles}}{{.ImportPath}}{{end}}' ./goapi/... ./cmd/...); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${1:-60s}" "$package"
	done
done
