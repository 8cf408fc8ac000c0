#!/usr/bin/env bash
# Builds Kubernetes with the etcd that it is made for, and Helm for the version that tests use, from their Go modules,
# once, outside the repository; prints the directory of the programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usual=1.34.4
version=${SYSCRIBE_TEST_KUBERNETES:-$usual}
helm=3.20.2
modules=v0${version#1}
minor=$(cut -d. -f2 <<<"$version")
cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscribe
# What is built, and how, is part of the name: another recipe is not taken for this one.
recipe=$(cat "$here/build.sh" "$here/kubernetes.go" | sha256sum | cut -c1-8)
binaries=$cache/kubernetes-$version-$recipe

build() {
	local staged name
	cp "$here/kubernetes.go" main.go
	go mod init syscribe.test/kubernetes
	go mod download -json "k8s.io/kubernetes@v$version" >module.json
	# Kubernetes keeps these beside it in its own tree ("replace k8s.io/api => ./staging/src/k8s.io/api").
	staged=$(go mod edit -json "$(sed -n 's/.*"GoMod": "\(.*\)".*/\1/p' module.json)" |
		grep -o '"\./staging/src/[^"]*' | sed 's,.*/staging/src/,,' | sort -u)
	go mod edit -require "k8s.io/kubernetes@v$version"
	for module in $staged; do go mod edit -replace "$module=$module@$modules"; done
	{
		printf '//go:build tools\n\npackage main\n\n'
		echo 'import _ "k8s.io/kubectl/pkg/cmd"'
		# In one module with Kubernetes, so that what both need is compiled once.
		[ "$version" != "$usual" ] || echo 'import _ "helm.sh/helm/v3/pkg/cli"'
	} >tools.go
	[ "$version" != "$usual" ] || go mod edit -require "helm.sh/helm/v3@v$helm"
	go mod tidy
	mkdir out
	compile kubernetes . k8s.io/component-base/version
	for name in etcd kube-apiserver kube-controller-manager kube-scheduler kubelet; do ln -s kubernetes "out/$name"; done
	# Apart: it starts a thousand times in a run of all tests, in half the time that the whole program takes.
	compile kubectl k8s.io/kubernetes/cmd/kubectl k8s.io/component-base/version
	[ "$version" != "$usual" ] || compile_helm
}

# compile NAME PACKAGE STAMP
compile() {
	go build -mod=mod -trimpath -o "out/$1" -ldflags "-s -w -X $3.gitVersion=v$version -X $3.gitMajor=1 -X $3.gitMinor=$minor" "$2"
}

compile_helm() {
	local flags="-s -w -X helm.sh/helm/v3/internal/version.version=v$helm" package
	# The Kubernetes that it takes itself to be made for: charts ask, where there is no cluster.
	for package in pkg/lint/rules pkg/chartutil; do
		flags="$flags -X helm.sh/helm/v3/$package.k8sVersionMajor=1 -X helm.sh/helm/v3/$package.k8sVersionMinor=$minor"
	done
	go build -mod=mod -trimpath -o out/helm -ldflags "$flags" helm.sh/helm/v3/cmd/helm
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
