#!/usr/bin/env bash
# Builds runc from the Go module proxy into the cache, once a version, and prints where it is: build-runc.sh [VERSION]
set -euo pipefail

version=${1:-v1.5.2} # the newest when this was written
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscribe/runc-$version
if [ ! -x "$cache/runc" ]; then
	# runc asks for a newer Go than Debian 12 has; from 1.21 on, go fetches the one that a module asks for.
	release=$(go env GOVERSION 2>/dev/null) || { echo "${0##*/}: Go 1.21 or newer is needed to build runc" >&2 && exit 1; }
	[[ $release =~ ^go1\.(2[1-9]|[3-9][0-9]) ]] || { echo "${0##*/}: $release is too old: 1.21 or newer is needed" >&2 && exit 1; }
	building=$(mktemp -d)
	trap 'rm -rf "$building"' EXIT
	CGO_ENABLED=1 GOFLAGS= GOBIN=$building \
		go install -tags seccomp -trimpath -ldflags '-s -w' "github.com/opencontainers/runc@$version" >&2
	mkdir -p "$cache"
	# By rename: another build of the same version may have been quicker.
	mv -f "$building/runc" "$cache/runc.$$"
	mv -f "$cache/runc.$$" "$cache/runc"
fi
echo "$cache/runc"
