#!/usr/bin/env bash
# Makes logs of the corpus again, in virtual machines, and their expected records: make.sh [auditd|printk|apparmor|apparmor-7|selinux|arm64...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
machines=$top/test/system/kernels
. "$machines/common.sh"
names=("$@")
[ ${#names[@]} -gt 0 ] || names=(auditd printk apparmor apparmor-7 selinux arm64)
"$top/scripts/install-packages.sh" kernels
"$top/scripts/install-packages.sh" test
make --no-print-directory -C "$here/programs"
packages=$("$here/packages.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Debian's policy and the corpus's own domain, compiled here, where that takes seconds.
policy() {
	local target=$here/programs/.output/policy.33
	local libraries=$packages/usr/lib/x86_64-linux-gnu:$packages/lib/x86_64-linux-gnu
	[ ! "$target" -nt "$here/guest/demo.cil" ] || return 0
	mkdir -p "$work/policy"
	for each in "$packages"/usr/share/selinux/default/*.pp.bz2; do
		bzcat "$each" | LD_LIBRARY_PATH=$libraries "$packages/usr/libexec/selinux/hll/pp" \
			>"$work/policy/$(basename "$each" .pp.bz2).cil" 2>/dev/null
	done
	LD_LIBRARY_PATH=$libraries "$packages/usr/bin/secilc" -N -m -M true -c 33 -o "$target" -f /dev/null \
		"$work"/policy/*.cil "$here/guest/demo.cil"
}

# A root of busybox and the one program; the first is a package of another architecture.
arm64_root() {
	local root=$work/arm64
	make --no-print-directory -C "$here/programs" .output/act-aarch64 >&2
	mkdir -p "$root"/{opt/corpus,proc,sys,dev,tmp,root,etc}
	private_apt bookworm arm64
	[ -e "$cache/apt-bookworm-arm64/lists/lock" ] || apt-get "${apt[@]}" update >&2
	download_into "$root" busybox-static >&2
	for applet in $(busybox --list); do
		[ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"
	done
	install -m 0755 "$here/programs/.output/act-aarch64" "$root/opt/corpus/act"
	install -m 0755 "$here/guest/arm64.sh" "$root/opt/corpus/"
	echo "$root"
}

# boot KERNEL OPTIONS ROOT COMMAND
boot() {
	BOOT_LIMIT=300 BOOT_OPTIONS="audit=1 $2" "$machines/boot.sh" "$1" "$3" "$4" >"$work/console" || { cat "$work/console" >&2 && exit 1; }
}

for name in "${names[@]}"; do
	command="PACKAGES=$packages exec bash $here/guest/${name%-7}.sh"
	case $name in
	apparmor) boot 6.1 lsm=landlock,lockdown,yama,apparmor,bpf / "$command" ;;
	apparmor-7) boot 7 lsm=landlock,lockdown,yama,apparmor,bpf / "$command" ;;
	selinux)
		policy
		boot 6.1 'lsm=landlock,lockdown,yama,selinux,bpf enforcing=0' / "$command"
		;;
	# Without an LSM that gives contexts, records have no subj=.
	arm64) boot arm64-6.1 lsm=landlock,lockdown,yama "$(arm64_root)" 'exec sh /opt/corpus/arm64.sh' ;;
	*) boot 6.1 '' / "$command" ;;
	esac
	sed '/^-- begin of corpus$/,/^-- end of corpus$/d' "$work/console"
	rm -rf "$work/logs"
	mkdir "$work/logs"
	sed -n '/^-- begin of corpus$/,/^-- end of corpus$/{ /^-- /!p }' "$work/console" | base64 -d | tar -C "$work/logs" -xz --no-same-owner
	# Of the newer kernel what differs is enough.
	[ "$name" != apparmor-7 ] || { mv "$work/logs/apparmor.log" "$work/apparmor-7.log" && rm "$work"/logs/* && mv "$work/apparmor-7.log" "$work/logs/"; }
	install -m 0644 "$work"/logs/*.log "$here/"
done
"$here/oracle.py"
