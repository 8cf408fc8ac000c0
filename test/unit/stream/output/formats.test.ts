import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EnrichedEvent } from '../../../../src/stream/event.ts';
import { makeFormat } from '../../../../src/stream/output/formats.ts';
import { SpoJsonBuckets } from '../../../../src/stream/output/spo-json.ts';
import { renderSpoLog } from '../../../../src/stream/output/spo-log.ts';
import { APPARMOR, CONTAINER, SECCOMP, SELINUX } from './events.ts';

const SETTINGS = { color: false, interval: 1000 };

test('json: one line that is the event, whatever is in it', () => {
  const format = makeFormat('json', SETTINGS);
  assert.deepEqual(JSON.parse(format.lines([SECCOMP])), SECCOMP);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (comm) => {
      const line = format.lines([{ ...SECCOMP, process: { pid: 1, comm } }]);
      assert.equal(line.indexOf('\n'), line.length - 1);
      assert.equal(JSON.parse(line).process.comm, comm);
    }),
  );
});

test('pretty: nothing that a terminal would act on comes through', () => {
  const lines = makeFormat('pretty', SETTINGS).lines([SECCOMP, SELINUX, APPARMOR]);
  assert.match(lines, /log .* prod\/web-1\/web .* nginx\[20011\] \/usr\/sbin\/nginx {2}listen \(x86_64 50\)\n/);
  assert.match(lines, /denied, let .* host .* redis\[4242\] {2}\{ read open \} file \/x system_u:system_r:a_t:s0 ->/);
  assert.match(lines, /DENIED .* sh\[4166\] {2}exec by p1: \/usr\/bin\/id \(x\)\n/);
  const hostile = makeFormat('pretty', SETTINGS).lines([
    { ...SECCOMP, process: { pid: 1, comm: '\u001b[2J\u009b1A\u202e\n', exe: '/\u0007\r' } },
  ]);
  assert.match(hostile, /^[\u0020-\u007e]+\n$/);
});

const NOW = new Date(2026, 10, 3, 4, 5, 6, 7);

test('spo-log: klog’s header, SPO’s keys in SPO’s order', () => {
  assert.equal(
    renderSpoLog(SECCOMP, 123, NOW),
    'I1103 04:05:06.007000     123 syscribe:1] "audit" logger="log-enricher" timestamp="1712345678.123:4711" type="seccomp" ' +
      'node="n1" namespace="prod" pod="web-1" container="web" executable="/usr/sbin/nginx" pid=20011 syscallID=50 ' +
      'syscallName="listen"\n',
  );
  assert.match(
    renderSpoLog(SELINUX, 1, NOW),
    /type="selinux" profile="" node="n1" .* perm="read open" scontext="system_u/,
  );
  assert.match(renderSpoLog(APPARMOR, 1, NOW), /apparmor="DENIED" operation="exec" profile="p1" name="\/usr\/bin\/id"/);
  const hostile: EnrichedEvent = { ...SECCOMP, process: { pid: 1, exe: '"\\\n\u0001é\u202e' } };
  assert.match(renderSpoLog(hostile, 1, NOW), /executable="\\"\\\\\\n\\x01é\\u202e" pid=1/);
});

test('spo-json: the calls of a process within an interval from the first are one record', () => {
  const buckets = new SpoJsonBuckets(() => ({ cmdLine: 'nginx -g ', requestUID: 'u' }), 1000);
  const call = (syscall: string, pid: number) => ({
    ...SECCOMP,
    process: { ...SECCOMP.process, pid },
    seccomp: { syscall, number: 1, arch: 'x86_64', action: 'log' } as const,
  });
  assert.deepEqual(buckets.add(call('read', 1), 0), []);
  assert.deepEqual(buckets.add(call('listen', 1), 900), []);
  assert.deepEqual(buckets.add(call('read', 1), 999), []);
  assert.equal(buckets.keptSince, 0);
  const [line = ''] = buckets.add(call('open', 1), 1000);
  const { auditID, ...record } = JSON.parse(line);
  assert.match(auditID, /^[0-9a-f-]{36}$/);
  assert.deepEqual(record, {
    cmdLine: 'nginx -g ',
    executable: '/usr/sbin/nginx',
    gid: 102,
    node: { name: 'n1' },
    pid: 1,
    requestUID: 'u',
    resource: { pod: CONTAINER.pod, namespace: CONTAINER.namespace, container: CONTAINER.name },
    syscalls: ['listen', 'read'],
    timestamp: '2024-04-05T19:34:38.000Z',
    uid: 101,
    version: 'spo/v1_alpha',
  });
  assert.deepEqual(Object.keys(JSON.parse(line)), Object.keys(JSON.parse(line)).sort());
  assert.deepEqual(
    buckets.flush().map((text) => JSON.parse(text).syscalls),
    [['open']],
  );
  assert.equal(buckets.keptSince, undefined);
});

test('spo-json: memory is bounded, and nothing is lost by that', () => {
  const buckets = new SpoJsonBuckets(() => ({}), 1e9);
  let lines = 0;
  for (let pid = 1; pid <= 5000; pid++) lines += buckets.add({ ...SECCOMP, process: { pid } }, pid).length;
  assert.equal(lines, 4000);
  assert.equal(buckets.flush().length, 1000);
});
