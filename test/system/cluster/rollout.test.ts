import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PODS } from '../../../src/kube/object.ts';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';

const cluster = useInstalledCluster();

test(
  'a roll-out of the webhook under load: no pod is refused, none is made without it',
  cluster.options,
  async (context) => {
    const { eyes, apply, kubectl } = cluster;
    await apply(namespace('rolled'), recording('rolled', 'log', { recorder: 'Logs', podSelector: {} }));
    await eyes.recordings.until('rolled/log');
    let over = false;
    let count = 0;
    const failed: unknown[] = [];
    const load = async () => {
      while (!over) {
        const name = `p${count++}`;
        // Nobody runs them: it is the API server's and the webhook's load that is wanted.
        const spec = podSpec([{ name: 'c', script: 'true' }], { nodeSelector: { nowhere: 'here' } });
        const object = pod('rolled', name, 'log', spec) as Parameters<typeof eyes.client.create>[1];
        try {
          const made = await eyes.client.create(PODS, object);
          if (!made.metadata.annotations?.['io.containers.trace-logs/c']) failed.push(`${name} is not recorded`);
        } catch (error) {
          failed.push(error);
        }
      }
    };
    const loads = [load(), load()];
    const webhook = `deployment/${NAMESPACE}-webhook`;
    try {
      await kubectl(['-n', NAMESPACE, 'rollout', 'restart', webhook]);
      await kubectl(['-n', NAMESPACE, 'rollout', 'status', webhook, '--timeout=120s']);
      const old = ({ metadata }: { metadata: { name: string; deletionTimestamp?: string } }) =>
        metadata.name.startsWith(`${NAMESPACE}-webhook`) && metadata.deletionTimestamp !== undefined;
      await eyes.pods.all((pods) => !pods.some(old));
    } finally {
      over = true;
      await Promise.all(loads);
    }
    assert.deepEqual(failed, [], `${failed.length} of ${count}`);
    context.diagnostic(`${count} pods; ${latency(await kubectl(['get', '--raw', '/metrics']))}`);
    await kubectl(['delete', 'namespace', 'rolled', '--wait=false']);
  },
);

/** How long the API server waited for the webhook, as its histogram tells. */
function latency(metrics: string): string {
  const buckets = metrics.matchAll(
    /^apiserver_admission_webhook_admission_duration_seconds_bucket\{name="recording.spo.io",.*le="(\S+)"\} (\d+)$/gm,
  );
  const shares = new Map<number, number>();
  for (const [, bound, number] of buckets)
    shares.set(Number(bound?.replace('+Inf', 'Infinity')), (shares.get(Number(bound)) ?? 0) + Number(number));
  const total = shares.get(Number.POSITIVE_INFINITY) ?? 0;
  const p99 = [...shares].find(([, number]) => number >= total * 0.99)?.[0];
  return `the webhook’s p99 is at most ${p99} s (${total} calls)`;
}
