#!/bin/sh
# Unpacks a newer glibc of Debian to bench/.glibc, for a Tailcall binary that needs it. Does not change the packages or the
# package lists of the system.
set -e
suite=${1:-trixie}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/archives/partial"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] http://deb.debian.org/debian $suite main" > "$work/sources.list"
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" \
    -o Dir::Cache="$work" -o APT::Sandbox::User=root "$@"
}
apt update
cd "$work"
apt download libc6 libgcc-s1
rm -rf "$here/.glibc"
for package in ./*.deb; do dpkg -x "$package" "$here/.glibc"; done
