#!/usr/bin/env bash
# Unpacks the arm64 libraries that the addon is linked with, once; prints the directory, for `make -C native SYSROOT=…`.
set -euo pipefail
. "$(dirname "$0")/../debian.sh"
target=$cache/arm64-dev
if [ ! -d "$target" ]; then
	private_apt bookworm arm64
	apt-get "${apt[@]}" update >&2
	rm -rf "$target.new"
	mkdir -p "$target.new"
	download_into "$target.new" libbpf-dev libelf-dev zlib1g-dev libseccomp-dev libuv1-dev
	mv "$target.new" "$target"
fi
echo "$target"
