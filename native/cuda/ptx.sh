#!/bin/sh
# Translates every kernel source to PTX: ptx.sh FOLDER writes FOLDER/*.ptx.
# The output depends on the sources and on clang's release alone.
#
# No CUDA SDK: -nocudainc and -nocudalib keep clang from looking for one.
# ISA 7.0 is what the warp shuffles and sm_80 need, and what every driver since
# CUDA 11.0 reads. Loops that are worth unrolling say so themselves.
set -eu
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
for source in *.cu; do
	name=${source%.cu}
	clang-16 -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch=sm_80 --cuda-feature=+ptx70 \
		-std=c++17 -O3 -fno-unroll-loops -Wall -Wextra -Werror -S "$source" -o "$out/$name.ptx.partial"
	mv "$out/$name.ptx.partial" "$out/$name.ptx"
done
