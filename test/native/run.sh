#!/usr/bin/env bash
# The addon under AddressSanitizer and UndefinedBehaviorSanitizer, in a copy of the sources that has it in prebuilds/:
# run.sh [FILE...]. Needs root. Ends with the line `N passed, N failed, N skipped`; each report of a sanitizer is one that failed.
set -uo pipefail
cd "$(dirname "$0")/../.."
top=$PWD
machine=$(uname -m)
platform=linux-$([ "$machine" = aarch64 ] && echo arm64 || echo x64)
node=$top/node_modules/node/bin/node

make --no-print-directory -C native SANITIZE=1 || exit 1
copy=$(mktemp -d) reports=$(mktemp -d) log=$(mktemp)
trap 'rm -rf "$copy" "$reports" "$log"' EXIT
mkdir -p "$copy/prebuilds/$platform" "$copy/test/support"
cp -r src package.json "$copy"
cp -r test/native test/reporter.ts "$copy/test"
cp test/support/until.ts "$copy/test/support"
ln -s "$top/node_modules" "$copy/node_modules"
cp ".output/$machine-asan/syscribe.node" "$copy/prebuilds/$platform"

cd "$copy" || exit 1
files=("$@")
[ ${#files[@]} -gt 0 ] || files=('test/native/**/*.test.ts')
# Node frees nothing at its end: leaks.test.ts asks for LeakSanitizer and reads what it says of the addon alone. A small
# quarantine lets what is freed be used again, so that growth can be told.
ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1:quarantine_size_mb=1:detect_stack_use_after_return=1:log_path=$reports/asan \
	UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1:log_path=$reports/ubsan \
	LD_PRELOAD=$(gcc -print-file-name=libasan.so) \
	"$node" --test --test-concurrency=1 --test-reporter=./test/reporter.ts "${files[@]}" >"$log" 2>&1
status=$?

found=0
for report in "$reports"/*; do
	[ -e "$report" ] || continue
	found=$((found + 1))
	printf '\nFAILED: %s\n' "${report##*/}" && head -n 60 "$report"
done >"$reports.text"
# The reports stand before the closing line, and are counted in it.
summary=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$log" | tail -n 1)
grep -vxF "${summary:-none}" "$log"
cat "$reports.text" && rm -f "$reports.text"
read -r passed _ failed _ skipped _ <<<"${summary:-0 passed, 1 failed, 0 skipped}"
printf '%d passed, %d failed, %d skipped\n' "$passed" "$((failed + found))" "$skipped"
[ "$status" -eq 0 ] && [ "$found" -eq 0 ] && [ "$failed" -eq 0 ]
