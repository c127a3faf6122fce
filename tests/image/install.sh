#!/bin/sh
# Installs what Ritz needs from the system, if it is missing.
#   install.sh build     C and C++ compilers and OpenBLAS with headers
#   install.sh peers     NumPy, SciPy and POT, for comparisons
#   install.sh ptx       clang-16, which translates the GPU kernels
# The Makefile calls this script.
set -eu

links() {
	command -v "${CC:-gcc}" >/dev/null && command -v g++ >/dev/null &&
		echo 'int openblas_get_num_threads(void); int main(void) { return !openblas_get_num_threads(); }' |
		"${CC:-gcc}" -include cblas.h -x c - -lopenblas -o /dev/null 2>/dev/null
}

install() {
	if ! command -v apt-get >/dev/null; then
		if [ "$1" = clang-16 ]; then
			echo "clang-16 is missing. Install it: another release writes other PTX." >&2
			exit 1
		fi
		echo "OpenBLAS is missing. Install it with its headers (Fedora: dnf install openblas-devel;" >&2
		echo "Arch: pacman -S openblas; macOS: brew install openblas), or build with CGO_ENABLED=0." >&2
		exit 1
	fi
	sudo=
	if [ "$(id -u)" -ne 0 ]; then
		sudo=sudo
	fi
	echo "installing $*"
	$sudo apt-get update -qq
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

case "${1:-}" in
build)
	links && exit 0
	if command -v "${CC:-gcc}" >/dev/null; then
		install g++ libopenblas-dev # g++: the emulated GPU of the tests
	else
		install gcc g++ libc6-dev libopenblas-dev
	fi
	links || { echo "OpenBLAS was installed but does not link" >&2; exit 1; }
	;;
peers)
	for python in python3 /usr/bin/python3; do
		$python -c 'import numpy, scipy, ot' 2>/dev/null && exit 0
	done
	install python3-numpy python3-scipy python3-pot
	;;
ptx)
	command -v clang-16 >/dev/null || install clang-16
	;;
*)
	echo "usage: install.sh build|peers|ptx" >&2
	exit 2
	;;
esac
