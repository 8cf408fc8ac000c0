#!/usr/bin/env bash
# Denials of AppArmor, through auditd and through the kernel's log: run in the guest.
. "$(dirname "$0")/common.sh"
cd /tmp/work || exit 1
auditctl -b 8192 >/dev/null
echo content >file
cp /bin/true 'two words'
mkdir 'mounted here'
mount -t tmpfs none 'mounted here'
mkdir -p /tmp/profiles

# profile FILE NAME FLAGS RULE...
profile() {
	local file=/tmp/profiles/$1 name=$2 flags=$3
	shift 3
	{
		printf 'abi <abi/3.0>,\nprofile %s %s {\n' "$name" "$flags"
		printf '  %s\n' '/ r,' '/usr/lib{,32,64}/** mr,' '/usr/{bin,sbin}/{cat,python3*,dash,true,kill} mrix,' '/opt/** mrix,' '/bin/{cat,sh,true} mrix,' '/lib/** mr,' '/lib64/** mr,' '/etc/ld.so.* r,' \
			'/dev/null rw,' '/proc/** rw,' "$@"
		echo '}'
	} >"$file"
}
profile demo demo '' 'audit /etc/hostname r,' 'deny /etc/gshadow r,' 'change_profile -> demo-complain,'
profile words '"two words"' '' 'capability sys_admin,'
profile complain demo-complain 'flags=(complain)'
profile quote '"q\" exe=/bin/sh pid=1 comm=\"x"' ''
profile stack demo-stack '' 'change_profile,'
cat >/tmp/profiles/container <<'END'
abi <abi/3.0>,
profile corpus-container flags=(attach_disconnected,mediate_deleted) {
  capability,
  network,
  mount,
  / r,
  /bin/{sh,cat,few,busybox} mrix,
  /proc/** r,
}
END
sleep 300 &
sleeper=$!

load() {
	for each in "$@"; do apparmor_parser -K -r "/tmp/profiles/$each" || echo "$each: $?"; done
}

operations() {
	/usr/bin/python3 "$programs/apparmor-operations.py" "$@" "$sleeper" || echo "operations $*: $?"
}

auditctl -a never,task >/dev/null
auditd_start apparmor RAW NONE
load demo words complain quote stack
operations files demo
operations others demo
operations few 'two words'
aa-exec -p 'two words' -- /usr/bin/python3 -I -S -c 'import time; time.sleep(60)' &
peer=$!
sleep 1
/usr/bin/python3 "$programs/apparmor-operations.py" peer demo "$peer"
kill "$peer"
apparmor_parser -R /tmp/profiles/quote
load quote
aa-exec -p 'q" exe=/bin/sh pid=1 comm="x' -- /bin/cat /etc/shadow
aa-exec -p 'two words' -- "$programs/act" log seccomp
aa-exec -p 'q" exe=/bin/sh pid=1 comm="x' -- "$programs/act" log seccomp
auditd_stop

# With the records of the system call that was denied.
auditctl -D >/dev/null
auditd_start apparmor-syscall RAW NONE
auditctl -w /etc/shadow -p r >/dev/null
as_user 1000 aa-exec -p demo -- /bin/cat /etc/passwd
as_user 1000 aa-exec -p 'two words' -- /bin/cat /etc/passwd
aa-exec -p demo-complain -- /bin/sh -c 'cat /etc/shadow >/dev/null'
operations few 'two words'
auditctl -D >/dev/null
auditd_stop

auditd_start apparmor-enriched ENRICHED NONE
load container
container armoured SCMP_ACT_LOG corpus-container /bin/sh -c 'cat /etc/secret; cat "/etc/two words"; id; echo x >/tmp/new; few'
as_user 1000 aa-exec -p demo -- /bin/cat /etc/passwd
aa-exec -p demo-complain -- '/tmp/work/two words'
# A process under two profiles.
aa-exec -p demo -- /bin/true
sh -c "echo 'changeprofile demo-stack' >/proc/self/attr/apparmor/current; echo 'stack demo' >/proc/self/attr/apparmor/current; read line </etc/shadow; kill $sleeper"
auditd_stop

auditctl -a never,task >/dev/null
sysctl -q kernel.printk_ratelimit_burst=1000
dmesg -C
load demo
operations files demo
operations others demo
aa-exec -p demo-complain -- /bin/sh -c 'cat /etc/shadow >/dev/null'
aa-exec -p 'two words' -- "$programs/act" log seccomp
sleep 1
dmesg >"$out/apparmor-printk.log"
kill "$sleeper"
uname -r
hand_over
