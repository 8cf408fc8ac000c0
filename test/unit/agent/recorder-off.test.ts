import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterView } from '../../../src/agent/cluster.ts';
import { podOf } from '../../../src/agent/cluster.ts';
import { RecorderOff } from '../../../src/agent/recorder-off.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { Store } from '../../../src/kube/store.ts';
import { rawPod, recording, status } from './samples.ts';

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
