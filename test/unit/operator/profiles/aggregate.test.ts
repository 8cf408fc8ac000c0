import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileState } from '../../../../src/api/conditions.ts';
import type { Mode } from '../../../../src/api/rollout.ts';
import { aggregate, workloadsOf } from '../../../../src/operator/profiles/aggregate.ts';
import { remaining } from '../../../../src/operator/profiles/finalizers.ts';
import { nodeStatus, profile } from './samples.ts';

const NOW = new Date('2026-02-03T04:05:06Z');
const OURS = 'spo.x-k8s.io/on-nodes';

const STATES: readonly [
  what: string,
  nodes: ProfileState[],
  expected: number | undefined,
  before: ProfileState | undefined,
  after: ProfileState,
][] = [
  ['no node has it yet', [], 3, undefined, 'Pending'],
  ['some have it', ['Installed', 'Installed'], 3, 'Pending', 'Pending'],
  ['all have it', ['Installed', 'Installed', 'Installed'], 3, 'Pending', 'Installed'],
  ['nobody knows how many there are', ['Installed'], undefined, 'Pending', 'Installed'],
  ['a node joins', ['Installed', 'Installed'], 3, 'Installed', 'Installed'],
  ['one works on it', ['Installed', 'InProgress'], 2, 'Pending', 'InProgress'],
  ['one cannot, another has not yet', ['Installed', 'Error'], 3, 'Pending', 'Error'],
  ['it is disabled', ['Disabled', 'Installed'], 2, 'Installed', 'Disabled'],
];

for (const [what, nodes, expected, before, after] of STATES)
  test(`where ${what}, a profile is ${after}`, () => {
    const given = { ...profile('web'), ...(before && { status: { status: before } }) };
    const told = nodes.map((state, index) => nodeStatus('web', `n${index}`, { status: state }));
    const found = aggregate(given, { nodes: told, expected, inUse: false }, NOW);
    assert.equal(found.status, after);
    assert.equal(found.localhostProfile, 'operator/web.json');
    const [ready, ...others] = found.conditions ?? [];
    assert.equal(ready?.status, after === 'Installed' ? 'True' : 'False');
    assert.equal(others.length, 0);
  });

test('a profile that is promoted is InProgress until all nodes enforce it', () => {
  const given = profile('web', {}, { rollout: { mode: 'Audit' } });
  const told = (...modes: Mode[]) =>
    modes.map((mode, index) =>
      nodeStatus('web', `n${index}`, { status: 'Installed', rollout: { digest: 'd', mode, stream: 'Alive' } }),
    );
  const stateOf = (mode: Mode, ...modes: Mode[]) =>
    aggregate(given, { nodes: told(...modes), expected: 2, inUse: false, mode }, NOW).status;
  assert.equal(stateOf('Enforce', 'Enforce', 'Audit'), 'InProgress');
  assert.equal(stateOf('Enforce', 'Enforce', 'Enforce'), 'Installed');
  assert.equal(stateOf('Audit', 'Audit', 'Audit'), 'Installed');
});

test('what others tell in the conditions stays, and InUse goes with what it is about', () => {
  const of = (type: string) => ({
    type,
    status: 'True' as const,
    reason: 'R',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  });
  const given = { ...profile('web'), status: { conditions: [of('Ready'), of('Signed'), of('InUse')] } };
  const { conditions } = aggregate(given, { nodes: [], expected: 1, inUse: false }, NOW);
  assert.deepEqual(conditions?.slice(1), [of('Signed')]);
});

test('an error names the nodes and why, and what is true of an older generation is told of that', () => {
  const because = (message: string, observedGeneration: number) => ({
    conditions: [
      { type: 'Ready', status: 'False' as const, reason: 'x', message, lastTransitionTime: '', observedGeneration },
    ],
  });
  const nodes = [
    nodeStatus('web', 'b', { status: 'Error', ...because('disk full', 2) }),
    nodeStatus('web', 'a', { status: 'Error', ...because('no base', 1) }),
    nodeStatus('web', 'c', { status: 'Installed', ...because('', 2) }),
  ];
  const { conditions } = aggregate(profile('web'), { nodes, expected: 3, inUse: false }, NOW);
  assert.deepEqual([conditions?.[0]?.message, conditions?.[0]?.observedGeneration], ['a, b: no base', 1]);
});

test('pods are named up to a hundred and counted beyond, by namespace too', () => {
  const names = (namespace: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${namespace}/p${index}`);
  const nodes = [
    nodeStatus('web', 'a', { activeWorkloads: names('x', 90), pods: 90 }),
    nodeStatus('web', 'b', { activeWorkloads: names('y', 20), pods: 20 }),
  ];
  const all = workloadsOf(nodes);
  assert.deepEqual([all.pods, all.activeWorkloads?.length], [110, 100]);
  assert.deepEqual(workloadsOf(nodes, 'y').pods, 20);
  assert.deepEqual(workloadsOf(nodes, 'z'), {});
});

const LONG = `${'n'.repeat(55)}-one`;
const FINALIZERS: readonly [what: string, before: string[], nodes: string[], inUse: boolean, after: string[]][] = [
  ['ours stays while a node has it', [OURS, 'a.b/c'], ['n1'], false, [OURS, 'a.b/c']],
  ['ours stays while it is in use', [OURS], [], true, [OURS]],
  ['ours goes with the last node, others’ stay', [OURS, 'a.b/c'], [], false, ['a.b/c']],
  ['SPO’s go with their node', ['n1-deleted', 'n10-deleted', 'fake-node-deleted'], ['n10'], false, ['n10-deleted']],
  [
    'a cut name waits for every node that it may mean',
    [`${LONG.slice(0, 55)}-deleted`],
    [`${LONG.slice(0, 55)}-two`],
    false,
    [`${LONG.slice(0, 55)}-deleted`],
  ],
  ['SPO’s mark of use goes last', ['in-use-by-active-pods'], [], false, []],
];

for (const [what, before, nodes, inUse, after] of FINALIZERS)
  test(`finalizers: ${what}`, () => assert.deepEqual(remaining(before, nodes, inUse), after));
