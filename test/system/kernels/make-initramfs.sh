#!/usr/bin/env bash
# Makes the first root of a virtual machine for the kernel in DIRECTORY: make-initramfs.sh DIRECTORY BUSYBOX; prints its path.
set -euo pipefail
directory=$1 busybox=$2
here=$(cd "$(dirname "$0")" && pwd)
initramfs=$directory/initramfs.cpio
if [ ! -e "$initramfs" ] || [ "$here/init" -nt "$initramfs" ] || [ "$0" -nt "$initramfs" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work"/{bin,dev,proc,sys,host,scratch,root,modules}
	install -m 0755 "$busybox" "$work/bin/busybox"
	install -m 0755 "$here/init" "$work/init"
	version=$(ls "$directory/lib/modules")
	number=10
	# What modprobe does not find is built in; insmod order is modprobe's.
	for module in virtio_pci virtiofs overlay; do
		while read -r _ path; do
			[ -e "$path" ] || continue
			case $path in
			*.xz) xz -dc "$path" >"$work/modules/$number-$(basename "${path%.xz}")" ;;
			*) cp "$path" "$work/modules/$number-$(basename "$path")" ;;
			esac
			number=$((number + 1))
		done < <(modprobe -d "$directory" -S "$version" --show-depends "$module" 2>/dev/null | grep '^insmod' || true)
	done
	(cd "$work" && find . | cpio -o -H newc --quiet) >"$initramfs.new"
	mv "$initramfs.new" "$initramfs"
fi
echo "$initramfs"
