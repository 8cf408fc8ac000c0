# Sourced by the scripts beside it: the kernels.
# shellcheck shell=bash

. "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/debian.sh"

# NAME SUITE ARCHITECTURE PACKAGE: the newest of each line that Debian has. The arm64 one is the standard flavour, since
# the cloud one has no 9p and its virtiofs needs a root of its own anyway.
kernels='
5.10 bullseye amd64 linux-image-cloud-amd64
6.1 bookworm amd64 linux-image-cloud-amd64
6.12 trixie amd64 linux-image-cloud-amd64
7 trixie-backports amd64 linux-image-cloud-amd64
arm64-6.1 bookworm arm64 linux-image-arm64
'

kernel_names() {
	awk 'NF { print $1 }' <<<"$kernels"
}

# kernel_field NAME COLUMN
kernel_field() {
	awk -v name="$1" -v column="$2" '$1 == name { print $column }' <<<"$kernels"
}
