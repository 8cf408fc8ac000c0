#!/usr/bin/env bash
# Downloads and unpacks, once, the Debian packages that make the logs; prints the directory. Nothing is installed: the
# guests lay them over their scratch root, and the oracle loads its library from there.
set -euo pipefail
. "$(dirname "$0")/../system/kernels/common.sh"
packages=(auditd libauparse0 libaudit1 libcap-ng0 libwrap0 python3-audit audispd-plugins rsyslog libestr0 libfastjson4
	liblognorm5 apparmor selinux-policy-default selinux-utils libselinux1 policycoreutils secilc libsepol2 libsemanage2
	semodule-utils)
target=$(dirname "$cache")/corpus
stamp=$(printf '%s\n' "${packages[@]}" | cksum | cut -d ' ' -f 1)
if [ ! -e "$target/$stamp" ]; then
	private_apt bookworm amd64
	apt-get "${apt[@]}" update >&2
	rm -rf "$target.new"
	mkdir -p "$target.new/root"
	download_into "$target.new/root" "${packages[@]}" >&2
	touch "$target.new/$stamp"
	rm -rf "$target"
	mv "$target.new" "$target"
fi
echo "$target/root"
