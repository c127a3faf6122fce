#!/bin/sh
# Runs bin/ritz on the real user-space part of NVIDIA's driver, of two releases
# and without a GPU, and on a stub for linking, and compares what it says. The
# driver comes from Debian's packages; nothing is installed.
set -eu
cd "$(dirname "$0")/../../.."
ritz=$PWD/bin/ritz
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ritz/nvidia
lib=usr/lib/$(gcc -print-multiarch)/nvidia/current
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# With root's rights the driver makes /dev/nvidiactl, and programs then take
# this for a machine with a GPU.
if [ "$(id -u)" -eq 0 ]; then
	ritz="setpriv --bounding-set=-mknod $ritz"
fi
[ ! -e /dev/nvidiactl ] || { echo "this machine has a driver; the check is for machines without" >&2; exit 1; }
sh tests/gpu/sdk/packages.sh bookworm "$cache/11.8" '*' libcuda1 libnvidia-ml1
sh tests/gpu/sdk/packages.sh trixie "$cache/12.4" '*' libcuda1 libnvidia-ml1

# A stub refuses every call; that of the CUDA SDK does the same.
mkdir "$work/stub"
echo '#include "cusolver/abi.h"
#define STUB(library, need, result, name, arguments) result name arguments { return 34; }
RZ_CUDA_FUNCTIONS(STUB)' | gcc -shared -fPIC -w -I. -o "$work/stub/libcuda.so.1" -x c -

no_device='cuInit: CUDA error 100 (CUDA_ERROR_NO_DEVICE): the driver is there but no GPU is; a container or job needs one assigned to it, and CUDA_VISIBLE_DEVICES must show one'
no_module='the NVIDIA driver is installed but not loaded (NVML error 9)'
no_nvml='libnvidia-ml.so.1 not found (a container gets it with the capability "utility")'
stub='cuInit: CUDA error 34 (CUDA_ERROR_STUB_LIBRARY): the libcuda.so.1 that was found is a stub for linking, not the driver; install the NVIDIA driver, and keep folders named stubs out of LD_LIBRARY_PATH'

failed=0
# same WHAT GOT WANTED
same() {
	[ "$2" != "$3" ] || return 0
	printf '%s:\n got    %s\n wanted %s\n' "$1" "$2" "$3" >&2
	failed=$((failed + 1))
}

# check FOLDER DEVICES SVD: what ritz devices says of cuda, and ritz svd.
echo 1 >"$work/a.csv"
check() {
	export RITZ_CUDA_LIBDIR="$1"
	got=$($ritz devices --json | sed -n '/"name": "cuda"/,/"reason"/s/^ *"reason": "\(.*\)",*$/\1/p' | sed 's/\\"/"/g')
	same "ritz devices with $1" "$got" "$2"
	code=0
	got=$($ritz svd --backend cuda "$work/a.csv" 2>&1) || code=$?
	same "ritz svd with $1" "$got, exit code $code" "ritz: device cuda: $3, exit code 3"
}

# In the system's folders there may be neither a driver nor NVML.
missing=$($ritz devices --json | grep -c 'libcuda.so.1: cannot open shared object file' || true)
[ "$missing" -eq 1 ] || { echo "this machine has a libcuda.so.1 already" >&2; exit 1; }

for cuda in 11.8 12.4; do
	check "$cache/$cuda/$lib" "cuda: $no_device; $no_module" "$no_device"
done
mkdir "$work/alone" # CUDA without NVML, as in a container without "utility"
ln -s "$cache/12.4/$lib/libcuda.so.1" "$work/alone/"
check "$work/alone" "cuda: $no_device; $no_nvml" "$no_device"

others='libcuda.so.1: cannot open shared object file: No such file or directory'
check "$work/stub" "cuda: no NVIDIA driver here: $work/stub/libcuda.so.1: $stub; $others; $no_nvml" \
	"no NVIDIA driver here: $work/stub/libcuda.so.1: $stub; $others"
# A stub is passed over for the driver behind it.
check "$work/stub:$cache/12.4/$lib" "cuda: $no_device; $no_module" "$no_device"

unset RITZ_CUDA_LIBDIR
$ritz svd "$work/a.csv" >/dev/null || { echo "ritz does not work without a GPU" >&2; failed=$((failed + 1)); }
echo "11 messages compared, $failed wrong"
[ $failed -eq 0 ]
