import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCgroupMounts, parseHierarchies } from '../../../src/container/cgroup.ts';
import { containerIdOf } from '../../../src/container/find.ts';

const ID = 'c0ffee'.padEnd(64, '0');

for (const [name, expected] of [
  [ID, ID],
  [`docker-${ID}.scope`, ID],
  [`libpod-${ID}.scope`, ID],
  [`cri-containerd-${ID}.scope`, ID],
  [`crio-${ID}.scope`, ID],
  ['mycontainer', 'mycontainer'],
  [`libpod-conmon-${ID}.scope`, undefined],
  [`crio-conmon-${ID}.scope`, undefined],
  ['kubepods.slice', undefined],
  ['nginx.service', undefined],
] as const)
  test(`the container id in ${name.slice(0, 30)} is ${expected?.slice(0, 12)}`, () => {
    assert.equal(containerIdOf(name), expected);
  });

test('cgroup mounts of a hybrid host, with octal escapes', () => {
  const mountinfo = `22 1 0:20 / /proc rw - proc proc rw
30 23 0:26 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
31 23 0:27 / /sys/fs/my\\040cgroup rw - cgroup2 cgroup2 rw
`;
  assert.deepEqual(parseCgroupMounts(mountinfo), [
    { path: '/sys/fs/cgroup/pids', version: 1, controllers: ['rw', 'pids'] },
    { path: '/sys/fs/my cgroup', version: 2, controllers: [] },
  ]);
});

test('hierarchy numbers by controller', () => {
  const found = parseHierarchies('12:cpu,cpuacct:/a\n8:pids:/\n1:name=systemd:/x\n0::/\n');
  assert.deepEqual(
    [...found],
    [
      ['cpu', 12],
      ['cpuacct', 12],
      ['pids', 8],
      ['name=systemd', 1],
      ['', 0],
    ],
  );
});
