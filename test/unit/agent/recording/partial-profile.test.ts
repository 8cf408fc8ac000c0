import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runtimesOf } from '../../../../src/agent/pods/runtimes.ts';
import { finish, withRun } from '../../../../src/agent/recording/container-record.ts';
import { nameOf, profileOf } from '../../../../src/agent/recording/partial-profile.ts';
import { stateOf } from '../../../../src/api/recording-state.ts';
import { runtimeTail } from '../../../../src/profile/seccomp/runtime-tails.ts';
import { record, run } from '../samples.ts';

const CONTAINERS = { mergeStrategy: 'Containers' } as const;
const HASHED = /^rec-front(-.*)?-[0-9a-f]{8}$/;

test('a profile is called as SPO calls it', () => {
  assert.equal(nameOf(record(), 'node-1', false), 'rec-front');
  assert.equal(nameOf(record({}, { name: 'web-x2', generateName: 'web-' }), 'node-1', false), 'rec-front-x2');
  assert.equal(nameOf(record(CONTAINERS, { name: 'web-x2', generateName: 'web-' }), 'node-1', false), 'rec-front-x2');
});

test('where that is taken, or will be the merged profile’s, or is too long, the name is nobody else’s', () => {
  const long = { name: `web-${'x'.repeat(245)}`, generateName: 'web-' };
  const names = [
    nameOf(record(), 'node-1', true),
    nameOf(record(CONTAINERS), 'node-1', false),
    nameOf(record({}, long), 'node-1', false),
  ];
  for (const name of names) assert.match(name, HASHED);
  assert.ok(names.every((name) => name.length <= 253));
  assert.notEqual(nameOf(record({}, { uid: 'another' }), 'node-1', true), names[0]);
  assert.equal(nameOf(record(), 'node-1', true), names[0]);
});

test('what static pods of the same manifest are recorded as tells their nodes', () => {
  const names = ['node-1', 'node-2'].map((node) => {
    const annotations = { 'kubernetes.io/config.hash': 'f'.repeat(32) };
    return nameOf(record(CONTAINERS, { name: `web-${node}`, annotations }), node, false);
  });
  for (const name of names) assert.match(name, HASHED);
  assert.notEqual(names[0], names[1]);
});

test('a record becomes an object that the operator can read, partial until that says otherwise', () => {
  const seen = finish(withRun(record(), 'a', run(['read'], ['busy']), true, 1000));
  const { metadata, spec } = profileOf(seen, 'rec-front', 'node-1');
  assert.deepEqual(metadata.labels, {
    'spo.x-k8s.io/recording-id': 'rec',
    'spo.x-k8s.io/recording-namespace': 'shop',
    'spo.x-k8s.io/container-id': 'front',
    'spo.x-k8s.io/node-name': 'node-1',
    'spo.x-k8s.io/partial': 'true',
  });
  assert.equal(metadata.annotations?.['spo.x-k8s.io/recording-uid'], 'rec-uid');
  assert.deepEqual(stateOf(metadata), {
    pod: { name: 'web', uid: 'pod-uid' },
    container: 'front',
    node: 'node-1',
    running: 0,
    done: 1,
    finished: true,
    newest: '1970-01-01T00:00:01.000Z',
    reasons: [{ code: 'busy', message: 'busy it is' }],
  });
  assert.deepEqual([spec.state, spec.defaultAction], ['Enabled', 'SCMP_ACT_ERRNO']);
  const names = spec.syscalls?.flatMap((rule) => rule.names) ?? [];
  for (const name of ['read', 'execve', 'exit_group']) assert.ok(names.includes(name), name);
});

test('a recording that disables its profiles gives disabled ones', () => {
  const { spec } = profileOf(record({ disableProfileAfterRecording: true }), 'x', 'n');
  assert.equal(spec.state, 'Disabled');
});

const RUNTIMES: readonly [names: string, runtime: string | undefined][] = [
  ['', 'runc or crun'],
  ['runc', 'runc'],
  ['runc io.containerd.runc.v2', 'runc'],
  ['nvidia io.containerd.runc.v2 nvidia-container-runtime', 'runc'],
  ['something', 'runc'],
  ['crun', 'crun'],
  ['crun-vm', 'crun'],
  ['fast io.containerd.runc.v2 crun', 'crun'],
  ['youki', 'youki'],
  ['kata-qemu', undefined],
  ['kata-runc', undefined],
  ['runsc', undefined],
  ['gvisor', undefined],
  ['spin', undefined],
  ['strict io.containerd.kata.v2', undefined],
];

for (const [names, runtime] of RUNTIMES)
  test(`containers of "${names}" are ${runtime ? `${runtime}'s` : 'not recorded'}`, () => {
    assert.equal(runtimesOf(names)?.join(' or '), runtime);
  });

test('a container whose runtime nobody has told can be started by any of those that it may be', () => {
  const names = profileOf({ ...record(), runtime: runtimesOf('') ?? [] }, 'x', 'n').spec.syscalls?.flatMap(
    (rule) => rule.names,
  );
  for (const runtime of ['runc', 'crun'] as const)
    for (const name of runtimeTail(runtime)) assert.ok(names?.includes(name), `${runtime}: ${name}`);
});

test('a node’s name is a label, in part where it is too long for one', () => {
  const { metadata } = profileOf(record(), 'rec-front', 'worker-1');
  assert.equal(metadata.labels?.['spo.x-k8s.io/node-name'], 'worker-1');
  assert.equal(metadata.annotations?.['spo.x-k8s.io/node-name'], undefined);
  const [one, other] = [`${'a'.repeat(60)}.one`, `${'a'.repeat(60)}.other`];
  const labels = [one, other].map(
    (node) => profileOf(record(), 'rec-front', node).metadata.labels?.['spo.x-k8s.io/node-name'] ?? '',
  );
  for (const label of labels) assert.match(label, /^a{54}-[0-9a-f]{8}$/);
  assert.notEqual(labels[0], labels[1]);
  assert.equal(profileOf(record(), 'rec-front', one).metadata.annotations?.['spo.x-k8s.io/node-name'], one);
});
