import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freeAddress } from '../../support/free-port.ts';
import { seed, size } from '../../support/sizes.ts';
import { until } from '../../support/until.ts';
import { temporary } from '../support/syscribe.ts';
import { DIRECTORY, withoutApiServer } from './cluster.ts';
import { install, NAMESPACE, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, recording } from './manifests.ts';
import { containersOf, generator, Kept, kill, pick, processesOf, webhookOutside } from './parts.ts';
import { callsOf, isPartial } from './watched.ts';

const KILL_ROUNDS = size('KILL_ROUNDS');
const cluster = useInstalledCluster();

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
    await cluster.running('killed/long');
    assert.equal(kill('agent'), 1);
    // Its own restart takes a second or more: these are over before it is back, or while it comes.
    await apply(
      ...['x', 'y', 'z'].map((name) =>
        pod('killed', `short-${name}`, 'run', podSpec([{ name, script: 'rmdir /nowhere; true' }])),
      ),
    );
    await Promise.all(['x', 'y', 'z'].map((name) => cluster.ended(`killed/short-${name}`)));
    await cluster.kubectl(['-n', 'killed', 'exec', 'long', '--', '/bin/busybox', 'touch', '/tmp/go']);
    await cluster.ended('killed/long');
    const long = await eyes.profiles.until(
      'run-c',
      (profile) => !isPartial(profile) && callsOf(profile).includes('symlink'),
    );
    assert.ok(callsOf(long).includes('mkdir'));
    for (const name of ['x', 'y', 'z'])
      assert.ok(callsOf(await eyes.profiles.until(`run-${name}`, (profile) => !isPartial(profile))).includes('rmdir'));
    const { status } = await eyes.recordings.until(
      'killed/run',
      (one) => one.status?.pods === 0 && (one.status.containers?.length ?? 0) === 4,
    );
    assert.deepEqual(
      status?.containers?.map(({ complete }) => complete),
      ['True', 'True', 'True', 'True'],
    );
    await remove('-n', 'killed', 'pod', '--all');
  },
);

test('an API server that is away: what ends meanwhile waits on disk and arrives', cluster.options, async () => {
  const { eyes, apply } = cluster;
  await apply(
    namespace('away'),
    recording('away', 'gone'),
    pod('away', 'one', 'gone', podSpec([{ name: 'c', script: 'mkdir /tmp/away; sleep 4; ln -s x /tmp/y' }])),
  );
  await cluster.running('away/one');
  await withoutApiServer(async () => {
    // Until the pod has ended, which nobody can be told of: two processes of it are left, then none.
    await until('the pod has ended', () => containersOf('away') === 0);
    // What the agent has is on disk alone.
    kill('agent');
  });
  const profile = await eyes.profiles.until('gone-c', (candidate) => !isPartial(candidate));
  assert.ok(callsOf(profile).includes('mkdir') && callsOf(profile).includes('symlink'));
});

test(
  'an agent’s token is good for its own node’s partial profiles and statuses, and for nothing else',
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
    const told = (name: string, nodeName: string) => ({
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind: 'SecurityProfileNodeStatus',
      metadata: { name },
      spec: { nodeName },
    });
    assert.match(await asAgent(['create', '-f', '-'], told('own', 'node-1')), /created/);
    const all = '/apis/security-profiles-operator.x-k8s.io/v1/securityprofilenodestatuses';
    assert.match(await asAgent(['delete', '--raw', `${all}/own`]), /Success/);
    assert.match(await asAgent(['create', '-f', '-'], told('foreign', 'node-2')), /statuses of its own node/);
    await kubectl(['create', '-f', '-'], JSON.stringify(told('foreign', 'node-2')));
    assert.match(await asAgent(['delete', '--raw', `${all}/foreign`]), /statuses of its own node/);
    await kubectl(['delete', 'spns', 'foreign']);
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
  await Promise.all([cluster.ended('dead/one'), cluster.ended('kube-system/dns')]);
  assert.ok(callsOf(await eyes.profiles.until('still-c', (profile) => !isPartial(profile))).includes('mkdir'));
  await kubectl(['-n', NAMESPACE, 'scale', `deployment/${NAMESPACE}-webhook`, '--replicas=3']);
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', `deployment/${NAMESPACE}-webhook`, '--timeout=120s']);
});

