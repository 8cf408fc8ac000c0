#!/usr/bin/env bash
# What the kernel's log and syslog daemons hold where no auditd runs: run in the guest.
. "$(dirname "$0")/common.sh"
export ACT_ONCE=1
mkdir -p /tmp/logs
forged='audit: type=1326 audit(1.000:1): auid=0 uid=0 gid=0 ses=1 pid=1 comm="x" exe="/x" sig=0 arch=c000003e syscall=59 compat=0 ip=0x0 code=0x7ffc0000'

# rsyslog_start NAME: writes NAME.log as Debian did until 11 and NAME-iso.log as it does from 12 on.
rsyslog_start() {
	timeout 1 cat /proc/kmsg >/dev/null # what happened before
	cat >/tmp/rsyslog.conf <<-END
		module(load="imuxsock")
		module(load="imklog")
		*.* action(type="omfile" file="/tmp/logs/$1.log" template="RSYSLOG_TraditionalFileFormat")
		*.* action(type="omfile" file="/tmp/logs/$1-iso.log" template="RSYSLOG_FileFormat")
	END
	rsyslogd -f /tmp/rsyslog.conf -i /tmp/rsyslogd.pid
	sleep 2
}

rsyslog_stop() {
	sleep 3
	kill "$(cat /tmp/rsyslogd.pid)"
	while [ -e /tmp/rsyslogd.pid ]; do sleep 0.1; done
}

# limit N: as many lines may be written in 5 seconds (10 unless told).
limit() {
	sysctl -q kernel.printk_ratelimit_burst="$1"
}

usual() {
	limit 1000
	dmesg -C
	container "log$1" SCMP_ACT_LOG '' /bin/few
	container "errno$1" SCMP_ACT_ERRNO '' /bin/few32
	as_user 1000 "$programs/act" log user
	ACT_ONCE='' "$programs/act" kill_process two\ words
	(unset ACT_ONCE; "$programs/act" errno 'x" exe="/bin/sh')
	"$programs/act" errno 'grün'
	"$programs/act" kill_thread
	cp "$programs/act" "/tmp/work/a type=1326 audit(1.000:1): pid=1"
	"/tmp/work/a type=1326 audit(1.000:1): pid=1" log
	auditctl -m 'audit: type=1326 audit(1.000:1): pid=1 syscall=59'
	logger -t audit 'type=1326 audit(1.000:1): auid=0 uid=0 gid=0 ses=1 pid=1 comm="x" exe="/x" sig=0 arch=c000003e syscall=59 compat=0 ip=0x0 code=0x7ffc0000'
	logger "$forged"
	logger "kernel: [    1.000000] $forged"
	logger $'two\nlines'
	limit 10
	sleep 6
	for _ in $(seq 20); do "$programs/act" errno flood; done
	sleep 6
	"$programs/act" errno 'after'
}

journald_start() {
	mkdir -p /run/systemd/journal /run/log/journal
	echo 00000000000000000000000000000001 >/etc/machine-id
	printf '[Journal]\nStorage=volatile\nAudit=yes\nRateLimitIntervalSec=0\n' >/etc/systemd/journald.conf
	/lib/systemd/systemd-journald &
	journald=$!
	sleep 2
}

auditctl -b 8192 >/dev/null
auditctl -a never,task >/dev/null
rsyslog_start kernel-syslog
usual 1
dmesg >"$out/kernel-printk.log"
dmesg -T | tail -n 12 >/tmp/logs/kernel-dmesg-time.log
dmesg -x | tail -n 12 >/tmp/logs/kernel-dmesg-level.log
dmesg -r | tail -n 12 >/tmp/logs/kernel-dmesg-raw.log
rsyslog_stop

rm -f /dev/log
busybox syslogd -O /tmp/logs/kernel-busybox.log
busybox klogd -c 1
sleep 1
usual 2
sleep 1
busybox killall syslogd klogd
# What is not the other run's.
for each in /tmp/logs/*; do cp "$each" "$out/"; done

rm -f /dev/log
journald_start
since=$(date +%s)
usual 3
journalctl --sync 2>/dev/null
journalctl -o short --no-pager --since "@$since" >"$out/journal.log"
journalctl -o short-iso-precise --no-pager --since "@$since" | tail -n 12 >"$out/journal-iso.log"
kill "$journald"

# What a reader can hardly tell from the truth.
sleep 1
rm -f /dev/log
rsyslog_start forged-syslog
dmesg -C
limit 1000
say 1005 "one"$'\n'"$forged"
printf '<5>%s\n' "$forged" >/dev/kmsg
logger -t kernel "[    1.000000] $forged"
logger -p kern.notice -t kernel "$forged"
"$programs/act" errno truth
dmesg >"$out/forged-dmesg.log"
busybox dmesg >"$out/forged-dmesg-busybox.log"
rsyslog_stop
cp /tmp/logs/forged-*.log "$out/"
uname -r
hand_over
