# Sourced in the guest: the packages over the scratch root, a name, and what the logs are made with.
# shellcheck shell=bash
# The root is moved to where it is on other machines: the kernel names files from the first root, which init only left.
# And started by a name alone: command lines are in the logs.
if [ -z "${CORPUS_GUEST:-}" ]; then
	CORPUS_GUEST=$(cd "$(dirname "$0")" && pwd)
	export CORPUS_GUEST
	# shellcheck disable=SC2016 # of the shells there
	exec chroot /proc/1/root /bin/busybox sh -c 'cd /root && /bin/busybox mount --move . / &&
		exec /bin/busybox chroot . /bin/sh -c "cd \"\$CORPUS_GUEST\" && exec bash \"\$0\"" "$0"' "$(basename "$0")"
fi
corpus=$(dirname "$CORPUS_GUEST")
cd / || exit 1
programs=/opt/corpus
out=/tmp/out
mkdir -p "$out" /tmp/work
tar -C "$PACKAGES" -c . | tar -C / -x --keep-directory-symlink
ldconfig
mkdir -p "$programs"
cp "$corpus"/programs/.output/* "$corpus"/guest/*.py "$programs/"
hostname n1
sed -i '/^[^:]*:[^:]*:100[01]:/d' /etc/passwd /etc/group
printf '%s\n' 'alice:x:1000:1000::/:/bin/sh' 'b" UID="root:x:1001:1001::/:/bin/sh' >>/etc/passwd
printf '%s\n' 'alice:x:1000:' 'b" UID="root:x:1001:' >>/etc/group
export LC_ALL=C HOME=/root
umask 022

# auditd_start NAME RAW|ENRICHED NONE|HOSTNAME: a daemon that writes /tmp/out/NAME.log.
auditd_start() {
	local directory=/tmp/auditd-$1
	mkdir -p "$directory/plugins.d" /var/log/audit
	cat >"$directory/auditd.conf" <<-END
		local_events = yes
		write_logs = yes
		log_file = /var/log/audit/$1.log
		log_group = root
		log_format = $2
		name_format = $3
		flush = INCREMENTAL_ASYNC
		freq = 50
		max_log_file = 8
		num_logs = 0
		max_log_file_action = IGNORE
		space_left = 2
		admin_space_left = 1
		space_left_action = IGNORE
		admin_space_left_action = IGNORE
		disk_full_action = IGNORE
		disk_error_action = IGNORE
		plugin_dir = $directory/plugins.d
	END
	chmod 640 "$directory/auditd.conf"
	auditd -c "$directory" || echo "auditd: $?"
	for _ in $(seq 50); do
		auditctl -s | grep -q 'pid [1-9]' && break
		sleep 0.1
	done
	auditd_log=$1
}

# The daemon's own goodbye is in the log as well.
auditd_stop() {
	local pid
	pid=$(auditctl -s | awk '$1 == "pid" { print $2 }')
	sleep 1
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
	cp "/var/log/audit/$auditd_log.log" "$out/"
}

# As a user that logged in: as_user UID COMMAND...
as_user() {
	sh -c 'id=$1; shift; echo $id >/proc/self/loginuid; exec setpriv --reuid $id --regid $id --clear-groups "$@"' sh "$@"
}

# container NAME ACTION PROFILE COMMAND...: a runc container whose filter's default action is ACTION; few calls are
# allowed, those of runc itself and of a shell among them. PROFILE: an AppArmor profile or nothing.
container() {
	local name=$1 action=$2 profile=$3 bundle=/tmp/work/bundle-$1 runtime=runc
	shift 3
	mkdir -p "$bundle"/rootfs/{bin,tmp,proc,dev,etc}
	cp /bin/busybox "$programs"/few "$programs"/few32 "$programs"/act "$bundle/rootfs/bin/"
	echo secret | tee "$bundle/rootfs/etc/secret" >"$bundle/rootfs/etc/two words"
	for each in sh cat id ls; do ln -sf busybox "$bundle/rootfs/bin/$each"; done
	# Debian's runc knows no flags; without this one the kernel tells of these actions nothing.
	case $action in SCMP_ACT_ERRNO | SCMP_ACT_TRAP) runtime=crun ;; esac
	(cd "$bundle" && rm -f config.json && runc spec)
	python3 - "$bundle/config.json" "$action" "$profile" "$@" <<-'END'
		import json, sys
		path, action, profile, *args = sys.argv[1:]
		spec = json.load(open(path))
		spec['hostname'] = 'c1'
		spec['process'].update(terminal=False, args=args, noNewPrivileges=True)
		if profile:
		    spec['process']['apparmorProfile'] = profile
		spec['root'] = {'path': 'rootfs', 'readonly': False}
		spec['mounts'] = [m for m in spec['mounts'] if not m['destination'].startswith('/sys')]
		spec['linux'].pop('resources', None)
		allowed = '''read write close openat open futex execve exit_group exit epoll_ctl epoll_pwait fcntl fcntl64 nanosleep
		rt_sigreturn rt_sigaction rt_sigprocmask sigaltstack mmap munmap mprotect brk getdents64 newfstatat fstat stat lstat tgkill
		gettid getpid clone clone3 sched_yield arch_prctl set_tid_address set_robust_list getuid getgid geteuid getegid
		prlimit64 getrandom rseq getcwd ioctl prctl wait4 vfork uname readlink access madvise'''.split()
		if action != 'SCMP_ACT_LOG':
		    allowed += ['clock_gettime', 'fstatfs'] # runc's own
		if action:
		    spec['linux']['seccomp'] = {
		        'defaultAction': action,
		        'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
		        'syscalls': [{'names': allowed, 'action': 'SCMP_ACT_ALLOW'}],
		    }
		    if action in ('SCMP_ACT_ERRNO', 'SCMP_ACT_TRAP'):
		        spec['linux']['seccomp']['flags'] = ['SECCOMP_FILTER_FLAG_LOG']
		json.dump(spec, open(path, 'w'))
	END
	timeout -s KILL 20 "$runtime" run --bundle "$bundle" "$name" </dev/null
	echo "container $name: $?"
}

# say TYPE TEXT: a user's message that is written into the log as it is.
say() {
	/usr/bin/python3 "$programs/say.py" "$@"
}

# The way out: what boot.sh prints is all that leaves the machine.
hand_over() {
	echo "-- begin of corpus"
	chmod 644 "$out"/*
	tar -C "$out" -c . | gzip -9 | base64 -w 100
	echo "-- end of corpus"
}
