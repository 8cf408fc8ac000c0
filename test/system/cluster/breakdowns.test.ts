import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PODS } from '../../../src/kube/object.ts';
import { until } from '../../support/until.ts';
import { DIRECTORY, rebootNode } from './cluster.ts';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { Disk, health, kill, processesOf, restartAgent } from './parts.ts';
import { completeness, has, type Recording } from './watched.ts';

const cluster = useInstalledCluster();
const LOOP = 'while [ ! -e /tmp/go ]; do sleep 0.1; done';
/** Its status comes some seconds behind the profiles. */
async function whole(key: string): Promise<void> {
  const said = (one: Recording) => one.status?.pods === 0 && completeness(one)?.status !== 'Unknown';
  const told = completeness(await cluster.eyes.recordings.until(key, said));
  assert.equal(told?.status, 'True', told?.message);
}

test(
  'a state disk that is full: nothing is lost, and health says it until there is room',
  cluster.options,
  async (context) => {
    const { eyes, apply, kubectl, remove } = cluster;
    const state = join(DIRECTORY, 'node-1/syscribe');
    const disk = new Disk(context, state);
    await restartAgent();
    assert.ok(readdirSync(state).includes('records'));
    disk.fill();
    await apply(
      namespace('filled'),
      recording('filled', 'disk', { podSelector: {} }),
      pod('filled', 'ends', 'a', podSpec([{ name: 'ends', script: 'mkdir /tmp/x; ln -s x /tmp/y' }])),
      pod('filled', 'long', 'b', podSpec([{ name: 'long', script: `mkdir /tmp/x; ${LOOP}; ln -s x /tmp/y` }])),
    );
    const ends = await cluster.final('disk-ends');
    assert.ok(has('mkdir')(ends) && has('symlink')(ends));
    await eyes.profiles.until('disk-long', has('mkdir'));
    await until('the agent says that its journal fails', async () => (await health()).startsWith('503 journal failed'));
    const full = processesOf('agent');
    kill('agent');
    await until('the agent is started again', () => processesOf('agent').some((pid) => !full.includes(pid)));
    await kubectl(['-n', 'filled', 'exec', 'long', '--', '/bin/busybox', 'touch', '/tmp/go']);
    const long = await cluster.final('disk-long');
    assert.ok(has('mkdir')(long) && has('symlink')(long));
    disk.makeRoom();
    await until('the agent is well', async () => (await health()).startsWith('200'));
    await whole('filled/disk');
    assert.deepEqual(
      eyes.profiles.list().filter(({ metadata }) => metadata.labels?.['spo.x-k8s.io/recording-id'] === 'disk').length,
      2,
      'nothing is told twice',
    );
    await remove('-n', 'filled', 'pod', '--all');
    disk.unmount();
    await restartAgent();
  },
);

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

test(
  'a node that starts anew: what was recorded until the last snapshot is there, and says so',
  cluster.options,
  async () => {
    const { eyes, apply, remove } = cluster;
    const script = `mkdir /tmp/x; ${LOOP}`;
    await apply(
      namespace('reboot'),
      recording('reboot', 'boot', { podSelector: {} }),
      pod('reboot', 'never', 'a', podSpec([{ name: 'never', script }])),
      pod('reboot', 'again', 'b', podSpec([{ name: 'again', script }], { restartPolicy: 'Always' })),
    );
    await Promise.all(['never', 'again'].map((name) => eyes.profiles.until(`boot-${name}`, has('mkdir'))));
    await rebootNode('node-1');
    assert.ok(has('mkdir')(await cluster.final('boot-never')));
    await eyes.pods.until('reboot/again', ({ status }) => {
      const [one] = status?.containerStatuses ?? [];
      return one?.ready === true && one.restartCount > 0;
    });
    const { status } = await eyes.recordings.until(
      'reboot/boot',
      ({ status: { containers = [] } = {} }) =>
        containers.length === 2 && containers.every(({ complete }) => /its end was not seen/.test(complete ?? '')),
    );
    assert.deepEqual(
      status?.containers?.map(({ done }) => done),
      [1, 1],
    );
    assert.equal(completeness({ status } as Parameters<typeof completeness>[0])?.reason, 'Interrupted');
    await remove('-n', 'reboot', 'pod', '--all');
    assert.ok(has('mkdir')(await cluster.final('boot-again')));
  },
);
