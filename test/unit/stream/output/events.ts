import fc from 'fast-check';
import type { EnrichedEvent } from '../../../../src/stream/event.ts';

export const ID = '0123456789ab'.padEnd(64, 'c');

/** 1712311872.123 seconds after the epoch. */
const base = { time: '2024-04-05T10:11:12.123Z', serial: 4711, node: 'n1' } as const;

export const seccomp: EnrichedEvent = {
  ...base,
  type: 'seccomp',
  container: { id: ID, name: 'nginx', pod: 'web-0', namespace: 'prod' },
  process: { pid: 20011, uid: 101, gid: 102, comm: 'nginx', exe: '/usr/sbin/nginx' },
  seccomp: { syscall: 'listen', number: 50, arch: 'x86_64', action: 'log' },
};

export const selinux: EnrichedEvent = {
  ...base,
  type: 'selinux',
  process: { pid: 4242, comm: 'redis' },
  selinux: {
    verdict: 'denied',
    permissions: ['read', 'open'],
    class: 'file',
    scontext: 'a:b:c.process:s0',
    tcontext: 'a:b:var_lib_t:s0',
    permissive: true,
    path: '/x',
  },
};

export const apparmor: EnrichedEvent = {
  ...base,
  type: 'apparmor',
  container: { id: ID },
  process: { pid: 4166, comm: 'sh' },
  apparmor: {
    verdict: 'DENIED',
    operation: 'exec',
    profile: 'p1',
    name: '/usr/bin/id',
    requested: 'rx',
    denied: 'x',
  },
};

/** Any string at all, halves of surrogate pairs and control characters often among them. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
  fc.constantFrom('\n', '\r\n', '\u2028\u2029', '\ud800', '\udc00x', '"\\', '\u0000', '\x1b[2J', '__proto__'),
);

/** Events with any text wherever a process, a file or a log can put some. */
export const anyEvent: fc.Arbitrary<EnrichedEvent> = fc
  .tuple(fc.constantFrom(seccomp, selinux, apparmor), anyText, anyText, anyText, fc.boolean())
  .map(([event, a, b, c, known]) => ({
    ...event,
    node: a,
    ...(known && { container: { id: ID, name: a, pod: b, namespace: c, image: a } }),
    process: { pid: 1, comm: b, exe: c },
    ...(event.selinux && { selinux: { ...event.selinux, path: a, scontext: b, tcontext: c } }),
    ...(event.apparmor && { apparmor: { verdict: 'DENIED', operation: a, profile: b, name: c, denied: a, peer: b } }),
  }));
