#!/usr/bin/env bash
# Runs a command in a network, a process and a mount namespace of its own, in which an API server without nodes can run beside
# another cluster of this machine: apart.sh COMMAND [ARGUMENT...]. Nothing of it outlives the command.
set -euo pipefail
# Another cluster's directory is not seen. Its programs were built before: there is no network to fetch modules by.
# shellcheck disable=SC2016 # the inner shell's
exec unshare --net --mount --pid --fork --kill-child --mount-proc bash -euc '
	mount -t tmpfs tmpfs /var/lib
	ip link set lo up
	exec "$@"' bash "$@"