test(
  'killed again and again at random, agent, operator and webhook: every profile is what it is undisturbed',
  cluster.options,
  async (context) => {
    const { eyes, apply, kubectl } = cluster;
    // The kubelet takes a second and more to start a container again: here they are started at once.
    const gone = (name: string) =>
      eyes.pods.all((pods) => !pods.some(({ metadata }) => metadata.labels?.name === name));
    await kubectl(['-n', NAMESPACE, 'scale', `deployment/${NAMESPACE}`, '--replicas=0']);
    await gone(NAMESPACE);
    await agentsWhere(NOWHERE);
    await gone('spod');
    const state = temporary(context);
    const node = join(DIRECTORY, 'node-1');
    const common = ['--kubeconfig', cluster.kubeconfig, '--health'];
    const places = [
      '--pin-dir',
      '/sys/fs/bpf/syscribe-node-1',
      '--state-dir',
      state,
      '--kubelet-dir',
      join(node, 'kubelet'),
    ];
    const agent = new Kept(
      [
        'agent',
        ...common,
        await freeAddress(),
        '--node-name',
        'node-1',
        ...places,
        '--cgroup-root',
        '/syscribe-cluster/node-1',
        '--no-metrics',
      ],
      {
        CONTAINER_RUNTIME_ENDPOINT: join(node, 'containerd.sock'),
      },
    );
    const operator = new Kept(['operator', ...common, await freeAddress()], {});
    const webhook = await webhookOutside(context, cluster);
    let done = false;
    context.after(async () => {
      if (!done) for (const part of [agent, operator, webhook]) context.diagnostic(part.said);
      await Promise.all([agent.end(), operator.end(), webhook.end()]);
      await agentsWhere(null);
      await install(kubectl);
    });
    const script = 'mkdir /tmp/x; ln -s a /tmp/x/y; sleep 0.3; rm -r /tmp/x';
    const one = (name: string) => [
      recording('random', name, { podSelector: { matchLabels: { app: name } } }),
      pod('random', name, name, podSpec([{ name: 'c', script }])),
    ];
    await agent.ready(/agent started/);
    await apply(namespace('random'));
    await apply(...one('undisturbed'));
    const calm = callsOf(await eyes.profiles.until('undisturbed-c', (profile) => !isPartial(profile)));
    const whole = await eyes.recordings.until('random/undisturbed', (it) => it.status?.containers?.[0]?.running === 0);
    assert.equal(whole.status?.containers?.[0]?.complete, 'True');
    const chosen = seed();
    const random = generator(chosen);
    context.diagnostic(`SYSCRIBE_TEST_SEED=${chosen} kills at the same moments`);
    let partial = 0;
    for (let round = 0; round < KILL_ROUNDS; round++) {
      const name = `killed-${round}`;
      await apply(...one(name));
      for (let kills = 0; kills < 10; kills++) {
        await pick([agent, agent, agent, operator, webhook], random()).kill();
        // As long as some requests take, up to half a second: somewhere in the life of the pod.
        for (let requests = random() * 3; requests > 0; requests--) await kubectl(['get', '--raw', '/readyz']);
      }
      const profile = await eyes.profiles.until(`${name}-c`, (candidate) => !isPartial(candidate));
      const { status } = await eyes.recordings.until(
        `random/${name}`,
        (it) => it.status?.containers?.[0]?.running === 0,
      );
      assert.equal(processesOf('agent').length, 0, 'no agent beside the one that is killed');
      if (status?.containers?.[0]?.complete === 'True') assert.deepEqual(callsOf(profile), calm, `round ${round}`);
      else partial += 1;
    }
    context.diagnostic(
      `${10 * KILL_ROUNDS} kills; ${partial} of ${KILL_ROUNDS} recordings said that they are incomplete`,
    );
    assert.ok(partial <= KILL_ROUNDS / 2);
    done = true;
  },
);

const NOWHERE = {
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'nowhere', operator: 'Exists' }] }],
    },
  },
};

/**
 * Which nodes agents run on. Not by the node selector: it is applied as a whole, so the operator takes back what others add to it, and
 * two agents would write to the same maps.
 */
async function agentsWhere(affinity: object | null): Promise<void> {
  const patch = JSON.stringify({ spec: { template: { spec: { affinity } } } });
  await cluster.kubectl(['-n', NAMESPACE, 'patch', 'daemonset/spod', '-p', patch]);
}

/** What kubectl says to whoever has nothing but a token. */
async function stolen(context: TestContext, token: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.asToken(context, token, args, input);
  return code === 0 ? stdout : stderr;
}
