import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnrichedEvent } from '../../../../src/stream/event.ts';
import { parseFilter } from '../../../../src/stream/output/filter.ts';
import { filterOfEvents, makeFormat } from '../../../../src/stream/output/formats.ts';
import { select } from '../../../../src/stream/output/select.ts';
import { type ProcessDetails, SpoJsonBuckets } from '../../../../src/stream/output/spo-json.ts';
import { apparmor, ID, seccomp, selinux } from './events.ts';

const call = (syscall: string, change: Partial<EnrichedEvent> = {}): EnrichedEvent => ({
  ...seccomp,
  seccomp: { syscall, number: 0, arch: 'x86_64', action: 'log' },
  ...change,
});
const by = (pid: number, exe = '/bin/a') => ({ process: { pid, uid: 1, gid: 2, exe } });
const make = (details: (pid: number) => ProcessDetails = () => ({})) => new SpoJsonBuckets(details, 1000);
const syscalls = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).syscalls);

test('what a process calls in an interval is one record, with the keys of SPO in their order', () => {
  const buckets = make((pid) => ({ cmdLine: `sleep ${pid} `, requestUID: 'r-1' }));
  assert.deepEqual(buckets.add(seccomp, 0), []);
  buckets.add(call('accept4', { time: '2024-04-05T10:11:13.999Z' }), 10);
  buckets.add(seccomp, 20);
  const [line = '', ...others] = buckets.flush();
  assert.deepEqual(others, []);
  assert.equal(line.indexOf('\n'), line.length - 1);
  const { auditID, ...record } = JSON.parse(line);
  assert.match(auditID, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(record, {
    cmdLine: 'sleep 20011 ',
    executable: '/usr/sbin/nginx',
    gid: 102,
    node: { name: 'n1' },
    pid: 20011,
    requestUID: 'r-1',
    resource: { pod: 'web-0', namespace: 'prod', container: 'nginx' },
    syscalls: ['accept4', 'listen'],
    timestamp: '2024-04-05T10:11:12.000Z',
    uid: 101,
    version: 'spo/v1_alpha',
  });
  const keys = Object.keys(JSON.parse(line));
  assert.deepEqual(keys, keys.toSorted());
});

test('rules are for records, by SPO’s keys, and other terms for events', () => {
  const filter = parseFilter([
    '[{"priority":1,"level":"Metadata","matchKeys":["resource/pod"],"matchValues":["web-0"]},{"priority":2,"level":"None","matchKeys":["version"]}]',
    'seccomp.syscall!=read',
  ]);
  const format = makeFormat('spo-json', { color: false, interval: 1000, filter });
  const other = { ...seccomp, container: { id: ID, pod: 'db-0' } };
  const events = [seccomp, call('read', by(7)), { ...other, ...by(8) }];
  const lines = format.lines(select(events, filterOfEvents('spo-json', filter))) + format.due(true);
  assert.deepEqual(syscalls(lines.trim().split('\n')), [['listen']]);
});

test('each record has an id of its own', () => {
  const buckets = make();
  buckets.add(call('read', by(1)), 0);
  buckets.add(call('read', by(2)), 0);
  assert.equal(new Set(buckets.flush().map((line) => JSON.parse(line).auditID)).size, 2);
});

test('the interval runs from the first call: a process that never rests is told of', () => {
  const buckets = make();
  const lines = Array.from({ length: 30 }, (_, index) => buckets.add(call(`call${index}`, by(1)), index * 100)).flat();
  assert.deepEqual(
    syscalls([...lines, ...buckets.flush()]).map((names) => names.length),
    [10, 10, 10],
  );
});

test('a record is given when its interval is over, not before', () => {
  const buckets = make();
  buckets.add(call('read', by(1)), 0);
  buckets.add(call('write', by(2)), 500);
  assert.equal(buckets.keptSince, 0);
  assert.deepEqual(buckets.expire(999), []);
  assert.deepEqual(syscalls(buckets.expire(1000)), [['read']]);
  assert.equal(buckets.keptSince, 500);
  assert.deepEqual(syscalls(buckets.expire(5000)), [['write']]);
  assert.equal(buckets.keptSince, undefined);
  assert.deepEqual(buckets.flush(), []);
});

test('a number that is used again, in another container or by another program, is another process', () => {
  const buckets = make();
  buckets.add(call('read', by(1)), 0);
  buckets.add(call('write', by(1, '/bin/b')), 1);
  buckets.add(call('open', { ...by(1), container: { id: ID.replace('0', 'f') } }), 2);
  assert.deepEqual(syscalls(buckets.flush()), [['read'], ['write'], ['open']]);
});

test('details are read when a record begins: later the process may have gone', () => {
  let reads = 0;
  const buckets = make(() => ({ cmdLine: `read ${++reads} ` }));
  for (const name of ['read', 'write', 'open']) buckets.add(call(name, by(1)), 0);
  assert.deepEqual(
    buckets.flush().map((line) => JSON.parse(line).cmdLine),
    ['read 1 '],
  );
});

test('the oldest record makes room for the thousand and first', () => {
  const buckets = make();
  const lines = Array.from({ length: 1001 }, (_, pid) => buckets.add(call('read', by(pid)), 0)).flat();
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).pid),
    [0],
  );
  assert.equal(buckets.flush().length, 1000);
});

test('without a container there is no resource; a call without a name is told by its number', () => {
  const buckets = make();
  const { container: _, ...host } = seccomp;
  buckets.add({ ...host, seccomp: { number: 999, arch: 'x86_64', action: 'log' } }, 0);
  const record = JSON.parse(buckets.flush()[0] ?? '');
  assert.equal(record.resource, null);
  assert.deepEqual(record.syscalls, ['999']);
  assert.ok(!('requestUID' in record));
  assert.equal(record.cmdLine, '');
});

test('only seccomp events are told of', () => {
  const buckets = make();
  buckets.add(selinux, 0);
  buckets.add(apparmor, 0);
  assert.deepEqual(buckets.flush(), []);
});
