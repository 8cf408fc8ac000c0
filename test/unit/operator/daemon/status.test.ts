import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Daemon } from '../../../../src/api/types.ts';
import { coverage } from '../../../../src/operator/daemon/coverage.ts';
import { daemonStatus, type Facts } from '../../../../src/operator/daemon/status.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const DONE = { observed: true, desired: 3, updated: 3, ready: 3 };
const FACTS: Facts = {
  problems: [],
  progress: DONE,
  trusted: true,
  coverage: coverage([], new Set()),
};

function daemon(status?: Daemon['status']): Daemon {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SecurityProfilesOperatorDaemon',
    metadata: { name: 'spod', generation: 7 },
    spec: {},
    ...(status && { status }),
  };
}

/** STATE STATUS REASON MESSAGE of the condition that is waited for. */
function ready(before: Daemon['status'], facts: Partial<Facts>): string {
  const { state, conditions } = daemonStatus(daemon(before), { ...FACTS, ...facts }, NOW);
  const found = conditions?.find(({ type }) => type === 'Ready');
  assert.equal(found?.observedGeneration, 7);
  return `${state} ${found?.status} ${found?.reason} ${found?.message}`.trim();
}

test('from Pending by Creating to Running; a change goes by Updating', () => {
  assert.equal(ready(undefined, { progress: undefined }), 'Pending False Pending');
  const begun = { ...DONE, updated: 3, ready: 1 };
  assert.equal(
    ready({ state: 'Pending' }, { progress: begun }),
    'Creating False Creating 1 of 3 agents are as they are to be',
  );
  assert.equal(ready({ state: 'Creating' }, {}), 'Running True Available');
  const unseen = { ...DONE, observed: false };
  assert.equal(
    ready({ state: 'Running' }, { progress: unseen }),
    'Updating False Updating not all agents are as they are to be',
  );
  const half = { ...DONE, updated: 1 };
  assert.equal(
    ready({ state: 'Updating' }, { progress: half }),
    'Updating False Updating 1 of 3 agents are as they are to be',
  );
  assert.equal(ready({ state: 'Updating' }, {}), 'Running True Available');
});

test('a node that goes down does not take Ready away; webhooks that cannot be called do', () => {
  assert.equal(ready({ state: 'Running' }, { progress: { ...DONE, ready: 2 } }), 'Running True Available');
  assert.match(ready({ state: 'Creating' }, { trusted: false }), /^Creating False .*certificate/);
});

test('what is refused is an Error that names field and remedy; what is not built is told, and nothing else is kept back', () => {
  const refused = [{ field: 'spec.a', message: 'do b', refused: true }];
  assert.equal(ready({ state: 'Running' }, { problems: refused }), 'Error False Rejected spec.a: do b');
  assert.equal(ready({ state: 'Error' }, { progress: { ...DONE, updated: 0 } }).split(' ')[0], 'Updating');
  const told = [{ field: 'spec.a', message: 'do b', refused: false }];
  const { state, conditions } = daemonStatus(daemon({ state: 'Running' }), { ...FACTS, problems: told }, NOW);
  const accepted = conditions?.find(({ type }) => type === 'Accepted');
  assert.deepEqual(
    [state, accepted?.status, accepted?.reason, accepted?.message],
    ['Running', 'False', 'NotSupported', 'spec.a: do b'],
  );
});

test('conditions of others stay', () => {
  const other = {
    type: 'Mine',
    status: 'True',
    reason: 'R',
    message: '',
    lastTransitionTime: '2025-01-01T00:00:00Z',
  } as const;
  const { conditions } = daemonStatus(daemon({ conditions: [other] }), FACTS, NOW);
  assert.deepEqual(conditions?.at(-1), other);
});

test('nodes that pods can go to and that have no agent are named, ten of them', () => {
  const node = (name: string, schedulable = true) => ({ metadata: { name }, schedulable });
  const some = [node('a'), node('b'), node('cordoned', false)];
  assert.equal(coverage(some, new Set(['a', 'b'])).status, 'True');
  const { status, reason, message } = coverage(some, new Set(['a']));
  assert.deepEqual([status, reason], ['False', 'NodesWithoutAgent']);
  assert.match(message, /of 2 nodes 1 have no agent that is ready: b\./);
  const many = Array.from({ length: 30 }, (_, index) => node(`n${index}`));
  assert.match(coverage(many, new Set()).message, /and 20 more/);
});
