#!/usr/bin/env bash
# The main job on a real server: records nginx while it is used, prints its profile, then runs it under that profile and
# uses it again; at the end a program that needs something else is refused.
set -euo pipefail
cd "$(dirname "$0")/.."
syscribe=$PWD/bin/syscribe
work=$(mktemp -d)
server=
cleanup() {
	[ -z "$server" ] || kill "$server" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
[ "$(id -u)" -eq 0 ] || { echo "make demo records with eBPF: run it as root (sudo make demo)" >&2 && exit 1; }

chmod 755 "$work"
mkdir "$work"/{html,body,proxy,fastcgi,uwsgi,scgi}
echo 'hello from nginx' >"$work/html/index.html"
cat >"$work/nginx.conf" <<NGINX
user root; worker_processes 1; pid $work/pid; error_log $work/error;
events { worker_connections 64; }
http { access_log $work/access; client_body_temp_path $work/body; proxy_temp_path $work/proxy;
fastcgi_temp_path $work/fastcgi; uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
server { listen unix:$work/socket; root $work/html; } }
NGINX
nginx=(nginx -c "$work/nginx.conf" -g 'daemon off;')

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
use_server() {
	until [ -s "$work/pid" ] && [ -S "$work/socket" ]; do kill -0 "$server"; done
	for _ in $(seq 20); do curl -sS --unix-socket "$work/socket" http://localhost/ http://localhost/missing >/dev/null; done
	curl -sS --unix-socket "$work/socket" http://localhost/
	kill -QUIT "$(cat "$work/pid")"
	wait "$server"
	server=
}

say "\$ syscribe record -o nginx.yaml -- nginx -g 'daemon off;'"
"$syscribe" record -o "$work/nginx.yaml" --evidence "$work/nginx.evidence" -- "${nginx[@]}" &
server=$!
use_server
cat "$work/nginx.yaml"

say "\$ syscribe explain nginx.yaml"
"$syscribe" explain --evidence "$work/nginx.evidence" "$work/nginx.yaml" | head -n 25

say "\$ syscribe run -p nginx.yaml -- nginx -g 'daemon off;'"
"$syscribe" run -p "$work/nginx.yaml" -- "${nginx[@]}" &
server=$!
use_server
echo "nginx did the same work under its own profile."

say "\$ syscribe run -p nginx.yaml -- chroot / true"
if "$syscribe" run -p "$work/nginx.yaml" -- chroot / true; then
	echo "chroot was not refused" >&2
	exit 1
fi
echo "Another program was refused."
