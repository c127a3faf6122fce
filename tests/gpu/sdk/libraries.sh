#!/bin/sh
# Loads the real cuBLAS, cuBLASLt and cuSOLVER of CUDA 11.8 and 12.4 by the code
# that package cusolver has for it, and compares their versions with those that
# search.go tells sets apart by. Each library lies in a folder of its own, as in
# Python's packages. They come from Debian's packages (680 MB to fetch); nothing
# is installed, and no GPU is needed.
set -eu
cd "$(dirname "$0")/../../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ritz/nvidia
lib=usr/lib/$(gcc -print-multiarch)
sh tests/gpu/sdk/packages.sh bookworm "$cache/11.8" '*' libcublas11 libcublaslt11 libcusolver11
sh tests/gpu/sdk/packages.sh trixie "$cache/12.4" '*' libcublas12 libcublaslt12 libcusolver11 libcusparse12 libnvjitlink12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -O1 -Wall -Werror -o "$work/bind" tests/gpu/sdk/bind.c cusolver/load.c -ldl

# check CUDA WANTED FILE…
check() {
	cuda=$1
	wanted=$2
	shift 2
	paths=
	for file; do
		mkdir -p "$work/$cuda/$file"
		ln -s "$cache/$cuda/$lib/$file" "$work/$cuda/$file/$file"
		paths="$paths $work/$cuda/$file/$file"
	done
	got=$("$work/bind" $paths)
	echo "CUDA $cuda: $got"
	[ "$got" = "$wanted" ] || { echo "wanted $wanted" >&2; exit 1; }
}
check 11.8 'cuBLAS 11.11.3, cuBLASLt 111103, cuSOLVER 11401' libcublasLt.so.11 libcublas.so.11 libcusolver.so.11
check 12.4 'cuBLAS 12.4.5, cuBLASLt 120405, cuSOLVER 11601' \
	libnvJitLink.so.12 libcublasLt.so.12 libcublas.so.12 libcusparse.so.12 libcusolver.so.11
