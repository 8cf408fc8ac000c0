import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasLogSession, uidOf } from '../../../../src/agent/pods/pod.ts';
import {
  isLogged,
  loggedFor,
  parseInterval,
  recordId,
  recordingRef,
  recordingsOf,
} from '../../../../src/agent/recording/selection.ts';
import type { ProfileRecording } from '../../../../src/api/types.ts';
import { podObject, type Recording, recording } from '../samples.ts';

const SELECTION: readonly [
  what: string,
  spec: Partial<ProfileRecording['spec']>,
  metadata: object,
  matches: boolean,
][] = [
  ['whose selector fits', {}, {}, true],
  ['that selects all', { podSelector: {} }, {}, true],
  ['of other pods', { podSelector: { matchLabels: { app: 'db' } } }, {}, false],
  [
    'whose selector is none',
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'Like' }] } as never },
    {},
    false,
  ],
  ['of this container', { containers: ['back', 'front'] }, {}, true],
  ['of another container', { containers: ['back'] }, {}, false],
  ['of no container', { containers: [] }, {}, false],
  ['of another namespace', {}, { namespace: 'bank' }, false],
  ['that is being deleted', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' }, false],
  ['of another kind', { kind: 'AppArmorProfile' }, {}, false],
  ['by another recorder', { recorder: 'Logs' }, {}, false],
  ['whose name is no label', {}, { name: 'a.b' }, false],
];

for (const [what, spec, metadata, matches] of SELECTION)
  test(`a recording ${what} ${matches ? 'wants' : 'does not want'} the container`, () => {
    const found = recordingsOf(podObject(), 'front', [recording(spec, metadata)], 'Bpf');
    assert.equal(found.length, matches ? 1 : 0);
  });

const session = (text: string) => podObject({ annotations: { 'io.containers.trace-logs/front': text } });
const SESSIONS: readonly [what: string, text: string, spec: Partial<ProfileRecording['spec']>, found: boolean][] = [
  ['names it', 'rec_front_x7k2p_1700000000', {}, true],
  [
    'names one that selects other pods by now',
    'rec_front_x7k2p_1700000000',
    { podSelector: { matchLabels: {} } },
    true,
  ],
  ['names another recording', 'other_front_x7k2p_1700000000', {}, false],
  ['is of another container', 'rec_back_x7k2p_1700000000', {}, false],
  ['is none', 'rec/front', {}, false],
  ['names one by another recorder', 'rec_front_x7k2p_1700000000', { recorder: 'Bpf' }, false],
  ['names one of another kind', 'rec_front_x7k2p_1700000000', { kind: 'SelinuxProfile' }, false],
];

for (const [what, text, spec, found] of SESSIONS)
  test(`a container whose session ${what} is ${found ? '' : 'not '}recorded from the log for it`, () => {
    const there = new Map<string, Recording>([['shop/rec', recording({ recorder: 'Logs', ...spec })]]);
    assert.equal(loggedFor(session(text), 'front', (key) => there.get(key)) !== undefined, found);
    assert.equal(hasLogSession(session(text), 'front'), true);
    assert.equal(hasLogSession(session(text), 'back'), false);
  });

test('a recording that is being deleted is not one by Logs any more', () => {
  assert.ok(isLogged(recording({ recorder: 'Logs' })));
  assert.ok(!isLogged(recording({ recorder: 'Logs' }, { deletionTimestamp: '2026-01-01T00:00:00Z' })));
});

const INTERVALS: readonly [text: string | undefined, milliseconds: number][] = [
  [undefined, 30_000],
  ['1m30s', 90_000],
  ['2h', 7_200_000],
  ['0s', 1000],
  ['1s', 1000],
  ['99999h', 86_400_000],
  [`${'9'.repeat(400)}h`, 86_400_000],
  ['', 30_000],
  ['5', 30_000],
  ['-5s', 30_000],
  ['1.5m', 30_000],
];

for (const [text, milliseconds] of INTERVALS)
  test(`an interval of ${text?.slice(0, 20) ?? 'nothing'} is ${milliseconds} ms`, () => {
    assert.equal(parseInterval(text), milliseconds);
  });

test('what is kept of a recording', () => {
  const spec = { mergeStrategy: 'Containers', disableProfileAfterRecording: true, snapshotInterval: '1m' } as const;
  assert.deepEqual(recordingRef(recording(spec)), {
    namespace: 'shop',
    name: 'rec',
    uid: 'rec-uid',
    recorder: 'Bpf',
    merged: true,
    disabled: true,
    snapshotInterval: 60_000,
  });
});

test('a static pod is known by the hash of its manifest, and nobody by the UID of another', () => {
  const annotated = (hash: string) => podObject({ annotations: { 'kubernetes.io/config.hash': hash } });
  assert.equal(uidOf(annotated('f'.repeat(32))), 'f'.repeat(32));
  assert.equal(uidOf(annotated('0a1b2c3d-0000-4000-8000-000000000000')), 'pod-uid');
});

test('records of other recordings, pods and containers have other ids', () => {
  const ids = [recordId('r', 'p', 'c'), recordId('x', 'p', 'c'), recordId('r', 'x', 'c'), recordId('r', 'p', 'x')];
  assert.equal(new Set(ids).size, 4);
  assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
  assert.equal(recordId('r', 'p', 'c'), ids[0]);
});

test('a pod that may not be recorded is not, not even by a recording of all pods', () => {
  const all = recording({ podSelector: {} });
  assert.equal(recordingsOf(podObject(), 'front', [all], 'Bpf').length, 1);
  assert.equal(recordingsOf({ ...podObject(), unlabelled: true }, 'front', [all], 'Bpf').length, 0);
});
