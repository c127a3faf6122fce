#!/bin/sh
# Compiles every kernel module of native/cuda with NVIDIA's own compilers, NVRTC
# of CUDA 11.8 and 12.4 and ptxas for the embedded PTX, for the GPUs that Ritz
# meets most, and prints what each kernel takes. No GPU is needed; the compilers
# come from Debian's packages. It fails if a kernel spills registers, or takes
# more than 128 of them (half the threads of a multiprocessor's), unless
# kernels.allowed lists it.
set -eu
cd "$(dirname "$0")/../../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ritz/nvidia
lib=usr/lib/$(gcc -print-multiarch)
here=tests/gpu/sdk
sh $here/packages.sh bookworm "$cache/11.8" '*' libnvrtc11.2 libnvrtc-builtins11.8 nvidia-cuda-toolkit
sh $here/packages.sh trixie "$cache/12.4" '*' libnvrtc12 libnvrtc-builtins12.4
PATH=$cache/11.8/usr/bin:$PATH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
gcc -O1 -Wall -Werror -o "$work/nvrtc" $here/nvrtc.c cusolver/nvrtc.c cusolver/load.c -ldl
: >"$work/usage"

# usage FORM ARCH CUBIN appends a line "kernel form arch registers stack shared"
# for each kernel. What is spilled lies on the stack.
usage() {
	cuobjdump -res-usage "$3" 2>&1 | awk -v form="$1" -v arch="$2" '
		/Function / { name = $2; sub(":", "", name) }
		/REG:/ {
			for (i = 1; i <= NF; i++) { split($i, kv, ":"); v[kv[1]] = kv[2] }
			print name, form, arch, v["REG"], v["STACK"] + v["LOCAL"], v["SHARED"]
		}' >>"$work/usage"
}

for source in native/cuda/*.cu; do
	module=$(basename "$source" .cu)
	for cuda in 11.8 12.4; do
		for arch in sm_80 sm_90 sm_90a; do
			[ "$cuda $arch" != "11.8 sm_90a" ] || continue # unknown to 11.8, never asked for
			nvrtc=$cache/$cuda/$lib/libnvrtc.so.12
			[ $cuda = 12.4 ] || nvrtc=$cache/$cuda/$lib/libnvrtc.so.11.2
			"$work/nvrtc" "$nvrtc" $arch "$source" native/cuda/rt.h "$work/cubin"
			usage NVRTC-$cuda $arch "$work/cubin"
		done
	done
	for arch in sm_80 sm_90; do
		ptxas -arch=$arch -o "$work/cubin" "native/cuda/$module.ptx"
		usage PTX $arch "$work/cubin"
	done
done

# Nothing may be lost between the compiler and the table.
names=$(grep -ho '^\.visible \.entry [a-z0-9_]*\|^\.entry [a-z0-9_]*' native/cuda/*.ptx | sed 's/.* //' | sort)
for name in $names; do
	n=$(grep -c "^$name " "$work/usage" || true)
	[ "$n" -eq 7 ] || { echo "$name was compiled $n times, not 7" >&2; exit 1; }
done
[ "$(cut -d' ' -f1 "$work/usage" | sort -u)" = "$names" ] || { echo "the sources and the PTX have different kernels" >&2; exit 1; }

awk '
	{ r = $4; s = $5; if (r > reg[$1]) { reg[$1] = r; at[$1] = $2 " " $3 } if (s > stack[$1]) stack[$1] = s; if ($6 > shared[$1]) shared[$1] = $6 }
	END { for (k in reg) printf "%-32s %9d %9d %9d   %s\n", k, reg[k], stack[k], shared[k], at[k] }' "$work/usage" | sort >"$work/table"
printf '%-32s %9s %9s %9s   %s\n' kernel registers stack shared 'most registers in'
cat "$work/table"
awk -v allowed=$here/kernels.allowed '
	BEGIN { while ((getline line < allowed) > 0) if (line !~ /^#/) { split(line, f, " "); ok[f[1]] = 1 } }
	($4 > 128 || $5 > 0) && !($1 in ok) { print $1 " (" $2 ", " $3 "): " $4 " registers, " $5 " bytes of stack"; bad = 1 }
	($4 > 128 || $5 > 0) && ($1 in ok) { used[$1] = 1 }
	END { for (k in ok) if (!(k in used)) { print k " needs no exception any more"; bad = 1 } exit bad }' "$work/usage" >&2
echo "$(wc -l <"$work/table") kernels, each compiled 7 times"
