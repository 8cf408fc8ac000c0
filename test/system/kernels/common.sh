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

# kvm_works: whether a guest runs by KVM as it should. /dev/kvm is there on machines, too, on which it takes twenty times as long as
# emulation. The guest is a boot sector that writes to the port of the exit device, which ends QEMU with status 1.
kvm_works() {
	[ -w /dev/kvm ] || return 1
	local disk status=0
	disk=$(mktemp)
	{ printf '\xb0\x00\xe6\xf4\xf4' && head -c 505 /dev/zero && printf '\x55\xaa'; } >"$disk"
	timeout 2 qemu-system-x86_64 -accel kvm -display none -nic none -device isa-debug-exit,iobase=0xf4 \
		-drive "format=raw,file=$disk" >"$disk.log" 2>&1 || status=$?
	rm -f "$disk" "$disk.log"
	[ "$status" -eq 1 ]
}
