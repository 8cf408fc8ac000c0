#!/usr/bin/env bash
# Downloads and unpacks the kernel NAME, once; prints the directory that holds `vmlinuz` and `lib/modules`.
set -euo pipefail
. "$(dirname "$0")/common.sh"
name=$1
target=$cache/$name
[ -n "$(kernel_field "$name" 2)" ] || { echo "$name is none of: $(kernel_names | xargs)" >&2 && exit 2; }
if [ ! -e "$target/vmlinuz" ]; then
	private_apt "$(kernel_field "$name" 2)" "$(kernel_field "$name" 3)"
	apt-get "${apt[@]}" update >&2
	image=$(apt-cache "${apt[@]}" depends "$(kernel_field "$name" 4)" | awk '/Depends: linux-image/ { print $2; exit }')
	# From 7.x on linux-image-X is empty; linux-binary-X and linux-modules-X hold it.
	mapfile -t parts < <(apt-cache "${apt[@]}" depends "$image" | awk '/Depends: linux-(binary|modules)-/ { print $2 }')
	rm -rf "$target.new"
	mkdir -p "$target.new"
	download_into "$target.new" "$image" "${parts[@]}"
	[ -d "$target.new/usr/lib/modules" ] && mkdir -p "$target.new/lib" && mv "$target.new/usr/lib/modules" "$target.new/lib/"
	mv "$(find "$target.new" -name 'vmlinuz*' -type f | head -n 1)" "$target.new/vmlinuz"
	depmod -b "$target.new" "$(ls "$target.new/lib/modules")"
	rm -rf "$target"
	mv "$target.new" "$target"
fi
echo "$target"
