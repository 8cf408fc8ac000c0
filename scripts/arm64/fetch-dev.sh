#!/usr/bin/env bash
# Downloads and unpacks, without installing, what cross-linking the addon for arm64 needs: fetch-dev.sh DIRECTORY.
# Headers are then in DIRECTORY/usr/include, static libraries in DIRECTORY/usr/lib/aarch64-linux-gnu.
set -euo pipefail

suite=bookworm
packages=(libbpf-dev libelf-dev zlib1g-dev libseccomp-dev)

[ $# -eq 1 ] || { echo "usage: ${0##*/} DIRECTORY" >&2 && exit 2; }
destination=$1
wanted="$suite ${packages[*]}"
[ "$(cat "$destination/.packages" 2>/dev/null || true)" != "$wanted" ] || exit 0

# The mirror of the machine's own apt, so that a private one is used where there is one.
# shellcheck disable=SC2016 # apt's own placeholders
mirror=$(apt-get indextargets --format '$(SITE) $(LABEL)' |
	awk '!found && ($2 == "Debian" || NF == 1 && $1 ~ /\/debian\/?$/) { print $1; found = 1 }')
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -n "$mirror" ] || { echo "no Debian mirror among this machine's apt sources" >&2 && exit 1; }
[ -e "$keyring" ] || { echo "$keyring is missing: install debian-archive-keyring" >&2 && exit 1; }

mkdir -p "$(dirname "$destination")"
work=$(mktemp -d "$destination.XXXXXX")
trap 'rm -rf "$work"' EXIT

# A state of its own: the machine's package lists and architectures stay as they are.
state=$work/apt
mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$work/debs" "$work/root"
: >"$state/status"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$state/sources.list"
apt=(-qq -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::Cache=$state/cache"
	-o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
	-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root -o Acquire::Languages=none)
apt-get "${apt[@]}" update
(cd "$work/debs" && apt-get "${apt[@]}" download "${packages[@]}")
for package in "$work"/debs/*.deb; do dpkg -x "$package" "$work/root"; done

echo "$wanted" >"$work/root/.packages"
chmod 0755 "$work/root"
rm -rf "$destination"
mv -T "$work/root" "$destination"
