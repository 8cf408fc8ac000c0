#!/usr/bin/env bash
# Records, compares with strace and enforces a few programs on other kernels, each in a virtual machine of its own, and runs a
# Kubernetes node with cgroup v2 alone in one more (cluster-v2); the others two at a time. run.sh [--write-docs | --changed |
# NAME...]. --changed: the oldest, which is refused, and the newest; all of them where the recorder is another than the one
# they passed with. Ends with `N passed, N failed`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
export PATH=$top/node_modules/.bin:$PATH
. "$here/common.sh"

docs=
if [ "${1:-}" = --write-docs ]; then
	docs=$top/docs/kernels.md
	shift
	[ $# -eq 0 ] || { echo "--write-docs is for all kernels" >&2 && exit 2; }
fi
# What the recorder is made of, as one number; where all kernels passed with it is kept.
recorder=$(cd "$top" && find bpf native src/capture src/recording test/system/kernels -type f -not -path '*/.output/*' | LC_ALL=C sort |
	xargs sha256sum | sha256sum | cut -d' ' -f1)
passed_with=$cache/passed
if [ "${1:-}" = --changed ]; then
	if [ -e "$passed_with" ] && [ "$(cat "$passed_with")" != "$recorder" ]; then
		mapfile -t names < <(kernel_names)
	else
		names=(5.10 7)
	fi
else
	names=("$@")
	[ ${#names[@]} -gt 0 ] || mapfile -t names < <(kernel_names && echo cluster-v2)
fi

# Few: emulated, they take fifty times as long.
x86_64=('a shell pipeline' 'vfork, posix_spawn and clone3' 'a static i386 program')
aarch64=('a shell pipeline' 'a thread that executes a program')
path="export PATH=$top/node_modules/node/bin:\$PATH; cd $top; uname -r"

# bundle MACHINE ROOT: guest.ts, and syscribe as its image has it, each in few files; what they find beside their code is below ROOT.
bundle() {
	local out=$top/.output/kernels/$1 platform=x64
	[ "$1" = x86_64 ] || platform=arm64
	node "$top/scripts/bundle.mjs" "$out" "$platform"
	printf '#!/bin/sh\nexec node %s "$@"\n' "$2/.output/kernels/$1/dist/bundle/bin.mjs" >"$out/syscribe"
	chmod +x "$out/syscribe"
	esbuild --log-level=warning --bundle --platform=node --format=esm "--define:import.meta.url=\"file://$2/test/system/kernels/guest.ts\"" \
		--outfile="$out/guest.mjs" "$here/guest.ts"
}

# suite MACHINE ROOT WORKLOAD...: the command for the guest. What is compiled once is kept for the next start.
suite() {
	local out=$2/.output/kernels/$1
	shift 2
	printf 'NODE_COMPILE_CACHE=/tmp/compiled SYSCRIBE_TEST_COMMAND=%q node %q' "$out/syscribe" "$out/guest.mjs"
	printf ' %q' "$@"
}

"$top/scripts/install-packages.sh" kernels
make --no-print-directory -C "$top/test/system/programs"
case " ${names[*]} " in
*' arm64-'*)
	make --no-print-directory -C "$top/native" ARCH=aarch64 SYSROOT="$("$top/scripts/image/arm64-dev.sh")"
	bundle aarch64 /syscribe
	;;
esac
bundle x86_64 "$top"

# shellcheck disable=SC2016 # the guest's variables
refusal='out=$(bin/syscribe record -- true 2>&1); status=$?; echo "$out"; case "$status $out" in
"125 "*"no task storage for tracing programs"*remedy:*) echo "1 passed, 0 failed" ;; *) echo "0 passed, 1 failed" ;; esac'

# What crun needs of a profile when it starts a container, and when it executes something in it.
cluster=('serves the same under what was recorded' 'what probes and hooks execute is recorded')
cluster_files=(test/system/cluster/{recording,workloads}.test.ts)

# expected NAME: how many tests must have passed; a workload that was renamed must not pass unseen.
expected() {
	local workloads
	case $1 in
	5.10) echo 1 && return ;;
	cluster-v2) echo ${#cluster[@]} && return ;;
	arm64-*) workloads=${#aarch64[@]} ;;
	*) workloads=${#x86_64[@]} ;;
	esac
	echo $((3 * workloads))
}

# test_kernel NAME: the guest's output.
test_kernel() {
	case $1 in
	5.10) "$here/boot.sh" "$1" / "$path; $refusal" ;;
	cluster-v2) "$here/cluster.sh" 6.1 "${cluster_files[@]}" -- "${cluster[@]}" ;;
	arm64-*) "$here/boot.sh" "$1" "$("$here/arm64-root.sh")" "cd /syscribe; uname -r; $(suite aarch64 /syscribe "${aarch64[@]}")" ;;
	# Locked down as far as it goes: the programs read kernel memory by BTF loads alone, which stay allowed.
	6.12) BOOT_OPTIONS=lockdown=confidentiality "$here/boot.sh" "$1" / "$path
		grep -F '[confidentiality]' /sys/kernel/security/lockdown || exit 1; $(suite x86_64 "$top" "${x86_64[@]}")" ;;
	*) "$here/boot.sh" "$1" / "$path; $(suite x86_64 "$top" "${x86_64[@]}")" ;;
	esac
}

passed=0 failed=0 rows=
logs=$(mktemp -d)
# Each has a process group of its own, so that none of it outlives this.
set -m
trap 'for pid in $(jobs -rp); do kill -- "-$pid" 2>/dev/null || true; done; rm -rf "$logs"' EXIT
for name in "${names[@]}"; do
	# One processor each; a node and its control plane need two.
	if [ "$name" = cluster-v2 ]; then wait; fi
	[ "$(jobs -rp | wc -l)" -lt 2 ] || wait -n || true
	{
		SECONDS=0
		test_kernel "$name" >"$logs/$name" 2>&1 || true
		# In one piece, whatever else ends.
		(printf '\n-- kernel %s (%d s)\n' "$name" "$SECONDS" && cat "$logs/$name") >"$logs/$name.told"
		flock "$logs" cat "$logs/$name.told"
	} </dev/null &
done
wait
for name in "${names[@]}"; do
	log=$logs/$name
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
	counts=${counts:-0 passed, 1 failed}
	if [[ $counts == *', 0 failed' && ${counts%% *} -lt $(expected "$name") ]]; then
		echo "FAIL    $name: $(expected "$name") tests should have passed"
		counts="${counts%% *} passed, 1 failed"
	fi
	version=$(grep -m 1 -E '^[0-9]+\.[0-9]+\.' "$log" || echo "$name")
	passed=$((passed + ${counts%% passed*}))
	failed=$((failed + $(sed -E 's/.*, ([0-9]+) failed/\1/' <<<"$counts")))
	case $name in
	cluster-v2) rows+="| $version, a Kubernetes node with cgroup v2 alone and crun | amd64 | $counts |"$'\n' ;;
	*) rows+="| $version | $(kernel_field "$name" 3) | $counts |"$'\n' ;;
	esac
done

if [ -n "$docs" ]; then
	sed -i '/^| kernel /,$d' "$docs"
	{ printf '| kernel | architecture | result |\n|---|---|---|\n%s' "$rows"; } >>"$docs"
fi
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] || exit 1
for name in $(kernel_names); do [[ " ${names[*]} " == *" $name "* ]] || exit 0; done
mkdir -p "$cache"
echo "$recorder" >"$passed_with"

