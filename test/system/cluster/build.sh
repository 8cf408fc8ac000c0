#!/usr/bin/env bash
# Builds Kubernetes from its Go modules, once, outside the repository; prints the directory of its programs.
set -euo pipefail
version=${SYSCRIBE_TEST_KUBERNETES:-1.34.4}
modules=v0${version#1}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscribe
binaries=$cache/kubernetes-$version
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl)

build() {
	local staged program
	go mod init syscribe.test/kubernetes
	go mod download -json "k8s.io/kubernetes@v$version" >module.json
	# Kubernetes keeps these beside it in its own tree ("replace k8s.io/api => ./staging/src/k8s.io/api").
	staged=$(go mod edit -json "$(sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' module.json)" |
		grep -o '"\./staging/src/[^"]*' | sed 's,.*/staging/src/,,' | sort -u)
	go mod edit -require "k8s.io/kubernetes@v$version"
	for module in $staged; do go mod edit -replace "$module=$module@$modules"; done
	{
		echo 'package tools'
		for program in "${programs[@]}"; do echo "import _ \"k8s.io/kubernetes/cmd/$program/app\""; done
	} | sed 's,cmd/kubectl/app,pkg/apis/core,' >tools.go
	go mod tidy
	mkdir out
	local stamp=k8s.io/component-base/version
	for program in "${programs[@]}"; do
		go build -mod=mod -trimpath -o out/ -ldflags "-s -w -X $stamp.gitVersion=v$version -X $stamp.gitMajor=1 \
			-X $stamp.gitMinor=$(cut -d. -f2 <<<"$version")" "k8s.io/kubernetes/cmd/$program"
	done
}

if [ ! -x "$binaries/kubectl" ]; then
	command -v go >/dev/null || { echo "go is not installed: apt-get install golang-go" >&2 && exit 1; }
	mkdir -p "$cache"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	cd "$work"
	build >"$work/log" 2>&1 || { tail -n 50 "$work/log" >&2 && exit 1; }
	rm -rf "$binaries.new"
	cp -r out "$binaries.new"
	rm -rf "$binaries"
	mv "$binaries.new" "$binaries"
fi
echo "$binaries"
