# Sourced: where unpacked packages are kept, and an apt that leaves the machine's own alone.
# shellcheck shell=bash

cache=${XDG_CACHE_HOME:-$HOME/.cache}/syscribe/kernels

# The mirror of the machine's own apt, so that a private one is used where there is one. The label is known once apt has
# updated; other vendors' sources may end in /debian too.
mirror() {
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --format '$(SITE) $(LABEL)' |
		awk '!found && ($2 == "Debian" || NF == 1 && $1 ~ /\/debian\/?$/) { print $1; found = 1 }'
}

# private_apt SUITE ARCHITECTURE: sets `apt` to options for a state of its own in which only that suite is known.
private_apt() {
	local state=$cache/apt-$1-$2 site
	site=$(mirror)
	[ -n "$site" ] || { echo "no Debian mirror among this machine's apt sources" >&2 && return 1; }
	mkdir -p "$state"/{lists/partial,cache/archives/partial,etc}
	: >"$state/status"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=$2] $site $1 main" >"$state/etc/sources.list"
	apt=(-qq -o "Dir::State=$state" -o "Dir::State::status=$state/status" -o "Dir::State::lists=$state/lists"
		-o "Dir::Cache=$state/cache" -o "Dir::Etc::sourcelist=$state/etc/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "APT::Architecture=$2" -o "APT::Architectures=$2" -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false)
}

# download_into DIRECTORY PACKAGE...: unpacked, not installed.
download_into() {
	local directory=$1 work
	shift
	work=$(mktemp -d)
	(cd "$work" && apt-get "${apt[@]}" download "$@")
	for package in "$work"/*.deb; do dpkg -x "$package" "$directory"; done
	rm -rf "$work"
}
