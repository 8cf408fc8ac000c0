import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { withoutApiServer } from './cluster.ts';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import type { Profile } from './watched.ts';

const cluster = useInstalledCluster();
const isPartial = ({ metadata }: Profile) => metadata.labels?.['spo.x-k8s.io/partial'] !== undefined;
const names = ({ spec }: Profile) => (spec.syscalls ?? []).flatMap((rule) => rule.names).sort();
const ended = (key: string) =>
  cluster.eyes.pods.until(key, ({ status }) => ['Succeeded', 'Failed'].includes(status?.phase ?? ''));
const running = (key: string) =>
  cluster.eyes.pods.until(key, ({ status }) => status?.containerStatuses?.[0]?.ready ?? false);

/** The processes of a part, as the host sees them. */
function processesOf(part: 'agent' | 'operator' | 'webhook'): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.includes(part) && words.some((word) => word.endsWith('/bundle/bin.mjs'));
      } catch {
        return false;
      }
    })
    .map(Number);
}

function kill(part: Parameters<typeof processesOf>[0]): number {
  const pids = processesOf(part);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  return pids.length;
}

test(
  'an agent that is killed loses nothing: what runs goes on, what begins and ends meanwhile is recorded',
  cluster.options,
  async () => {
    const { eyes, apply, remove } = cluster;
    const script = 'mkdir /tmp/before; while [ ! -e /tmp/go ]; do sleep 0.1; done; ln -s x /tmp/after';
    await apply(
      namespace('killed'),
      recording('killed', 'run'),
      pod('killed', 'long', 'run', podSpec([{ name: 'c', script }])),
    );
    await running('killed/long');
    assert.equal(kill('agent'), 1);
    // Its own restart takes a second or more: these are over before it is back, or while it comes.
    await apply(
      ...['a', 'b', 'c'].map((name) =>
        pod('killed', `short-${name}`, 'run', podSpec([{ name, script: 'rmdir /nowhere; true' }])),
      ),
    );
    await Promise.all(['a', 'b', 'c'].map((name) => ended(`killed/short-${name}`)));
    await cluster.kubectl(['-n', 'killed', 'exec', 'long', '--', '/bin/busybox', 'touch', '/tmp/go']);
    await ended('killed/long');
    const long = await eyes.profiles.until(
      'run-c',
      (profile) => !isPartial(profile) && names(profile).includes('symlink'),
    );
    assert.ok(names(long).includes('mkdir'));
    for (const name of ['a', 'b'])
      assert.ok(names(await eyes.profiles.until(`run-${name}`, (profile) => !isPartial(profile))).includes('rmdir'));
    const { status } = await eyes.recordings.until(
      'killed/run',
      (one) => one.status?.pods === 0 && (one.status.containers?.length ?? 0) === 3,
    );
    assert.deepEqual(
      status?.containers?.map(({ complete }) => complete),
      ['True', 'True', 'True'],
    );
    await remove('-n', 'killed', 'pod', '--all');
  },
);

test(
  'killed again and again at random, agent, operator and webhook: every profile is what it is undisturbed',
  cluster.options,
  async (context) => {
    const { eyes, apply } = cluster;
    const script = 'mkdir /tmp/x; ln -s a /tmp/x/y; sleep 0.3; rm -r /tmp/x';
    const one = (name: string) => pod('random', name, 'same', podSpec([{ name: 'c', script }]));
    await apply(namespace('random'), recording('random', 'same'), {
      ...one('calm'),
      metadata: { namespace: 'random', generateName: 'unused-', name: 'calm', labels: { app: 'same' } },
    });
    await ended('random/calm');
    const calm = names(await eyes.profiles.until('same-c', (profile) => !isPartial(profile)));
    const seed = Math.floor(Math.random() * 2 ** 31);
    context.diagnostic(`seed ${seed}`);
    const random = generator(seed);
    const parts = ['agent', 'operator', 'webhook'] as const;
    let killed = 0;
    for (let round = 0; round < 10; round++) {
      const name = `r${round}`;
      await apply(
        recording('random', name, { podSelector: { matchLabels: { app: name } } }),
        pod('random', name, name, podSpec([{ name: 'c', script }])),
      );
      for (let kills = 0; kills < 5; kills++) {
        killed += kill(parts[Math.floor(random() * parts.length)] ?? 'agent');
        await cluster.kubectl(['get', '--raw', '/readyz']); // Some tens of milliseconds, as long as a request takes.
      }
      await ended(`random/${name}`);
      const profile = await eyes.profiles.until(`${name}-c`, (candidate) => !isPartial(candidate));
      const recorded = eyes.recordings.get(`random/${name}`)?.status?.containers?.[0]?.complete;
      if (recorded === undefined || recorded === 'True') assert.deepEqual(names(profile), calm, `round ${round}`);
    }
    context.diagnostic(`${killed} processes were killed`);
    assert.ok(killed > 30);
  },
);

