#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages that steps need and this machine lacks:
# install-packages.sh npm|build|demo|test|kernels|cluster|image|push...
set -euo pipefail

build=(clang bpftool gcc make binutils libbpf-dev libelf-dev zlib1g-dev libseccomp-dev libuv1-dev linux-libc-dev)
demo=(nginx-light curl)
tests=(strace runc crun containerd busybox-static redis-server redis-tools sqlite3 postgresql git python3 tar gzip curl nginx-light
	clang-format seccomp libcap2-bin sudo util-linux iproute2 procps auditd)

kernels=(qemu-system-x86 qemu-system-arm qemu-system-common busybox-static kmod cpio xz-utils strace gcc-aarch64-linux-gnu
	libc6-dev-arm64-cross)

image=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils)
push=(skopeo)

cluster=(containernetworking-plugins containerd runc openssl iproute2 busybox-static nginx-light redis-server)

wanted=()
for step in "${@:-}"; do
	case $step in
	# Any npm will do: it brings the Node that is used (the development dependency `node`).
	npm) command -v npm >/dev/null || wanted+=(nodejs npm) ;;
	build) wanted+=("${build[@]}") ;;
	demo) wanted+=("${demo[@]}") ;;
	kernels) wanted+=("${kernels[@]}") ;;
	cluster) wanted+=("${cluster[@]}") ;;
	image) wanted+=("${image[@]}") ;;
	push) wanted+=("${push[@]}") ;;
	test) wanted+=("${build[@]}" "${tests[@]}" "${cluster[@]}" "${image[@]}" "${push[@]}" docker-registry) ;;
	*) echo "usage: ${0##*/} npm|build|demo|test|kernels|cluster|image|push..." >&2 && exit 2 ;;
	esac
done

# Ubuntu has bpftool in linux-tools-common.
if ! apt-cache show bpftool >/dev/null 2>&1 && [ -e /usr/sbin/bpftool ]; then
	wanted=("${wanted[@]/bpftool/}")
fi

missing=()
for package in "${wanted[@]}"; do
	[ -n "$package" ] || continue
	dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q '^install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "  INSTALL  ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "needed: ${missing[*]}; run as root or install them" >&2 && exit 1; }
	as_root=(sudo)
fi
# Servers from these packages must not be started: tests start their own.
policy=$(mktemp)
printf '#!/bin/sh\nexit 101\n' >"$policy"
if [ ! -e /usr/sbin/policy-rc.d ]; then
	"${as_root[@]}" install -m 0755 "$policy" /usr/sbin/policy-rc.d
	trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d "$policy"' EXIT
fi
# A new machine may still be at its own updates.
"${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
