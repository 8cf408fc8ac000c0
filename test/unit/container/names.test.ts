import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerOfPath, containerOfProcess } from '../../../src/container/names.ts';

const A = 'a1'.repeat(32);
const B = 'b2'.repeat(32);
const POD = 'kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice';

for (const [what, path, expected] of [
  ['docker, cgroupfs', `/docker/${A}`, A],
  ['docker, systemd', `/system.slice/docker-${A}.scope`, A],
  ['containerd in Kubernetes, cgroupfs', `/kubepods/burstable/pod12345678-1234-1234-1234-123456789abc/${A}`, A],
  ['containerd in Kubernetes, systemd', `/kubepods.slice/kubepods-burstable.slice/${POD}/cri-containerd-${A}.scope`, A],
  ['containerd told a systemd path without systemd', `/system.slice/${POD}:cri-containerd:${A}`, A],
  ['CRI-O, systemd', `/kubepods.slice/${POD}/crio-${A}.scope`, A],
  ['CRI-O, cgroupfs', `/kubepods/besteffort/pod1234/crio-${A}`, A],
  ['podman, systemd', `/machine.slice/libpod-${A}.scope/container`, A],
  ['podman, cgroupfs', `/libpod_parent/libpod-${A}`, A],
  ['podman without root', `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${A}.scope`, A],
  ['nerdctl', `/system.slice/nerdctl-${A}.scope`, A],
  ['runc by itself, systemd', '/user.slice/runc-demo.scope', 'demo'],
  ['systemd inside of a container', `/docker/${A}/system.slice/nginx.service`, A],
  ['a container in a container (kind)', `/docker/${A}/kubelet/kubepods/pod1/${B}`, A],
  ['conmon beside a container', `/machine.slice/libpod-conmon-${A}.scope`, undefined],
  ['conmon of CRI-O', `/kubepods.slice/${POD}/crio-conmon-${A}.scope`, undefined],
  ['a service', '/system.slice/nginx.service', undefined],
  ['a session', '/user.slice/user-0.slice/session-1.scope', undefined],
  ['the root', '/', undefined],
  ['a pod without a container', `/kubepods.slice/${POD}`, undefined],
  ['63 digits', `/docker/${A.slice(1)}`, undefined],
  ['65 digits', `/docker/${A}0`, undefined],
] as const)
  test(`${what}: ${expected?.slice(0, 6) ?? 'none'}`, () => assert.equal(containerOfPath(path), expected));

test('v1, hybrid and v2 texts of /proc/PID/cgroup', () => {
  assert.equal(containerOfProcess(`0::/system.slice/docker-${A}.scope\n`), A);
  assert.equal(containerOfProcess(`12:pids:/docker/${A}\n11:memory:/docker/${A}\n1:name=systemd:/docker/${A}\n`), A);
  assert.equal(containerOfProcess(`12:pids:/docker/${A}\n0::/\n`), A);
  assert.equal(containerOfProcess(`12:pids:/docker/${A}\n0::/docker/${B}\n`), B, 'v2 counts where it tells');
  assert.equal(containerOfProcess('12:pids:/\n0::/init.scope\n'), undefined);
  assert.equal(containerOfProcess(`1:name=systemd:/x:cri-containerd:${A}\n`), A);
  assert.equal(containerOfProcess(''), undefined);
});
