import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GROUP } from '../../../src/api/crd.ts';
import { until } from '../../support/until.ts';
import { DIRECTORY, withoutApiServer } from './cluster.ts';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { deployment, pod, podSpec } from './manifests.ts';
import { Disk, kill, restartAgent } from './parts.ts';
import type { PodObject } from './watched.ts';

const cluster = useInstalledCluster();
const SECCOMP = join(DIRECTORY, 'node-1/kubelet/seccomp');
const FOLDER = join(SECCOMP, 'operator');
const read = (name: string) => readFileSync(join(FOLDER, `${name}.json`), 'utf8');

function profile(name: string, spec: object): object {
  return { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name }, spec };
}

const FINE = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['ptrace'], action: 'SCMP_ACT_ERRNO' }] };
/** Nothing starts under it. */
const DEADLY = { defaultAction: 'SCMP_ACT_KILL_PROCESS' };

function binding(where: string, name: string, of: string, image = '*'): object {
  const spec = { image, profileRef: { kind: 'SeccompProfile', name: of } };
  return { apiVersion: `${GROUP}/v1`, kind: 'ProfileBinding', metadata: { namespace: where, name }, spec };
}

const bound = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: { 'spo.x-k8s.io/enable-binding': 'true' } },
});

/**
 * Until pods of the namespace get the profile. Refused they may be before: behind an outage of the API server the node counts as lost for
 * a while, and so do the webhooks on it.
 */
async function bindsPods(where: string, name: string): Promise<void> {
  const probe = JSON.stringify(pod(where, 'probe', 'probe', podSpec([{ name: 'c', script: 'true' }])));
  await until(`pods of ${where} get ${name}`, async () => {
    const made = await cluster.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], probe).catch(() => '');
    return made.includes(`operator/${name}.json`);
  });
}

const installed = (name: string) => cluster.eyes.profiles.until(name, ({ status }) => status?.status === 'Installed');

test(
  'a disk that is full: the profile says so and leaves no half file; with room it is installed',
  cluster.options,
  async (context) => {
    const { apply, eyes } = cluster;
    const disk = new Disk(context, SECCOMP);
    await restartAgent();
    await until('the agent has made its folder', () => existsSync(FOLDER));
    disk.fill();
    await apply(profile('no-room', FINE));
    const { status } = await eyes.profiles.until('no-room', (one) => one.status?.status === 'Error');
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    assert.match(ready?.message ?? '', /^node-1: cannot write .*no-room\.json: ENOSPC/);
    assert.ok(!existsSync(join(FOLDER, 'no-room.json')));
    disk.makeRoom();
    const { spec } = await installed('no-room');
    assert.deepEqual(JSON.parse(read('no-room')), spec);
    assert.deepEqual(
      readdirSync(FOLDER).filter((name) => name.includes('no-room')),
      ['no-room.json'],
    );
    disk.unmount();
    await restartAgent();
    await until('the file is there again', () => existsSync(join(FOLDER, 'no-room.json')));
  },
);

test(
  'without an API server: what is on the node stays, and is put right, and what was asked for comes behind',
  cluster.options,
  async () => {
    const { apply, kubectl } = cluster;
    await apply(profile('steady', FINE));
    await installed('steady');
    const before = read('steady');
    await withoutApiServer(async () => {
      writeFileSync(join(FOLDER, 'steady.json'), '{"defaultAction":"SCMP_ACT_ALLOW"}');
      await until('the file is put right', () => read('steady') === before);
      kill('agent');
      assert.equal(read('steady'), before);
    });
    await kubectl(['patch', 'sp', 'steady', '--type=merge', '-p', '{"spec":{"defaultAction":"SCMP_ACT_LOG"}}']);
    await until('the change is on the node', () => read('steady').includes('SCMP_ACT_LOG'));
  },
);

test(
  'webhooks that are killed while a bound Deployment is rolled out: every pod is bound, and none is missing',
  cluster.options,
  async () => {
    const { apply, eyes, kubectl } = cluster;
    await apply(bound('rolling'), profile('fine', FINE));
    await installed('fine');
    await apply(binding('rolling', 'fine', 'fine'));
    const ours = ({ metadata }: PodObject) =>
      metadata.namespace === 'rolling' && metadata.deletionTimestamp === undefined;
    const profileOf = ({ spec }: PodObject) =>
      (spec as { securityContext?: { seccompProfile?: { localhostProfile?: string } } }).securityContext?.seccompProfile
        ?.localhostProfile;
    await bindsPods('rolling', 'fine');
    await apply(deployment('rolling', 'app', 3, podSpec([{ name: 'c', script: 'exec sleep 1000' }])));
    await kubectl(['-n', 'rolling', 'rollout', 'status', 'deployment/app', '--timeout=60s']);
    let over = false;
    let killed = 0;
    const killing = (async () => {
      // As long as one is there it is killed, and so there is none for most of the time.
      while (!over) {
        killed += kill('webhook');
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    })();
    await kubectl(['-n', 'rolling', 'rollout', 'restart', 'deployment/app']);
    // Each of the three, and those that were started in their place.
    await until('each webhook was killed twice', () => killed >= 6);
    over = true;
    await killing;
    await kubectl(['-n', NAMESPACE, 'rollout', 'status', `deployment/${NAMESPACE}-webhook`, '--timeout=120s']);
    await kubectl(['-n', 'rolling', 'rollout', 'status', 'deployment/app', '--timeout=200s']);
    const pods = await eyes.pods.all((all) => all.filter(ours).length === 3);
    assert.deepEqual(pods.filter(ours).map(profileOf), Array(3).fill('operator/fine.json'));
  },
);

test(
  'a profile that nothing starts under, bound to everything, keeps the system’s own pods from nothing',
  cluster.options,
  async () => {
    const { apply, kubectl, remove } = cluster;
    await apply(profile('deadly', DEADLY), bound('doomed'));
    await installed('deadly');
    const systems = ['kube-system', NAMESPACE];
    for (const name of systems) await kubectl(['label', 'namespace', name, 'spo.x-k8s.io/enable-binding=true']);
    await apply(...['doomed', ...systems].map((where) => binding(where, 'all', 'deadly')));
    const script = podSpec([{ name: 'c', script: 'true' }]);
    await bindsPods('doomed', 'deadly');
    await apply(...systems.map((where) => pod(where, 'system', 'system', script)), pod('doomed', 'own', 'own', script));
    for (const where of systems)
      assert.equal((await cluster.ended(`${where}/system`)).status?.phase, 'Succeeded', where);
    // Our own agent is made anew.
    await remove('-n', NAMESPACE, 'pod', '-l', 'name=spod');
    await kubectl(['-n', NAMESPACE, 'rollout', 'status', 'daemonset/spod', '--timeout=60s']);
    for (const where of systems) {
      await remove('-n', where, 'pod', 'system');
      await remove('-n', where, 'profilebinding', 'all');
      await kubectl(['label', 'namespace', where, 'spo.x-k8s.io/enable-binding-']);
    }
    await remove('-n', 'doomed', 'pod', 'own');
  },
);
