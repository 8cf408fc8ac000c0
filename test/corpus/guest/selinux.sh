#!/usr/bin/env bash
# Denials of SELinux, through auditd and through the kernel's log: run in the guest.
. "$(dirname "$0")/common.sh"
auditctl -b 8192 >/dev/null
mkdir -p /etc/selinux/default/policy
cp "$corpus/programs/.output/policy.33" /etc/selinux/default/policy/
printf 'SELINUX=permissive\nSELINUXTYPE=default\n' >/etc/selinux/config
auditd_start selinux RAW NONE
load_policy -i || echo "load_policy: $?"
mount | grep selinuxfs
id -Z

# On a tmpfs of its own, which keeps labels.
mkdir -p /tmp/demo
mount -t tmpfs tmpfs /tmp/demo
chcon system_u:object_r:tmp_t:s0 /tmp/demo
cd /tmp/demo || exit 1
runcon system_u:system_r:demo_peer_t:s0 /usr/bin/python3 -c '
import signal, socket, time
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
a = socket.socket(socket.AF_UNIX); a.bind("\0demo two"); a.listen()
b = socket.socket(socket.AF_UNIX); b.bind("/tmp/demo/socket file"); b.listen()
time.sleep(200)' &
export OTHER=$!
sleep 2

setup() {
	rm -rf locked secret two* re* grün granted program
	mkdir -p locked
	touch secret 'two words "quoted"' grün granted locked/inside
	cp "$programs/few" program
	chcon system_u:object_r:demo_secret_t:s0 secret two* grün locked program locked/inside
	chcon system_u:object_r:demo_granted_t:s0 granted
}

operations() {
	runcon system_u:system_r:demo_t:s0 /usr/bin/python3 "$programs/selinux-operations.py" "$1" || echo "operations $1: $?"
}

auditd_stop

# A rule, though it is about something else, makes the kernel keep the paths of every system call.
auditctl -a always,exit -F arch=b64 -S swapoff >/dev/null
setup
auditd_start selinux-permissive RAW NONE
operations files
auditd_stop

setup
setenforce 1
auditd_start selinux-enforcing RAW NONE
operations files
auditd_stop

auditd_start selinux-others RAW NONE
operations others
auditd_stop

auditctl -D >/dev/null
setup
auditd_start selinux-enriched ENRICHED HOSTNAME
as_user 1000 runcon system_u:system_r:demo_t:s0 /bin/cat /tmp/demo/secret
as_user 1000 runcon system_u:system_r:demo_permissive_t:s0 /bin/cat '/tmp/demo/two words "quoted"' /tmp/demo/granted
runcon system_u:system_r:demo_t:s0:c1,c5 "$programs/act" log 'two words'
setenforce 0
auditd_stop

setenforce 1
auditctl -a never,task >/dev/null
sysctl -q kernel.printk_ratelimit_burst=1000
dmesg -C
operations files
operations others
setenforce 0
sleep 1
dmesg >"$out/selinux-printk.log"
kill "$OTHER"
uname -r
hand_over
