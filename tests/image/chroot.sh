#!/bin/sh
# Runs the steps of the Dockerfile in a fresh Debian in a folder, for machines
# without a Docker engine. Needs root, debootstrap and the Go toolchain that
# this machine has, which stands in for the golang image.
set -eu
suite=${SUITE:-bookworm}
here=$(cd "$(dirname "$0")/../.." && pwd)
root=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root"' EXIT

command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap >/dev/null; }

# fresh makes a Debian with this machine's package sources.
fresh() {
	umount "$root/proc" 2>/dev/null || true
	rm -rf "$root"
	mkdir -p "$root"
	debootstrap --variant=minbase "--include=$1" "$suite" "$root" >/dev/null
	rm -f "$root/etc/apt/sources.list"
	cp -r /etc/apt/. "$root/etc/apt/"
	cp /etc/resolv.conf "$root/etc/" 2>/dev/null || true
	mount -t proc proc "$root/proc"
}

# inside runs a command in the folder, with the proxy settings of this machine.
inside() {
	chroot "$root" env "PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin" HOME=/root "$@"
}

echo "== build stage"
fresh gcc,libc6-dev,make,git,ca-certificates
cp -r /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null || true
mkdir -p "$root/usr/local/go" "$root/src" "$root/root/go/pkg"
cp -r "$(go env GOROOT)/." "$root/usr/local/go/"
cp -r "$(go env GOMODCACHE)" "$root/root/go/pkg/mod"
(cd "$here" && git ls-files -z --cached --others --exclude-standard | xargs -0 tar cf - --ignore-failed-read) | tar xf - -C "$root/src"
inside sh -c 'cd /src && GOFLAGS=-buildvcs=false CGO_LDFLAGS="-Wl,--disable-new-dtags,-rpath,\$ORIGIN/../lib/ritz" make build'
inside sh -c 'cd /src && sh tests/image/libraries.sh bin/ritz /image/lib && mkdir -p /image/home/ritz'
image=$(mktemp -d)
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf "$root" "$image"' EXIT
cp "$root/src/bin/ritz" "$image/ritz"
cp -r "$root/image/." "$image/"

echo "== final stage"
fresh ca-certificates
# Nothing may depend on a package manager or on tools for users.
chroot "$root" sh -c 'rm -f /usr/bin/apt* /usr/bin/dpkg* /usr/sbin/user* /usr/sbin/adduser'
mkdir -p "$root/usr/local/lib/ritz"
cp "$image/ritz" "$root/usr/local/bin/ritz"
cp -r "$image/lib/." "$root/usr/local/lib/ritz/"
cp -r "$image/home/." "$root/home/"
chown -R 10001:10001 "$root/home/ritz"
cp "$here"/tests/data/mnist-t10k-images-idx3-ubyte.gz "$root/home/ritz/images.gz"
chmod a+r "$root/home/ritz/images.gz"
run() { chroot --userspec=10001:10001 "$root" env -i PATH=/usr/bin:/bin HOME=/home/ritz sh -c "cd && /usr/local/bin/ritz $*"; }
run devices
run devices | grep -q '^\* cpu' || { echo "the image does not use OpenBLAS" >&2; exit 1; }
run svd images.gz --rank 5
echo "1 passed, 0 failed"
