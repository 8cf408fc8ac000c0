#!/usr/bin/env bash
# Boots the kernel NAME with ROOT as its (read-only, overlaid) root and runs COMMAND there: boot.sh NAME ROOT COMMAND.
# Prints what the guest printed; the exit status is the command's, 125 when the machine did not come up or go down.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
name=$1 root=$2 command=$3
limit=${BOOT_LIMIT:-600} # seconds: a machine that hangs must not hang the tests
memory=${BOOT_MEMORY:-2G}
network=${BOOT_NETWORK:-none}

kernel=$("$here/fetch-kernel.sh" "$name")
work=$(mktemp -d)
virtiofsd=
machine_pid=
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	for pid in $machine_pid $virtiofsd; do kill "$pid" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

if [ "$(kernel_field "$name" 3)" = arm64 ]; then
	machine=(qemu-system-aarch64 -M virt -cpu 'max,pauth-impdef=on')
	busybox=$root/bin/busybox
	console=ttyAMA0
else
	# With several emulating threads, kernels from 6.12 on crash now and then (a store by one is not seen in time as code by
	# another, and cmpxchg16b is not atomic). One thread has neither flaw. 7.x needs cmpxchg16b: without, its
	# kmalloc_nolock() fails and with it every task storage.
	case $name in
	5.* | 6.1) machine=(qemu-system-x86_64 -M q35 -accel 'tcg,thread=multi' -cpu 'max,-cx16') ;;
	*) machine=(qemu-system-x86_64 -M q35 -accel 'tcg,thread=single' -cpu max) ;;
	esac
	if kvm_works; then machine=(qemu-system-x86_64 -M q35 -accel kvm -cpu host); fi
	busybox=/bin/busybox
	console=ttyS0
fi
initramfs=$("$here/make-initramfs.sh" "$kernel" "$busybox")

token=syscribe-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
mkdir -p "$work/job"
echo "$token" >"$work/job/token"
printf '%s\n' "$command" >"$work/job/script"
{ cat "$initramfs" && (cd "$work" && find job | cpio -o -H newc --quiet); } >"$work/initramfs"

/usr/lib/qemu/virtiofsd --socket-path="$work/socket" -o source="$root" -o cache=always -o sandbox=chroot >"$work/virtiofsd.log" 2>&1 &
virtiofsd=$!
while [ ! -S "$work/socket" ]; do
	kill -0 "$virtiofsd" 2>/dev/null || { cat "$work/virtiofsd.log" >&2 && exit 125; }
done

# In the background, so that a signal ends this script, and with it the machine, at once.
timeout "$limit" "${machine[@]}" -m "$memory" -smp 2 -nic "$network" -display none -serial stdio -monitor none -no-reboot \
	-object memory-backend-memfd,id=memory,size="$memory",share=on -numa node,memdev=memory \
	-chardev socket,id=fs,path="$work/socket" -device vhost-user-fs-pci,chardev=fs,tag=host \
	-kernel "$kernel/vmlinuz" -initrd "$work/initramfs" \
	-append "console=$console quiet loglevel=1 panic=-1 ${BOOT_OPTIONS:-}" </dev/null >"$work/console" 2>"$work/qemu.log" &
machine_pid=$!
wait "$machine_pid" || true
machine_pid=
# What follows the token is the kernel's good-bye; what stands before it, an unfinished line of the command.
sed -e 's/\r//g' -e "/^$token/Q" -e "/$token/ { s/$token.*//; q }" "$work/console"
status=$(sed -n "s/\r//g; s/.*$token ended: //p" "$work/console")
if [ -z "$status" ]; then
	{
		echo "$name: the machine did not finish:"
		grep -a "$token" "$work/console" || true
		tail -n 5 "$work/console" "$work/qemu.log" "$work/virtiofsd.log"
	} >&2
	exit 125
fi
exit "$status"