test('an API server that is away: what ends meanwhile waits on disk and arrives', cluster.options, async () => {
  const { eyes, apply } = cluster;
  await apply(
    namespace('away'),
    recording('away', 'gone'),
    pod('away', 'one', 'gone', podSpec([{ name: 'c', script: 'mkdir /tmp/x; sleep 4; ln -s x /tmp/y' }])),
  );
  await running('away/one');
  await withoutApiServer(async () => {
    // The agent is killed too: what it has is on disk alone.
    while (processesOf('agent').length === 0);
    const gone = Promise.withResolvers<void>();
    setTimeout(gone.resolve, 8000); // the time that the API server is away is what is tested
    await gone.promise;
    kill('agent');
  });
  const profile = await eyes.profiles.until('gone-c', (candidate) => !isPartial(candidate));
  assert.ok(names(profile).includes('mkdir') && names(profile).includes('symlink'));
});

test(
  'an agent’s token is good for its own node’s partial profiles, and for nothing else',
  cluster.options,
  async (context) => {
    const { kubectl } = cluster;
    const [agent] = JSON.parse(await kubectl(['-n', NAMESPACE, 'get', 'pods', '-l', 'name=spod', '-o', 'json'])).items;
    const token = (
      await kubectl([
        '-n',
        NAMESPACE,
        'create',
        'token',
        'spod',
        '--bound-object-kind=Pod',
        `--bound-object-name=${agent.metadata.name}`,
      ])
    ).trim();
    const profile = (name: string, labels: object) => ({
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind: 'SeccompProfile',
      metadata: { name, labels },
      spec: { defaultAction: 'SCMP_ACT_ALLOW' },
    });
    const own = { 'spo.x-k8s.io/partial': 'true', 'spo.x-k8s.io/node-name': 'node-1' };
    const asAgent = (args: readonly string[], object?: object) =>
      stolen(context, token, args, object && JSON.stringify(object));
    assert.match(await asAgent(['create', '-f', '-'], profile('mine', own)), /created/);
    assert.match(
      await asAgent(['create', '-f', '-'], profile('others', { ...own, 'spo.x-k8s.io/node-name': 'node-2' })),
      /labelled with its own node/,
    );
    assert.match(
      await asAgent(['create', '-f', '-'], profile('whole', { 'spo.x-k8s.io/node-name': 'node-1' })),
      /labelled with its own node/,
    );
    assert.match(await asAgent(['label', 'sp', 'mine', 'spo.x-k8s.io/partial-']), /labelled with its own node/);
    assert.match(await asAgent(['delete', 'sp', 'mine']), /forbidden/i);
    assert.match(await asAgent(['get', 'secrets', '-A']), /forbidden/i);
    const unbound = (await kubectl(['-n', NAMESPACE, 'create', 'token', 'spod'])).trim();
    assert.match(
      await stolen(context, unbound, ['create', '-f', '-'], JSON.stringify(profile('free', own))),
      /bound to a node/,
    );
    await kubectl(['delete', 'sp', 'mine']);
  },
);

test('with the webhooks dead, pods are made as ever, and those of the system too', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await kubectl(['-n', NAMESPACE, 'scale', `deployment/${NAMESPACE}-webhook`, '--replicas=0']);
  await eyes.pods.all((pods) => !pods.some(({ metadata }) => metadata.labels?.name === `${NAMESPACE}-webhook`));
  await apply(
    namespace('dead'),
    recording('dead', 'still'),
    pod('dead', 'one', 'still', podSpec([{ name: 'c', script: 'mkdir /tmp/x' }])),
    pod('kube-system', 'dns', 'dns', podSpec([{ name: 'c', script: 'true' }])),
  );
  await Promise.all([ended('dead/one'), ended('kube-system/dns')]);
  assert.ok(names(await eyes.profiles.until('still-c', (profile) => !isPartial(profile))).includes('mkdir'));
  await kubectl(['-n', NAMESPACE, 'scale', `deployment/${NAMESPACE}-webhook`, '--replicas=3']);
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', `deployment/${NAMESPACE}-webhook`, '--timeout=120s']);
});

/** mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What kubectl says to whoever has nothing but a token. */
async function stolen(context: TestContext, token: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.asToken(context, token, args, input);
  return code === 0 ? stdout : stderr;
}
