import type { EnrichedEvent } from '../../../../src/stream/event.ts';

const COMMON = { time: '2024-04-05T19:34:38.123Z', serial: 4711, node: 'n1' } as const;
export const CONTAINER = { id: 'a1'.repeat(32), name: 'web', pod: 'web-1', namespace: 'prod', image: 'nginx' };

export const SECCOMP: EnrichedEvent = {
  ...COMMON,
  type: 'seccomp',
  container: CONTAINER,
  process: { pid: 20011, uid: 101, gid: 102, comm: 'nginx', exe: '/usr/sbin/nginx' },
  seccomp: { syscall: 'listen', number: 50, arch: 'x86_64', action: 'log' },
};

export const SELINUX: EnrichedEvent = {
  ...COMMON,
  type: 'selinux',
  process: { pid: 4242, comm: 'redis' },
  selinux: {
    verdict: 'denied',
    permissions: ['read', 'open'],
    class: 'file',
    scontext: 'system_u:system_r:a_t:s0',
    tcontext: 'system_u:object_r:b_t:s0',
    permissive: true,
    path: '/x',
  },
};

export const APPARMOR: EnrichedEvent = {
  ...COMMON,
  type: 'apparmor',
  process: { pid: 4166, comm: 'sh' },
  apparmor: { verdict: 'DENIED', operation: 'exec', profile: 'p1', name: '/usr/bin/id', requested: 'x', denied: 'x' },
};
