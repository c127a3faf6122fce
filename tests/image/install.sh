#!/bin/sh
# Installs what Ritz needs from the system, if it is missing.
#   install.sh build     a C compiler and OpenBLAS with headers
#   install.sh runtime   the OpenBLAS library alone
#   install.sh peers     NumPy, SciPy and POT, for comparisons
# The Makefile, the Dockerfile and the image test call this script.
set -eu

links() {
	command -v "${CC:-gcc}" >/dev/null &&
		echo 'int openblas_get_num_threads(void); int main(void) { return !openblas_get_num_threads(); }' |
		"${CC:-gcc}" -include cblas.h -x c - -lopenblas -o /dev/null 2>/dev/null
}

install() {
	if ! command -v apt-get >/dev/null; then
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
		install libopenblas-dev
	else
		install gcc libc6-dev libopenblas-dev
	fi
	links || { echo "OpenBLAS was installed but does not link" >&2; exit 1; }
	;;
runtime)
	ldconfig -p | grep -q libopenblas.so.0 || install libopenblas0-pthread
	;;
peers)
	for python in python3 /usr/bin/python3; do
		$python -c 'import numpy, scipy, ot' 2>/dev/null && exit 0
	done
	install python3-numpy python3-scipy python3-pot
	;;
*)
	echo "usage: install.sh build|runtime|peers" >&2
	exit 2
	;;
esac
