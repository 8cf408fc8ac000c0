import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelledPodOf, podOf } from '../../../../src/agent/pods/cluster.ts';
import { rawPod, status } from '../samples.ts';

const containersOf = (state: object, spec: object = {}) => podOf(rawPod({}, state, spec)).containers;

test('of a pod is kept what recording needs', () => {
  const metadata = {
    generateName: 'web-',
    resourceVersion: '7',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    managedFields: [{}],
    ownerReferences: [{}],
    annotations: {
      'kubernetes.io/config.hash': 'abc',
      'io.containers.trace-logs/front': 'rec_front_x_1',
      'io.containers.trace-bpf/front': 'rec_front_x_1',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    },
  };
  assert.deepEqual(podOf(rawPod(metadata, { phase: 'Running' }, { containers: [{ name: 'front', env: [] }] })), {
    metadata: {
      name: 'web',
      namespace: 'shop',
      uid: 'pod-uid',
      resourceVersion: '7',
      generateName: 'web-',
      labels: { app: 'web' },
      deletionTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'kubernetes.io/config.hash': 'abc', 'io.containers.trace-logs/front': 'rec_front_x_1' },
    },
    phase: 'Running',
    containers: [],
  });
});

test('of a pod that needs a profile, when it began, too', () => {
  const began = { startTime: '2026-01-01T00:00:05Z' };
  const localhost = { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/web.json' } };
  assert.equal(podOf(rawPod({}, began, { securityContext: localhost })).startedAt, Date.parse(began.startTime));
  assert.equal(podOf(rawPod({}, began)).startedAt, undefined);
});

test('a pod of which nothing is told yet has no containers', () => {
  assert.deepEqual(podOf({ metadata: { name: 'web' } }), { metadata: { name: 'web' }, containers: [] });
});

test('containers are known by their bare ids, whatever the runtime calls them', () => {
  for (const id of ['containerd://abc', 'cri-o://abc', 'docker://abc', 'abc'])
    assert.deepEqual(
      containersOf({ containerStatuses: [{ name: 'front', containerID: id, state: { running: {} } }] }),
      [{ id: 'abc', name: 'front', ended: false, succeededInit: false }],
    );
});

test('a container that was started anew is there with its run before', () => {
  const before = { lastState: { terminated: { exitCode: 1, containerID: 'containerd://old' } } };
  assert.deepEqual(containersOf({ containerStatuses: [status('new', { running: {} }, before)] }), [
    { id: 'new', name: 'front', ended: false, succeededInit: false },
    { id: 'old', name: 'front', ended: true, succeededInit: false },
  ]);
});

test('one that crashes on and on has ended, though it waits under the same id', () => {
  const before = { lastState: { terminated: { exitCode: 1, containerID: 'containerd://one' } } };
  assert.deepEqual(containersOf({ containerStatuses: [status('one', { waiting: {} }, before)] }), [
    { id: 'one', name: 'front', ended: true, succeededInit: false },
  ]);
});

test('one that is made and not started has not ended', () => {
  const [container] = containersOf({ containerStatuses: [status('one', { waiting: { reason: 'Creating' } })] });
  assert.equal(container?.ended, false);
});

const ENDS: readonly [what: string, exitCode: number, spec: object, succeeded: boolean][] = [
  ['did its work', 0, { initContainers: [{ name: 'front' }] }, true],
  ['failed', 1, { initContainers: [{ name: 'front' }] }, false],
  ['is a sidecar', 0, { initContainers: [{ name: 'front', restartPolicy: 'Always' }] }, false],
];

for (const [what, exitCode, spec, succeeded] of ENDS)
  test(`an init container that ${what} ${succeeded ? 'is' : 'may not be'} done with`, () => {
    const state = { initContainerStatuses: [status('init', { terminated: { exitCode } })] };
    assert.equal(containersOf(state, spec)[0]?.succeededInit, succeeded);
  });

test('an ephemeral container is one of its own', () => {
  const state = {
    ephemeralContainerStatuses: [{ name: 'debug', containerID: 'containerd://e', state: { running: {} } }],
  };
  assert.deepEqual(containersOf(state), [{ id: 'e', name: 'debug', ended: false, succeededInit: false }]);
});

test('where memory is saved, next to nothing is kept of a pod without the label, but which profiles it uses', () => {
  const seccompProfile = { type: 'Localhost', localhostProfile: 'operator/web.json' };
  const raw = (labels: object) =>
    rawPod(
      { labels },
      { containerStatuses: [status('one', { running: {} })] },
      { securityContext: { seccompProfile } },
    );
  const pod = labelledPodOf(raw({ app: 'web' }));
  assert.deepEqual([pod.unlabelled, pod.metadata.labels, pod.containers], [true, undefined, []]);
  assert.deepEqual(pod.uses, ['SeccompProfile:operator/web.json']);
  const labelled = raw({ 'spo.x-k8s.io/enable-recording': 'true' });
  assert.deepEqual(labelledPodOf(labelled), podOf(labelled));
  assert.equal(labelledPodOf(raw({ 'spo.x-k8s.io/enable-recording': 'yes' })).unlabelled, true);
});
