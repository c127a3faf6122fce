#!/bin/sh
# Unpacks packages of Debian's non-free section into a folder, without
# installing anything: packages.sh SUITE FOLDER PATTERN PACKAGE…
# unpacks the files that match PATTERN ('*' is all) into FOLDER. What a folder
# has is not fetched again. apt works in a folder of its own: the system's
# package lists and sources stay as they are.
#
# bookworm has CUDA 11.8 and trixie CUDA 12.4. They come from this machine's
# own mirror, or the one that MIRROR names.
set -eu
suite=$1
folder=$2
pattern=$3
shift 3
mirror=${MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep '/debian/*$' | head -n 1)}
[ -n "$mirror" ] || { echo "packages.sh: name a Debian mirror in MIRROR" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
missing=
for package; do
	[ -e "$folder/.$package" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
for tool in apt-get dpkg-deb; do
	command -v $tool >/dev/null || { echo "packages.sh needs $tool (Debian, Ubuntu)" >&2; exit 1; }
done
[ -e $keyring ] || { echo "packages.sh needs the package debian-archive-keyring" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs" "$folder"
echo "deb [signed-by=$keyring] $mirror $suite main contrib non-free" >"$work/sources"
: >"$work/status"
apt() {
	apt-get -qq -o Dir::Etc::SourceList="$work/sources" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache="$work/cache" \
		-o Acquire::Languages=none -o APT::Sandbox::User="$(id -un)" "$@"
}
apt update
for package in $missing; do
	(cd "$work/debs" && apt download "$package")
	dpkg-deb --fsys-tarfile "$work"/debs/*.deb | tar x -C "$folder" --wildcards "$pattern"
	rm "$work"/debs/*.deb
	: >"$folder/.$package"
done
