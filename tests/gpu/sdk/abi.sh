#!/bin/sh
# Checks cusolver/abi.h and the error codes of cusolver/status.go against the
# headers of CUDA 11.8 and 12.4. These come from Debian's packages (1.7 GB to
# fetch, of which 30 MB are kept); nothing is installed.
set -eu
cd "$(dirname "$0")/../../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ritz/nvidia
sh tests/gpu/sdk/packages.sh bookworm "$cache/11.8" './usr/include/*' nvidia-cuda-dev
sh tests/gpu/sdk/packages.sh trixie "$cache/12.4" './usr/include/*' nvidia-cuda-dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The headers of half precision need what the package lacks; only names of
# their types are needed here.
echo "struct __half;" >"$work/cuda_fp16.h"
echo "struct __nv_bfloat16;" >"$work/cuda_bf16.h"

sed -n 's/^\t\([0-9]*\): *{\?"\(\(CUDA_ERROR\|CUBLAS\|CUSOLVER\|NVRTC\)_[A-Z0-9_]*\)".*/CODE(\1, \2)/p' cusolver/status.go >"$work/all-codes"
[ "$(wc -l <"$work/all-codes")" -gt 60 ] || { echo "the error codes of status.go were not found" >&2; exit 1; }

# Every constant of NVIDIA's must be compared.
for name in $(sed -n '/^\/\* CUdevice_attribute/,$p' cusolver/abi.h | grep -o 'RZ_[A-Z0-9_]* = ' | sed 's/ = //'); do
	grep -q "^EQUAL($name," tests/gpu/sdk/abi.cc || { echo "abi.cc does not check $name" >&2; exit 1; }
done

echo '#include "cusolver/abi.h"
#define NAME(library, need, result, name, arguments) @need name@
RZ_FUNCTIONS(NAME)' | gcc -E -P -I. -x c - | grep -o '@ *[A-Z]* [A-Za-z0-9_]* *@' | tr -d @ >"$work/names"
total=$(wc -l <"$work/names")

for cuda in 11.8 12.4; do
	compile() { g++ -std=c++17 -w -I"$work" -isystem "$cache/$cuda/usr/include" "$@"; }
	printf '#include <%s>\n' cuda.h cublas_v2.h cublasLt.h cusolverDn.h nvrtc.h | compile -E -P -x c++ - |
		tr -cs 'A-Za-z0-9_' '\n' | sort -u >"$work/words"
	: >"$work/present.h"
	found=0
	while read -r need name; do
		has=0
		if grep -qx "$name" "$work/words"; then has=1; fi
		if [ $has = 0 ] && { [ "$need" = REQ ] || [ $cuda = 12.4 ]; }; then
			echo "CUDA $cuda has no $name" >&2
			exit 1
		fi
		found=$((found + has))
		echo "#define RZ_HAS_$name $has" >>"$work/present.h"
	done <"$work/names"
	# A newer release may have codes that an older one has not.
	while read -r line; do
		name=$(echo "$line" | sed 's/.* \(.*\))/\1/')
		if grep -qx "$name" "$work/words"; then
			echo "$line"
		else
			echo "CUDA $cuda does not know $name" >&2
		fi
	done <"$work/all-codes" >"$work/codes.h"
	compile -fsyntax-only tests/gpu/sdk/abi.cc
	echo "CUDA $cuda: $found of $total functions, $(wc -l <"$work/codes.h") error codes agree with the headers"
done
