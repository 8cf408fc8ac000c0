import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { size } from '../../support/sizes.ts';
import { withoutApiServer } from './cluster.ts';
import { useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { has } from './watched.ts';

/** Milliseconds without an API server: what a control plane takes to be upgraded or moved. */
const OUTAGE = size('OUTAGE') * 1000;
const cluster = useInstalledCluster();

test('without an API server for a while: what runs, ends and crashes meanwhile is recorded, and arrives', {
  ...cluster.options,
  timeout: OUTAGE + 300_000,
}, async (context) => {
  const { eyes, apply, remove } = cluster;
  const later = (script: string) =>
    podSpec([{ name: 'c', script: `while [ ! -e /tmp/go ]; do sleep 1; done; ${script}` }]);
  // The kubelet starts it again and again, with nobody to tell of it.
  const crashing = podSpec([{ name: 'c', script: 'sleep 5; mkdir /tmp/x; exit 1' }], { restartPolicy: 'Always' });
  await apply(
    namespace('outage'),
    ...['ends', 'runs', 'crashes'].map((name) => recording('outage', name)),
    pod('outage', 'ends', 'ends', podSpec([{ name: 'c', script: `sleep ${OUTAGE / 2000}; ln -s x /tmp/y` }])),
    pod('outage', 'runs', 'runs', later('rmdir /nowhere; true')),
    pod('outage', 'crashes', 'crashes', crashing),
  );
  for (const name of ['ends', 'runs', 'crashes'])
    await eyes.pods.until(`outage/${name}`, ({ status }) => status?.phase === 'Running');
  const back = await withoutApiServer(async () => {
    await setTimeout(OUTAGE);
  });
  const ended = await cluster.final('ends-c');
  context.diagnostic(
    `what had ended was a profile at most ${Math.round(performance.now() - back)} ms behind its return`,
  );
  assert.ok(has('symlink')(ended));
  await cluster.kubectl(['-n', 'outage', 'exec', 'runs', '--', '/bin/busybox', 'touch', '/tmp/go']);
  const ran = await cluster.final('runs-c');
  assert.ok(has('rmdir')(ran));
  await remove('-n', 'outage', 'pod', 'crashes');
  const crashed = await cluster.final('crashes-c');
  assert.ok(has('mkdir')(crashed));
  for (const name of ['ends', 'runs', 'crashes']) {
    const { status } = await eyes.recordings.until(`outage/${name}`, (it) => it.status?.pods === 0);
    assert.equal(status?.containers?.[0]?.complete, 'True', name);
    if (name === 'crashes') assert.ok((status?.containers?.[0]?.done ?? 0) >= 3, 'it was started again meanwhile');
  }
});
