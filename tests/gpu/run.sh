#!/bin/sh
# Tests and measures Ritz on this machine's GPU with the prebuilt programs next
# to this script, and writes one JSON file:
#   sh run.sh [-o results.json] [-seconds 600] [-steps tests,timings,peers] [-runs 5] [-limit 8m]
# With -seconds it ends in that time: first conformance, then the accuracy of the
# algorithms, then timings in the order of their importance, and the file says what
# there was no time for.
# It needs glibc 2.34 or later, the NVIDIA driver and the CUDA libraries; a
# Python with torch or CuPy is measured too. RITZ_CUDA_LIBDIR names folders of
# CUDA libraries that are not found otherwise.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/bin/results" "$@"
