#!/bin/sh
# Seccomp's actions as an arm64 kernel tells of them: run in the guest, which has only busybox.
hostname n1
echo 1000 >/proc/sys/kernel/printk_ratelimit_burst
dmesg -c >/dev/null
act=/opt/corpus/act
for action in log errno trap trace user_notif kill_thread kill_process; do $act $action; done
$act log 'two words'
cp $act '/opt/corpus/a "b"c'
'/opt/corpus/a "b"c' log
sleep 1
uname -r
echo "-- begin of corpus"
mkdir /tmp/out
dmesg >/tmp/out/arm64-printk.log
tar -C /tmp/out -c . | gzip -9 | base64
echo "-- end of corpus"
