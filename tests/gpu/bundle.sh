#!/bin/sh
# Packs what a machine with a GPU but without Go needs into FOLDER/gpu-bundle.tar.gz:
# bundle.sh FOLDER. Unpack it there and run gpu-bundle/run.sh.
set -eu
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
go=${GO:-go}
export CGO_CFLAGS="${CGO_CFLAGS:--O2 -g -Wno-deprecated-declarations}"
bundle=$out/gpu-bundle
rm -rf "$bundle"
mkdir -p "$bundle/bin" "$bundle/lib" "$bundle/tests"
cp bin/ritz "$bundle/bin/"
CGO_ENABLED=0 $go build -trimpath -ldflags '-s -w' -o "$bundle/bin/results" ./tests/gpu/results
for package in goapi/svd goapi/polar goapi/spectrum goapi/optim goapi/nn goapi/hessian goapi/sinkhorn tests/gpu; do
	name=$(basename "$package")
	mkdir "$bundle/tests/$name"
	$go test -c -trimpath -ldflags '-s -w' -o "$bundle/tests/$name/$name.test" "./$package"
	[ ! -d "$package/testdata" ] || cp -r "$package/testdata" "$bundle/tests/$name/"
done
sh tests/image/libraries.sh bin/ritz "$bundle/lib"
cp tests/gpu/run.sh tests/gpu/compare.py "$bundle/"
tar czf "$out/gpu-bundle.tar.gz" -C "$out" gpu-bundle
du -h "$out/gpu-bundle.tar.gz"
