import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account } from '../../../../../src/agent/audit/audit-log.ts';
import { withRun } from '../../../../../src/agent/recording/container-record.ts';
import { recordFor } from '../../../../../src/agent/recording/selection.ts';
import { SyscribeError } from '../../../../../src/platform/errors.ts';
import { podObject, recording, run, status } from '../../samples.ts';
import { event, kernel, node, POD, QUIET } from './node.ts';

test('the log is read only while a recording by Logs may concern the node', async (context) => {
  const { stores, state, logs, start } = node(context);
  stores.recordings.put('shop/rec', recording({ recorder: 'Logs' }));
  await logs.round();
  assert.equal(state.opened, 0, 'in no namespace that may be recorded');
  await start();
  await logs.round();
  assert.equal(state.opened, 1);
  stores.recordings.put('shop/rec', recording({ recorder: 'Logs' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
  await logs.round();
  assert.equal(state.opened, 0);
});

test('a container is recorded over its life, and ends when its cgroup does, with what comes before the mark', async (context) => {
  const { records, state, told, logs, begin, start, log, total } = node(context);
  await start();
  begin('one');
  log(event('one', 'mkdir'), event('other', 'reboot'), event('one', 'swapon', 'web', 'errno'));
  await logs.round();
  assert.deepEqual(total(), { names: ['workload mkdir'], reasons: [] });
  state.alive.delete('one');
  state.late = [event('one', 'rmdir')];
  await logs.round();
  assert.deepEqual(total(), { names: ['workload mkdir', 'workload rmdir'], reasons: [] });
  const [record] = records.list();
  assert.deepEqual([record?.done, record?.current], [1, {}]);
  await logs.round();
  assert.deepEqual([records.size, records.list()[0]?.done], [1, 1], 'its status still says that it runs');
  assert.deepEqual(told, []);
});

test('what comes of a container that is done with begins nothing anew', async (context) => {
  const { records, state, logs, begin, start, log } = node(context);
  await start();
  begin('one');
  log(event('one', 'mkdir'));
  state.alive.delete('one');
  await logs.round();
  records.remove(records.list()[0]?.id ?? '');
  log(event('one', 'rmdir'));
  await logs.round();
  assert.deepEqual(records.list(), []);
});

test('calls that come before the pod is known are kept for it', async (context) => {
  const { logs, begin, start, log, total } = node(context);
  await start();
  log(event('one', 'mkdir'));
  await logs.round();
  assert.deepEqual(total().names, []);
  begin('one');
  await logs.round();
  assert.deepEqual(total(), { names: ['workload mkdir'], reasons: [] });
});

test('what the runtime calls under the profile is told apart', async (context) => {
  const { logs, begin, start, log, total } = node(context);
  await start();
  begin('one');
  log(event('one', 'close', 'runc:[2:INIT]'), event('one', 'mkdir'), event('one', 'mkdir', 'crunch'));
  await logs.round();
  assert.deepEqual(total().names, ['runtime close', 'workload mkdir']);
});

test('two runs of a container that end together are both counted', async (context) => {
  const { records, state, logs, begin, start, log, see, total } = node(context);
  await start();
  begin('one');
  log(event('one', 'mkdir'), event('two', 'rmdir'));
  await logs.round();
  see(podObject(POD, [status('two', { terminated: { exitCode: 0 } }, { lastState: terminated('one') })]));
  state.alive.clear();
  await logs.round();
  assert.deepEqual(total().names, ['workload mkdir', 'workload rmdir']);
  assert.equal(records.list()[0]?.done, 2);
});

function terminated(id: string): object {
  return { terminated: { exitCode: 1, containerID: `containerd://${id}` } };
}

const LOSSES: readonly [what: string, account: Partial<Account>, reasons: readonly string[]][] = [
  ['the kernel lost records', { status: kernel(3) }, ['log-lost']],
  ['records were lost on their way', { lost: 2 }, ['log-lost']],
  ['processes could not be told', { unresolved: 2 }, ['log-lost']],
  ['the kernel may not be asked', { status: undefined }, ['log-unknown']],
];

for (const [what, account, reasons] of LOSSES)
  test(`where ${what} during a run, that is its reason; not before it, and not behind it`, async (context) => {
    const { records, state, logs, begin, start, log, total, see } = node(context);
    if (account.lost !== undefined) state.account = { ...QUIET, lost: 7 };
    await start();
    begin('one');
    log(event('one', 'mkdir'));
    const { lost = 0, ...rest } = account;
    state.account = { ...state.account, ...rest, lost: state.account.lost + lost };
    state.alive.delete('one');
    await logs.round();
    assert.deepEqual(total().reasons, reasons);
    if (account.status === undefined && 'status' in account) return;
    records.remove(records.list()[0]?.id ?? '');
    begin('two');
    log(event('two', 'mkdir'));
    see(podObject({ ...POD, uid: 'another' }, [status('two')]));
    await logs.round();
    assert.deepEqual(total(), { names: ['workload mkdir'], reasons: [] });
  });

test('where the end of the log does not arrive, that is the reason', async (context) => {
  const { state, logs, begin, start, log, total } = node(context);
  await start();
  begin('one');
  log(event('one', 'mkdir'));
  state.settles = false;
  state.alive.delete('one');
  await logs.round();
  assert.deepEqual(total().reasons, ['log-lost']);
});

test('what ran before the log was read, or while it could not be, is not whole', async (context) => {
  const { logs, begin, start, log, fail, total, records } = node(context);
  begin('early');
  await start();
  log(event('early', 'mkdir'));
  await logs.round();
  assert.deepEqual(total().reasons, ['began-late']);
  records.remove(records.list()[0]?.id ?? '');
  begin('one');
  log(event('one', 'mkdir'));
  await logs.round();
  assert.deepEqual(total().reasons, []);
  fail(new Error('the file is gone'));
  await new Promise(setImmediate);
  log(event('one', 'rmdir'));
  await logs.round();
  assert.equal(logs.unsupported, 'the file is gone');
  assert.deepEqual(total(), { names: ['workload mkdir', 'workload rmdir'], reasons: ['began-late'] });
});

test('a run that an earlier process began and that is gone is folded in', async (context) => {
  const { records, logs, start } = node(context);
  const before = recordFor(recording({ recorder: 'Logs' }), podObject(POD), 'front', 'runc');
  records.put(withRun(before, 'gone', run(['mkdir']), false, 1));
  await start();
  await logs.round();
  const [record] = records.list();
  assert.deepEqual([record?.done, record?.finished], [1, true]);
  assert.deepEqual(
    record?.past.reasons.map(({ code }) => code),
    ['began-late'],
  );
});

test('a recording that is deleted gets what was logged up to then', async (context) => {
  const { records, stores, state, logs, begin, start, log, total } = node(context);
  await start();
  begin('one');
  log(event('one', 'mkdir'));
  await logs.round();
  state.late = [event('one', 'rmdir')];
  stores.recordings.remove('shop/rec');
  await logs.round();
  assert.equal(records.list()[0]?.finished, true);
  assert.deepEqual(total(), { names: ['workload mkdir', 'workload rmdir'], reasons: ['still-running'] });
});

test('a container without a session is not recorded, and what records the same pod by eBPF is left alone', async (context) => {
  const { records, state, logs, see, start, log } = node(context);
  const other = withRun(recordFor(recording(), podObject(), 'front', 'runc'), 'one', run(['read']), false, 1);
  records.put(other);
  await start();
  state.alive.add('one');
  see(podObject({}, [status('one')]));
  log(event('one', 'mkdir'));
  await logs.round();
  assert.deepEqual(records.list(), [other]);
  assert.equal(logs.stats.containers, 0, 'nor is it kept');
});

test('a log that cannot be read is told of the pods that wait for it', async (context) => {
  const { state, told, logs, begin, start } = node(context);
  state.refusal = new Error('no audit here');
  begin('one');
  await start();
  await logs.round();
  assert.deepEqual(told, ['AuditLogUnavailable']);
  assert.equal(logs.unsupported, 'no audit here');
});

test('a container of which nothing is logged is told, and gives no profile', async (context) => {
  const { records, state, told, logs, begin, start } = node(context);
  await start();
  begin('one');
  await logs.round();
  state.alive.delete('one');
  await logs.round();
  assert.deepEqual(told, ['NothingLogged']);
  assert.deepEqual(records.list()[0]?.past.calls, []);
});

/** So many calls within a second of the log. */
const flood = (id: string, count: number, second = '00') =>
  Array.from({ length: count }, () => ({ ...event(id, 'mkdir'), time: `2026-01-01T00:00:${second}.000Z` }));

test('the noisiest container is recorded no more above the limit, and not begun with anew; the others are', async (context) => {
  const { records, logs, state, start, log, see, told, total } = node(context);
  await start();
  for (const id of ['loud', 'soft']) state.alive.add(id);
  see(podObject(POD, [status('loud'), status('soft')]));
  log(...flood('loud', 150), ...flood('soft', 50));
  await logs.round();
  assert.deepEqual(total().reasons, [], '20 a second over ten seconds is what it may be');
  log(...flood('loud', 1));
  await logs.round();
  await logs.round();
  assert.deepEqual(told, ['RecordingRateLimited']);
  assert.deepEqual([records.list()[0]?.ended, logs.stats.limited], [['loud'], 1]);
  log(event('loud', 'swapon'), ...flood('loud', 1000), event('soft', 'rmdir'));
  await logs.round();
  assert.deepEqual(total(), { names: ['workload mkdir', 'workload rmdir'], reasons: ['rate-limited'] });
  assert.deepEqual(told, ['RecordingRateLimited']);
});

test('what is logged over a longer time is no flood', async (context) => {
  const { logs, start, begin, log, told } = node(context);
  await start();
  begin('one');
  for (const second of ['00', '10', '20', '30']) log(...flood('one', 150, second));
  await logs.round();
  assert.deepEqual(told, []);
});

test('when the clock is set back, what is counted begins anew', async (context) => {
  const { logs, start, begin, log, told } = node(context);
  await start();
  begin('one');
  log(...flood('one', 150, '50'), ...flood('one', 150, '10'));
  await logs.round();
  assert.deepEqual(told, []);
});

test('what ended while the log could not be read is not left out', async (context) => {
  const { state, told, logs, begin, start, see, total } = node(context);
  state.refusal = new SyscribeError('ERR_AUDIT_SOURCE', 'no audit here', { remedy: 'Start it.' });
  begin('one');
  await start();
  assert.equal(logs.unsupported, 'no audit here. Start it.');
  state.alive.clear();
  see(podObject(POD, [status('one', { terminated: { exitCode: 0, finishedAt: new Date().toISOString() } })]));
  await logs.round();
  assert.deepEqual(total(), { names: [], reasons: ['log-lost'] });
  assert.ok(told.includes('NotRecorded'), `${told}`);
});
