#!/usr/bin/env bash
# Runs cluster tests whose node is a virtual machine with the kernel KERNEL: cgroup v2 alone, and crun. cluster.sh KERNEL FILE... --
# NAME...: those tests of the files whose names hold one of the NAMEs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
kernel=$1
shift
files=() names=
while [ "$1" != -- ]; do files+=("$1") && shift; done
shift
for name in "$@"; do names+="${names:+|}$name"; done

"$top/scripts/install-packages.sh" cluster
make --no-print-directory -C "$top/test/system/programs"
"$top/test/system/cluster/build.sh" >/dev/null
basename "$("$here/fetch-kernel.sh" "$kernel")"/lib/modules/*

# A network, a directory of clusters and process numbers of its own: whatever ends it, nothing is left, and no other cluster is seen.
# What is killed by cgroup must not be another's.
export SYSCRIBE_TEST_MACHINE=$kernel SYSCRIBE_TEST_RUNTIME=crun SYSCRIBE_TEST_IMAGES='busybox|nginx' SYSCRIBE_TEST_PATIENCE=3
export BOOT_MEMORY=4G BOOT_OPTIONS=mitigations=off
cd "$top"
# shellcheck disable=SC2016 # the inner shell's
exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc '
	umount -R -l /sys/fs/cgroup
	mount -t tmpfs tmpfs /var/lib
	# The pins and the networks of pods of another cluster of this machine.
	mount -t bpf bpf /sys/fs/bpf
	mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
	ip link set lo up
	ip tuntap add tap1 mode tap
	ip link set tap1 up
	ip route add 10.97.0.1 dev tap1
	ip route add 10.98.1.0/24 via 10.97.0.1 dev tap1
	exec node_modules/node/bin/node --test --test-isolation=none --test-timeout=600000 --test-reporter=./test/reporter.ts \
		--test-name-pattern="$0" "$@"' "$names" "${files[@]}"
