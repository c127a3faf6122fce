#!/bin/sh
# Fails if the PTX files next to this script are not those of the sources.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh "$here/ptx.sh" "$work"
status=0
for file in "$work"/*.ptx "$here"/*.ptx; do
	name=$(basename "$file")
	cmp "$here/$name" "$work/$name" || status=1
done
[ $status -eq 0 ] || echo "run make ptx and commit the result" >&2
exit $status
