import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account } from '../../../../../src/agent/audit/audit-log.ts';
import { withRun } from '../../../../../src/agent/recording/container-record.ts';
import type { Checkpoint } from '../../../../../src/agent/recording/log/checkpoint.ts';
import type { Records } from '../../../../../src/agent/recording/record-store.ts';
import { recordFor } from '../../../../../src/agent/recording/selection.ts';
import { podObject, recording, run, status } from '../../samples.ts';
import { at, event, kernel, node, POD, QUIET } from './node.ts';

const EARLIER: Checkpoint = { time: Date.now() - 5000, position: at(1), kernelLost: 0, done: ['recorded'] };

/** One that an earlier process recorded, and that runs still. */
function begun(records: Records, id: string): void {
  const before = recordFor(recording({ recorder: 'Logs' }), podObject(POD), 'front', 'runc');
  records.put(withRun(before, id, run(['mkdir']), false, 1));
}

test('read on from where an earlier process stopped, what it recorded is whole, and what began meanwhile', async (context) => {
  const { records, state, start, begin, see, total } = node(context, EARLIER);
  begun(records, 'one');
  state.began = 'continued';
  state.behind = [event('one', 'rmdir'), event('two', 'link'), event('recorded', 'swapon')];
  begin('one');
  see(podObject(POD, [status('one'), status('two')]));
  state.alive.add('two').add('recorded');
  await start();
  assert.equal(state.from?.offset, 1);
  assert.deepEqual(total(), { names: ['workload link', 'workload mkdir', 'workload rmdir'], reasons: [] });
});

const AWAY: readonly [what: string, account: Partial<Account>, reason: string][] = [
  ['the kernel lost records', { status: kernel(1) }, 'log-lost'],
  ['numbers never came', { lost: 1 }, 'log-lost'],
  ['processes ended', { unresolved: 1 }, 'log-lost'],
  ['the kernel may not be asked', { status: undefined }, 'log-unknown'],
];

for (const [what, account, reason] of AWAY)
  test(`where ${what} while the agent was away, what ran then says so; what begins later does not`, async (context) => {
    const { records, state, logs, start, begin, log, total } = node(context, EARLIER);
    begun(records, 'one');
    state.began = 'continued';
    state.account = { ...QUIET, ...account };
    begin('one');
    await start();
    assert.deepEqual(total().reasons, [reason]);
    records.remove(records.list()[0]?.id ?? '');
    if (reason === 'log-unknown') return;
    begin('later');
    log(event('later', 'mkdir'));
    state.alive.delete('later');
    await logs.round();
    assert.deepEqual(total(), { names: ['workload mkdir'], reasons: [] });
  });

test('where the log was rotated too far meanwhile, or has no past, what ran then is not whole', async (context) => {
  for (const [began, code] of [
    ['behind', 'log-lost'],
    ['anew', 'began-late'],
  ] as const) {
    const { records, state, start, begin, total } = node(context, EARLIER);
    begun(records, 'one');
    state.began = began;
    begin('one');
    await start();
    assert.deepEqual(total().reasons, [code]);
  }
});

test('what ended while the agent was away and left nothing in the log is told, once; what is recorded is not', async (context) => {
  const { records, state, logs, start, see, told, total } = node(context, EARLIER);
  const end = (finishedAt: number) => ({
    terminated: { exitCode: 0, finishedAt: `${new Date(finishedAt).toISOString().slice(0, 19)}Z` },
  });
  state.began = 'continued';
  see(
    podObject(POD, [
      status('gone', end(Date.now() - 3000)),
      status('recorded', end(EARLIER.time)),
      status('long-ago', end(EARLIER.time - 60_000)),
    ]),
  );
  await start();
  await logs.round();
  assert.deepEqual(told, ['NotRecorded']);
  assert.deepEqual(records.list()[0]?.ended, ['gone']);
  assert.deepEqual(total(), { names: [], reasons: ['log-lost'] });
});

test('the position is kept behind what is on disk, and held by what is not', async (context) => {
  const { logs, start, begin, logTo, kept, stores } = node(context);
  await start();
  logTo(10);
  logTo(20, event('one', 'mkdir'));
  logTo(30);
  await logs.round();
  assert.equal(kept()?.position?.offset, 10, 'whose it is, is not known yet');
  begin('one');
  await logs.round();
  assert.equal(kept()?.position?.offset, 30);
  logTo(40, event('one', 'mkdir'));
  await logs.round();
  assert.equal(kept()?.position?.offset, 40, 'nothing new is in there');
  stores.recordings.remove('shop/rec');
  await logs.round();
  await logs.round();
  assert.equal(kept(), undefined, 'nobody wants the log');
});

test('told to end, it folds in what came, and keeps how far that was', async (context) => {
  const { logs, start, begin, logTo, kept, total, stores, state } = node(context);
  for (const store of Object.values(stores)) Object.assign(store, { synced: Promise.resolve() });
  await start();
  begin('one');
  await logs.round();
  logTo(20, event('one', 'mkdir'));
  const stop = new AbortController();
  stop.abort();
  await logs.run(stop.signal);
  assert.deepEqual([total().names, kept()?.position?.offset, state.opened], [['workload mkdir'], 20, 0]);
});

test('while the log cannot be opened, what an earlier process began waits; in the end it is read from then on', async (context) => {
  const { records, state, logs, start, begin, total } = node(context, EARLIER);
  begun(records, 'one');
  begin('one');
  state.refusal = new Error('not yet');
  context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  await start();
  assert.deepEqual(total().reasons, []);
  for (let again = 0; again < 3; again++) {
    context.mock.timers.tick(30_000);
    await logs.round();
  }
  assert.deepEqual(total().reasons, ['began-late']);
});

test('a container that logged too much is not begun with anew by the next process', async (context) => {
  const { records, state, logs, start, begin, log, total } = node(context, EARLIER);
  const before = recordFor(recording({ recorder: 'Logs' }), podObject(POD), 'front', 'runc');
  records.put(withRun(before, 'one', run(['mkdir'], ['rate-limited']), true, 1));
  state.began = 'continued';
  begin('one');
  await start();
  log(event('one', 'rmdir'));
  await logs.round();
  assert.deepEqual(total(), { names: ['workload mkdir'], reasons: ['rate-limited'] });
  assert.equal(logs.stats.containers, 0);
});
