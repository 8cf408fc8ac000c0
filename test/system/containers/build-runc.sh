#!/usr/bin/env bash
# Builds the newest runc that Go modules give, once, outside the repository; prints where it is.
set -euo pipefail
version=1.5.2
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscribe
binary=$cache/runc-$version
if [ ! -x "$binary" ]; then
	command -v go >/dev/null || { echo "go is not installed: apt-get install golang-go" >&2 && exit 1; }
	mkdir -p "$cache"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	{
		go mod init build
		go get "github.com/opencontainers/runc@v$version"
		go build -mod=mod -trimpath -tags seccomp -o "$work/runc" github.com/opencontainers/runc
	} >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
	install -m 0755 "$work/runc" "$binary.new"
	mv "$binary.new" "$binary"
fi
echo "$binary"
