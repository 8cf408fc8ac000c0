import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTime } from '../../../../src/api/conditions.ts';
import { partialStatus } from '../../../../src/operator/recordings/partial-status.ts';
import { recordingStatus } from '../../../../src/operator/recordings/status.ts';
import { instances, partial, recording } from '../samples.ts';

const NOW = new Date('2026-02-03T04:05:06.789Z');
const NO_FACTS = new Map();

function conditions(profiles: Parameters<typeof instances>[0], of = recording(), facts = NO_FACTS) {
  const { conditions: all = [] } = recordingStatus(of, instances(profiles), facts, NOW);
  return Object.fromEntries(all.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
}

test('how far a recording is, is told by container', () => {
  const facts = new Map([
    [
      'front',
      {
        profileName: 'rec-front',
        folded: { total: 7, syscalls: { reboot: 7 }, reasons: [], deleting: [], newest: '2026-01-09T00:00:00.000Z' },
      },
    ],
  ]);
  const profiles = [
    partial('a', ['read', 'write'], { running: 1, finished: false, newest: '2026-01-02T00:00:00.000Z' }),
    partial('b', ['read'], { done: 3 }),
    partial('c', ['mkdir'], { reasons: [{ code: 'busy', message: 'it was' }] }, { container: 'back' }),
  ];
  const status = recordingStatus(recording(), instances(profiles), facts, NOW);
  assert.deepEqual(status.activeWorkloads, ['pod-a']);
  assert.deepEqual([status.pods, status.syscalls, status.newest], [1, 4, '2026-01-09T00:00:00.000Z']);
  assert.deepEqual(status.containers, [
    { name: 'back', profileName: 'c', running: 0, done: 1, syscalls: 1, complete: 'it was' },
    {
      name: 'front',
      profileName: 'rec-front',
      running: 1,
      done: 11,
      syscalls: 3,
      newest: '2026-01-09T00:00:00.000Z',
      complete: 'True',
    },
  ]);
});

test('workloads are named up to a hundred, and counted beyond', () => {
  const running = Array.from({ length: 130 }, (_, index) => partial(`p${index}`, ['read'], { running: 1 }));
  const status = recordingStatus(recording(), instances(running), NO_FACTS, NOW);
  assert.deepEqual([status.activeWorkloads?.length, status.pods], [100, 130]);
});

const reason = (code: string) => partial(code, ['read'], { reasons: [{ code, message: code }] });
const FOLDED = new Map([
  ['front', { profileName: 'x', folded: { total: 1, syscalls: {}, reasons: [], deleting: [] } }],
]);
const COMPLETE: readonly [what: string, is: string, ...Parameters<typeof conditions>][] = [
  ['nothing was recorded', 'Unknown NothingRecorded', []],
  ['nothing was missed', 'True NothingMissed', [partial('a', ['read'])]],
  ['all instances are folded', 'True NothingMissed', [], recording(), FOLDED],
  ['recording began late', 'False StartedBeforeRecorder', [partial('a', ['read']), reason('began-late')]],
  ['it ended early', 'False StillRunning', [reason('still-running')]],
  ['the log lost records', 'False RecordsLost', [reason('log-lost')]],
  ['nobody knows whether the log did', 'Unknown LossesUnknown', [reason('log-unknown')]],
  ['the log did, and nobody knows of more', 'False RecordsLost', [reason('log-unknown'), reason('log-lost')]],
  ['a new reason is given', 'False MembersFull', [reason('members-full')]],
  ['a reason is no word', 'False Incomplete', [reason('!')]],
];

for (const [what, is, ...given] of COMPLETE)
  test(`where ${what}, Complete is ${is}`, () => assert.equal(conditions(...given).Complete, is));

const DELETED = recording({}, { deletionTimestamp: '2026-01-01T00:00:00Z' });
const RECORDING: readonly [what: string, is: string, ...Parameters<typeof conditions>][] = [
  ['a pod runs', 'True Active', [partial('a', ['read'], { running: 1 })]],
  ['none does', 'False NoPods', [partial('a', ['read'])]],
  ['it is being deleted', 'False Deleted', [partial('a', ['read'], { running: 1 })], DELETED],
];

for (const [what, is, ...given] of RECORDING)
  test(`where ${what}, Recording is ${is}`, () => assert.equal(conditions(...given).Recording, is));

test('the time of a condition is that of its last change of status', () => {
  const one = { type: 'Complete', status: 'True', reason: 'A', message: '' } as const;
  const before = withTime(one, undefined, new Date(0));
  assert.equal(before.lastTransitionTime, '1970-01-01T00:00:00Z');
  assert.equal(withTime({ ...one, reason: 'B' }, [before], NOW).lastTransitionTime, '1970-01-01T00:00:00Z');
  assert.equal(withTime({ ...one, status: 'False' }, [before], NOW).lastTransitionTime, '2026-02-03T04:05:06Z');
});

const PROFILE: readonly [state: 'Enabled' | 'Disabled', before: string | undefined, after: string | undefined][] = [
  ['Enabled', undefined, 'Partial'],
  ['Enabled', 'Partial', undefined],
  ['Enabled', 'Installed', 'Partial'],
  ['Disabled', undefined, 'Disabled'],
  ['Disabled', 'Disabled', undefined],
];

for (const [state, before, after] of PROFILE)
  test(`a partial profile that is ${state} and was ${before} becomes ${after ?? 'nothing else'}`, () => {
    const plain = partial('a', ['read']);
    const status = before === undefined ? {} : { status: { status: before } };
    const profile = { ...plain, spec: { ...plain.spec, state }, ...status } as typeof plain;
    const found = partialStatus(profile, NOW);
    assert.equal(found?.status, after);
    if (after === undefined) return;
    const [ready] = found?.conditions ?? [];
    assert.deepEqual([ready?.type, ready?.status], ['Ready', 'False']);
    assert.equal(ready?.reason, 'Unavailable');
  });
