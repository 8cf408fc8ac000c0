import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AuditLog, OnBatch } from '../../../../src/agent/audit/audit-log.ts';
import type { InstallableProfile } from '../../../../src/agent/install/installer.ts';
import { podOf } from '../../../../src/agent/pods/cluster.ts';
import { RolloutHistory } from '../../../../src/agent/rollout/history.ts';
import { Rollouts } from '../../../../src/agent/rollout/rollouts.ts';
import { enforcedOf } from '../../../../src/api/rollout.ts';
import type { EnrichedEvent } from '../../../../src/stream/event.ts';
import { profile, user } from '../install/support.ts';
import { event, QUIET } from '../recording/log/node.ts';

const KEY = 'SeccompProfile/web';
const quiet = { info: () => {}, warn: () => {} };

/** A node with one profile that refuses mkdir, one pod that has it, and a log that is what the test says. */
function node(
  context: Pick<TestContext, 'after'>,
  rollout: InstallableProfile['spec']['rollout'] = { mode: 'Audit' },
  container: object = {},
) {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-rollouts-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const state = {
    profile: profile('web', { ...(rollout && { rollout }) }) as InstallableProfile | undefined,
    createdAt: Date.now() + 60_000,
    account: QUIET,
    opened: 0,
    closed: 0,
    failure: undefined as Error | undefined,
    known: true,
    alive: ['one'],
    take: (() => {}) as OnBatch,
  };
  const raw = {
    ...user('p', 'web'),
    spec: { ...user('p', 'web').spec, containers: [{ name: 'c' }] },
    status: { containerStatuses: [{ name: 'c', containerID: 'containerd://one', state: container }] },
  };
  const pod = podOf(raw);
  const open = async (onBatch: OnBatch): Promise<AuditLog> => {
    if (state.failure) throw state.failure;
    state.opened += 1;
    state.take = onBatch;
    return {
      began: 'anew',
      ended: new Promise(() => {}),
      settle: async () => true,
      account: () => state.account,
      counts: () => {
        throw new Error('nobody asks');
      },
      [Symbol.asyncDispose]: async () => {
        state.closed += 1;
      },
    };
  };
  const changed: string[] = [];
  const begin = () => {
    const rollouts = new Rollouts({
      installers: [
        {
          kind: 'SeccompProfile',
          profile: () => state.profile,
          names: () => (state.profile ? ['web'] : []),
          namesOf: (reference) => (reference === 'SeccompProfile:operator/web.json' ? ['web.json', 'web'] : []),
          onChange: () => {},
          refuses: (_, syscall) => syscall === 'mkdir',
          synced: Promise.resolve(),
        },
      ],
      pods: { list: () => [pod].values(), onChange: () => () => {}, synced: Promise.resolve() },
      identities: {
        identify: async (id) =>
          state.known && id === 'one'
            ? { sandbox: false, name: 'c', handler: '', runtime: '', podUid: 'uid-of-p', createdAt: state.createdAt }
            : undefined,
        pod: () => (state.known ? pod : undefined),
      },
      alive: () => new Map(state.alive.map((id) => [id, 'uid'])),
      history: new RolloutHistory(join(directory, 'rollouts.json'), quiet),
      log: quiet,
      statuses: { rollout: () => undefined, synced: Promise.resolve() },
      open,
    });
    rollouts.onChange((key) => changed.push(key));
    return rollouts;
  };
  const log = (...events: EnrichedEvent[]) => state.take({ events });
  return { state, changed, begin, log };
}

test('the log is read while a profile is in Audit, and no longer', async (context) => {
  const { state, begin } = node(context);
  const rollouts = begin();
  await rollouts.round();
  await rollouts.round();
  assert.deepEqual([state.opened, state.closed], [1, 0]);
  state.profile = profile('web');
  await rollouts.round();
  assert.deepEqual([state.opened, state.closed, rollouts.of(KEY)], [1, 1, undefined]);
  const other = node(context, { mode: 'Enforce' });
  await other.begin().round();
  assert.equal(other.state.opened, 0);
});

test('calls that the profile refuses are told by workload; others, and those of other containers, are not', async (context) => {
  const { begin, log, changed } = node(context);
  const rollouts = begin();
  await rollouts.round();
  log(event('one', 'mkdir'), event('one', 'mkdir'), event('one', 'read'), event('two', 'mkdir'));
  log(event('one', 'mkdir', 'web', 'errno'));
  await rollouts.round();
  const { denied } = rollouts.of(KEY) ?? {};
  assert.deepEqual(
    denied?.map(({ syscall, workload, count }) => [syscall, workload, count]),
    [['mkdir', 'n/Pod/p/c', 2]],
    'what an earlier profile refuses is not what this one would',
  );
  assert.deepEqual(changed, [KEY, KEY]);
  await rollouts.round();
  assert.equal(changed.length, 2, 'nothing new');
});

