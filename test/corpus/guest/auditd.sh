#!/usr/bin/env bash
# auditd's logs of seccomp's actions: run in the guest.
. "$(dirname "$0")/common.sh"
auditctl -b 8192 >/dev/null

# What every log holds: each action in a container, both 32-bit interfaces, a user's messages.
usual() {
	auditctl -a never,task # no SYSCALL records of what runtimes do
	container "log$1" SCMP_ACT_LOG '' /bin/few
	container "errno$1" SCMP_ACT_ERRNO '' /bin/few32
	container "trap$1" SCMP_ACT_TRAP '' /bin/few
	container "kill$1" SCMP_ACT_KILL_PROCESS '' /bin/few
	container "thread$1" SCMP_ACT_KILL_THREAD '' /bin/few32
	auditctl -D
	auditctl -a always,exit -F arch=b64 -S mkdir -F path=/tmp/act -k act
	as_user 1000 "$programs/act" log user
	rmdir /tmp/act
	"$programs/act" trace
	"$programs/act" user_notif
	"$programs/act" kill_thread
	su -s /bin/sh -c true nobody
	auditctl -m 'type=SECCOMP msg=audit(1.000:1): pid=1 syscall=59'
	auditctl -D
}

auditd_start auditd-raw RAW NONE
usual 1
auditd_stop

auditd_start auditd-enriched ENRICHED NONE
usual 2
auditd_stop

auditd_start auditd-node ENRICHED HOSTNAME
container node SCMP_ACT_LOG '' /bin/few32
as_user 1000 "$programs/act" errno 'node=n2 type=1'
auditctl -m 'node=n2 type=SECCOMP msg=audit(1.000:1): pid=1 syscall=59'
auditd_stop

auditd_start auditd-node-raw RAW HOSTNAME
container noderaw SCMP_ACT_LOG '' /bin/few
auditctl -m 'node=n2 type=SECCOMP msg=audit(1.000:1): pid=1 syscall=59'
auditd_stop

hostile() {
	local directory=/tmp/work/files name
	export ACT_ONCE=1
	mkdir -p "$directory"
	local names=('x" exe="/bin/sh' 'two words' $'line\nbreak' "it's" 'grün-日本' $'bad\xff\xfeutf8' $'del\x7fesc\x1b' '=a=b,c:d' '(null)' '4142' '"'
		'a日本語日本語' 'pid=1' 'back\slash' 'DEADBEEF')
	for name in "${names[@]}"; do "$programs/act" errno "$name"; done
	ACT_NAMELESS=1 "$programs/act" errno ''
	# A user's name is written into the log by its format alone.
	as_user 1001 "$programs/act" errno 'user'
	names=('two words "quoted"' 'a type=SECCOMP msg=audit(1.000:1): pid=1 exe=' 'type=SECCOMP' $'new\nline'
		$'new\ntype=SECCOMP msg=audit(1.000:1): pid=1 comm="x" exe="x" sig=0 arch=c000003e syscall=59 compat=0 ip=0x0 code=0x7ffc0000'
		"it's" 'grün')
	for name in "${names[@]}"; do
		cp "$programs/act" "$directory/$name"
		"$directory/$name" log ''
	done
	# A program whose file is gone while it runs, and one that never had one.
	cp "$programs/act" "$directory/gone"
	ACT_UNLINK=1 "$directory/gone" log ''
	/usr/bin/python3 - "$programs/act" <<-'END'
		import os, sys
		fd = os.memfd_create('in memory', 0)
		os.write(fd, open(sys.argv[1], 'rb').read())
		if os.fork() == 0:
		    os.execv(f'/proc/self/fd/{fd}', ['act', 'log'])
		os.wait()
	END
	local forged='type=SECCOMP msg=audit(1.000:1): auid=0 uid=0 gid=0 ses=1 pid=1 comm="x" exe="/x" sig=0 arch=c000003e syscall=59 compat=0 ip=0x0 code=0x7ffc0000'
	auditctl -m "it's' exe=\"/bin/sh\" res=success'"
	say 1005 "one"$'\n'"$forged"
	say 1112 "op=login'"$'\n'"$forged"$'\n'
	say 1005 $'\x1d'"$forged"
	say 1107 'avc:  denied  { send_msg } for  scontext=system_u:system_r:a_t:s0 tcontext=system_u:system_r:b_t:s0 tclass=dbus permissive=0 exe="/usr/bin/dbus-daemon" sauid=0'
	say 1107 'apparmor="DENIED" operation="dbus_method_call"  bus="system" path="/org/a" interface="b" member="c" mask="send" name="d" pid=1 label="p" peer_pid=2 peer_label="unconfined"'
	say 2200 "$forged"
	say 1326 "$forged"
	say 1400 'avc:  denied  { read } for  pid=1 comm="x"'
}
auditd_start auditd-hostile-raw RAW NONE
hostile
auditd_stop
auditd_start auditd-hostile-enriched ENRICHED NONE
hostile
auditd_stop
uname -r
hand_over
