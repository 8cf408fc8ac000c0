#!/usr/bin/env bash
# Builds Helm from its Go module, once, outside the repository; prints the program.
set -euo pipefail
version=3.20.2
# What of Kubernetes it takes itself to be made for: charts ask, where there is no cluster.
kubernetes=34
directory=${XDG_CACHE_HOME:-$HOME/.cache}/syscribe/helm-$version

if [ ! -x "$directory/helm" ]; then
	command -v go >/dev/null || { echo "go is not installed: apt-get install golang-go" >&2 && exit 1; }
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	flags="-s -w -X helm.sh/helm/v3/internal/version.version=v$version"
	for package in pkg/lint/rules pkg/chartutil; do
		flags="$flags -X helm.sh/helm/v3/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/$package.k8sVersionMinor=$kubernetes"
	done
	GOBIN=$work go install -trimpath -ldflags "$flags" "helm.sh/helm/v3/cmd/helm@v$version" >"$work/log" 2>&1 ||
		{ tail -n 50 "$work/log" >&2 && exit 1; }
	mkdir -p "$directory"
	mv "$work/helm" "$directory/helm"
fi
echo "$directory/helm"
