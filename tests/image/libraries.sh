#!/bin/sh
# Copies the shared libraries that a program needs, beyond what every system with
# glibc has, into a folder: libraries.sh PROGRAM FOLDER. For Ritz these are
# OpenBLAS and the Fortran runtime.
set -eu
mkdir -p "$2"
ldd "$1" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | while read -r name path; do
	case $name in
	libc.so.* | libm.so.* | libdl.so.* | libpthread.so.* | librt.so.* | libresolv.so.* | libgcc_s.so.*) ;;
	*) cp -L "$path" "$2/$name" ;;
	esac
done
ls "$2" | grep -q . || echo "$1 needs no library" >&2
