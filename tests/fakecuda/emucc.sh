#!/bin/sh
# Compiles CUDA kernel sources for the CPU into a library that the stand-in
# driver opens: emucc.sh OUTPUT LIBRARIES SOURCE... [-- FLAG...]
# Accesses that a type's alignment does not allow are told to the driver.
# LIBRARIES is the folder of the stand-in libcuda.so.1. Every kernel NAME gets
# a descriptor rz_emu_kernel_NAME, and rz_emu_access_NAME of access.h.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
case $1 in */*) out=$1 ;; *) out=./$1 ;; esac
libraries=$2
shift 2
sources=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	sources="$sources $1"
	shift
done
[ $# -eq 0 ] || shift
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
n=0
for source in $sources; do
	n=$((n + 1))
	text=$work/$n.ii
	g++ -std=c++17 -x c++ -E -include "$here/emu.h" -include "$here/access.h" -DRZ_EMU -DRZ_EMU_KEEP_GLOBAL "$@" "$source" -o "$text"
	kernels=$(tr '\n' ' ' <"$text" | grep -oE '__rz_global__ +(static +|inline +)*void +(__attribute__ *\(\([^)]*\)\) +)?[A-Za-z_][A-Za-z_0-9]*' | sed 's/.* //' | sort -u)
	{
		sed 's/__rz_global__//' "$text"
		for kernel in $kernels; do
			echo "extern \"C\" __attribute__((visibility(\"default\"))) const rz_emu_kernel rz_emu_kernel_$kernel = rz_emu::describe<&$kernel>::kernel;"
			echo "extern \"C\" __attribute__((visibility(\"default\"))) const char *const rz_emu_access_$kernel = rz_emu::accesses<&$kernel>::value;"
		done
	} >"$work/$n.full.ii"
	mv "$work/$n.full.ii" "$text"
	g++ -std=c++17 -O2 -fPIC -ffp-contract=off -fno-extern-tls-init -fvisibility=hidden -fno-gnu-unique -fsanitize=alignment -w -fpreprocessed "$@" -c "$text" -o "$work/$n.o"
done
g++ -shared -o "$work/all.so" "$work"/*.o "$@" -L"$libraries" -l:libcuda.so.1
mv "$work/all.so" "$out"