test('of an enforced profile, what it refuses counts, and what containers of before the promotion do', async (context) => {
  const { state, begin, log } = node(context);
  const audit = profile('web', { rollout: { mode: 'Audit' } });
  state.profile = { ...audit, status: { enforced: enforcedOf(audit) } };
  const rollouts = begin();
  await rollouts.round();
  assert.equal(rollouts.of(KEY)?.mode, 'Enforce');
  log(event('one', 'mkdir', 'web', 'errno'), event('one', 'mkdir'), event('one', 'read', 'web', 'errno'));
  await rollouts.round();
  assert.deepEqual(
    rollouts.of(KEY)?.denied?.map(({ count }) => count),
    [2],
  );
});

test('how a profile is installed is told once it is there', async (context) => {
  const { state, begin } = node(context);
  const rollouts = begin();
  const audit = state.profile as InstallableProfile;
  rollouts.installed('SeccompProfile', audit, { since: 1, changed: true });
  const promoted = { ...audit, status: { enforced: enforcedOf(profile('web', { rollout: { mode: 'Audit' } })) } };
  state.profile = promoted;
  await rollouts.round();
  assert.equal(rollouts.of(KEY)?.mode, 'Audit');
  rollouts.installed('SeccompProfile', promoted, { since: 2, changed: true });
  await rollouts.round();
  assert.equal(rollouts.of(KEY)?.mode, 'Enforce');
});

test('a container counts once, over processes, if its start was seen', async (context) => {
  const { state, begin } = node(context);
  const first = begin();
  await first.round();
  first.installed('SeccompProfile', state.profile as InstallableProfile, { since: 1, changed: true });
  await first.round();
  const told = first.of(KEY);
  assert.deepEqual([told?.containers, told?.running], [1, [{ generation: 1, mode: 'Audit', pods: 1 }]]);
  assert.ok(told?.cleanFrom);
  await first.round();
  assert.equal(first.of(KEY)?.containers, 1);
  // Known before, it need not be created after the log was opened.
  state.createdAt = 5;
  const second = begin();
  await second.round();
  await second.round();
  assert.deepEqual([second.of(KEY)?.containers, second.of(KEY)?.counting], [1, true]);
});

test('a container that was counted in Audit is not counted again when that is promoted', async (context) => {
  const { state, begin } = node(context);
  const rollouts = begin();
  await rollouts.round();
  const audit = state.profile as InstallableProfile;
  rollouts.installed('SeccompProfile', audit, { since: 1, changed: true });
  await rollouts.round();
  const promoted = { ...audit, status: { enforced: enforcedOf(profile('web', { rollout: { mode: 'Audit' } })) } };
  state.profile = promoted;
  rollouts.installed('SeccompProfile', promoted, { since: state.createdAt + 60_000, before: 1, changed: true });
  await rollouts.round();
  assert.deepEqual([rollouts.of(KEY)?.mode, rollouts.of(KEY)?.containers], ['Enforce', 1]);
});

test('a container that could not be started does not count', async (context) => {
  const terminated = { exitCode: 128, containerID: 'containerd://one', startedAt: '1970-01-01T00:00:00Z' };
  const { state, begin } = node(context, { mode: 'Audit' }, { terminated });
  const rollouts = begin();
  await rollouts.round();
  rollouts.installed('SeccompProfile', state.profile as InstallableProfile, { since: 1, changed: true });
  await rollouts.round();
  assert.equal(rollouts.of(KEY)?.containers, undefined);
});

test('a container that began before the log was read does not count', async (context) => {
  const { state, begin } = node(context);
  state.createdAt = 5;
  const rollouts = begin();
  await rollouts.round();
  rollouts.installed('SeccompProfile', state.profile as InstallableProfile, { since: 1, changed: true });
  await rollouts.round();
  const told = rollouts.of(KEY);
  assert.deepEqual([told?.containers, told?.cleanFrom, told?.running?.[0]?.pods], [undefined, undefined, 1]);
});

test('a log that cannot be read, loses records, or tells of a container that nobody knows is told of', async (context) => {
  const { state, begin, log } = node(context);
  state.failure = new Error('no log here');
  const rollouts = begin();
  await rollouts.round(0);
  assert.deepEqual([rollouts.of(KEY)?.stream, rollouts.of(KEY)?.message], ['Down', 'no log here']);
  state.failure = undefined;
  const later = Date.now() + 40_000;
  await rollouts.round(later);
  assert.equal(rollouts.of(KEY)?.stream, 'Alive');
  state.account = { ...QUIET, lost: 1 };
  await rollouts.round(later);
  assert.equal(rollouts.of(KEY)?.stream, 'Lossy');
  await rollouts.round(later + 60_000);
  assert.equal(rollouts.of(KEY)?.stream, 'Alive');
  state.known = false;
  log(event('one', 'mkdir'), event('of nobody', 'mkdir'));
  for (let looks = 0; looks < 29; looks++) await rollouts.round(later + 60_000);
  assert.equal(rollouts.of(KEY)?.stream, 'Alive', 'it may still become known');
  await rollouts.round(later + 60_000);
  assert.match(rollouts.of(KEY)?.message ?? '', /^2 audit records/, 'one of them before');
});
