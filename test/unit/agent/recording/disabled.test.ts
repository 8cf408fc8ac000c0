import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterView, labelledPodOf, type PodObject, podOf } from '../../../../src/agent/pods/cluster.ts';
import { hasLogSession } from '../../../../src/agent/pods/pod.ts';
import { RecorderOff, tellUnlabelled } from '../../../../src/agent/recording/disabled.ts';
import type { KubeObject } from '../../../../src/kube/object.ts';
import { Store } from '../../../../src/kube/store.ts';
import { rawPod, recording, status } from '../samples.ts';

test('a pod that a recording wants is told once that its recorder is off; others are not', () => {
  const [pods, recordings, namespaces] = [new Store(), new Store(), new Store()];
  const told: string[] = [];
  const events = {
    event: ({ name }: { readonly name: string }, _: string, reason: string, message: string) =>
      told.push(`${name} ${reason} ${message}`),
  };
  new RecorderOff({ pods, recordings, namespaces } as unknown as ClusterView, events, 'Bpf');
  recordings.put('shop/rec', recording() as KubeObject);
  const running = podOf(rawPod({}, { containerStatuses: [status('one', { running: {} })] }));
  pods.put('shop/web', running);
  assert.deepEqual(told, []);
  namespaces.put('shop', { metadata: { name: 'shop' } });
  namespaces.put('other', { metadata: { name: 'other' } });
  assert.equal(told.length, 1);
  assert.match(
    told[0] ?? '',
    /^web RecorderDisabled front: .*spec\.enricher\.enableBpfRecorder of the daemon object spod/,
  );
  new RecorderOff({ pods, recordings, namespaces } as unknown as ClusterView, events, 'Logs');
  namespaces.put('third', { metadata: { name: 'third' } });
  assert.equal(told.length, 1);
});

test('a pod that logs though it is not recorded, for want of a label, is told', () => {
  const pods = new Store();
  const told: string[] = [];
  const events = {
    event: ({ name }: { readonly name: string }, _: string, reason: string) => told.push(`${name} ${reason}`),
  };
  tellUnlabelled({ pods } as unknown as ClusterView, events);
  const annotations = { 'io.containers.trace-logs/front': 'rec_front_x_1' };
  const recorded = { annotations, labels: { 'spo.x-k8s.io/enable-recording': 'true' } };
  for (const [name, metadata] of Object.entries({ plain: {}, logged: { annotations }, recorded }))
    pods.put(name, labelledPodOf(rawPod({ ...metadata, name, uid: name })));
  assert.deepEqual(told, ['logged NotLabelled']);
  assert.equal(hasLogSession(pods.get('logged') as PodObject, 'front'), false);
  assert.equal(hasLogSession(pods.get('recorded') as PodObject, 'front'), true);
});
