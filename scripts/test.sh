#!/usr/bin/env bash
# Everything: installs what is missing, builds, and runs all tests. Ends with the line `N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/node_modules/.bin:$PATH"

make --no-print-directory build && scripts/install-packages.sh test || exit 1
make --no-print-directory -C test/system/programs || exit 1
# Minutes, the first time: a test's own limit is for what it tests.
for program in cluster/build.sh cluster/helm.sh; do
	printf '\n== %s (after %d s)\n' "$program" "$SECONDS"
	"test/system/$program" || exit 1
done

passed=0 failed=0 broken=()
log=$(mktemp)
# Made by the first cluster for all of them: seconds each.
SYSCRIBE_TEST_ARCHIVES=$(mktemp -d)
export SYSCRIBE_TEST_ARCHIVES
trap 'rm -rf "$log" "$SYSCRIBE_TEST_ARCHIVES"' EXIT

# stage NAME COMMAND...: its closing line `N passed, N failed` is added up; one that ends badly without it is a failure.
stage() {
	local name=$1 status line
	shift
	printf '\n== %s (after %d s)\n' "$name" "$SECONDS"
	"$@" 2>&1 | tee "$log"
	status=${PIPESTATUS[0]}
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	passed=$((passed + ${line:+$(sed -E 's/^([0-9]+) passed.*/\1/' <<<"$line")}+0))
	failed=$((failed + ${line:+$(sed -E 's/.* ([0-9]+) failed.*/\1/' <<<"$line")}+0))
	if [ "$status" -ne 0 ]; then
		broken+=("$name")
		[[ -n $line && $line != *" 0 failed"* ]] || failed=$((failed + 1))
	fi
}

# files SECONDS FILE...: the limits end a test that hangs, and a stage in which each waits for what never comes; none comes near them.
files() {
	timeout --foreground --verbose --kill-after=10 "$1" \
		node --test --test-concurrency=1 --test-timeout=300000 --test-reporter=./test/reporter.ts "${@:2}"
}

# Files of test/system/cluster that leave the cluster as it was: in one process they share it, and half a minute each is saved.
sharing=(breakdowns churn exec faults in-use install install-faults kubectl outage recording rollout spod truth workloads)
sharing=("${sharing[@]/#/test/system/cluster/}")
sharing=("${sharing[@]/%/.test.ts}")
mapfile -t alone < <(comm -23 <(find test/system -name '*.test.ts' | sort) <(printf '%s\n' "${sharing[@]}" | sort))

stage lint make --no-print-directory lint
stage unit files 600 'test/unit/**/*.test.ts'
stage native test/native/run.sh
stage system files 2400 "${alone[@]}"
stage cluster files 2100 --test-isolation=none "${sharing[@]}"
stage kernels test/system/kernels/run.sh

printf '\n'
[ ${#broken[@]} -eq 0 ] || printf 'failed: %s\n' "${broken[@]}"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
