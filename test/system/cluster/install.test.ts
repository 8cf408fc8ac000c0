import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { profileId } from '../../../src/api/installed.ts';
import { DIRECTORY } from './cluster.ts';
import { NAMESPACE, useInstalledCluster } from './installed.ts';
import { namespace, pod, podSpec, profile, recording } from './manifests.ts';
import { kill } from './parts.ts';
import type { Profile } from './watched.ts';

const cluster = useInstalledCluster();
const OPERATOR = join(DIRECTORY, 'node-1/kubelet/seccomp/operator');
const fileOf = (name: string) => join(OPERATOR, `${name}.json`);
const contentOf = (name: string) => JSON.parse(readFileSync(fileOf(name), 'utf8'));
const status = (word: string) => (one: Profile) => one.status?.status === word;
const ready = ({ status: said }: Profile) => said?.conditions?.find(({ type }) => type === 'Ready');
const installed = (name: string, generation = 1) =>
  cluster.eyes.profiles.until(
    name,
    (one) => ready(one)?.status === 'True' && ready(one)?.observedGeneration === generation,
  );
const ended = (key: string) =>
  cluster.eyes.pods.until(key, ({ status: said }) => ['Succeeded', 'Failed'].includes(said?.phase ?? ''));
const running = (key: string) =>
  cluster.eyes.pods.until(key, ({ status: said }) => said?.containerStatuses?.[0]?.ready ?? false);
const by = (name: string) => ({
  securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: `operator/${name}.json` } },
});
/** All is allowed but what is named. */
const refusing = (...names: string[]) => ({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names, action: 'SCMP_ACT_ERRNO' }],
});
const mkdir = podSpec([{ name: 'c', script: 'mkdir /tmp/x' }]);
const sleeping = (fields: object = {}) => podSpec([{ name: 'c', script: 'exec sleep 1000' }], fields);

/** Waits until a file of the node is as wanted. */
async function file(wanted: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = () => {
    try {
      if (wanted()) resolve();
    } catch {
      // It is not there now.
    }
  };
  const watcher = watch(OPERATOR, check);
  check();
  await promise;
  watcher.close();
}

test('a profile is installed, is what it says, and is enforced', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await apply(profile('no-mkdir', refusing('mkdir', 'mkdirat')));
  await kubectl(['wait', '--for=condition=ready', 'sp/no-mkdir', '--timeout=30s']);
  const one = await installed('no-mkdir');
  assert.deepEqual(contentOf('no-mkdir'), one.spec);
  assert.equal(one.status?.localhostProfile, 'operator/no-mkdir.json');
  const said = await eyes.statuses.until('no-mkdir-node-1', (it) => it.status?.status === 'Installed');
  assert.equal(said.spec.nodeName, 'node-1');
  await apply(pod('default', 'free', 'x', mkdir), pod('default', 'bound', 'x', { ...mkdir, ...by('no-mkdir') }));
  const [free, bound] = await Promise.all(['default/free', 'default/bound'].map(ended));
  assert.deepEqual([free?.status?.phase, bound?.status?.phase], ['Succeeded', 'Failed']);
});

test('a base’s calls are enforced, and a change of it is in what builds on it at once', cluster.options, async () => {
  const { apply } = cluster;
  await apply(
    profile('derived', { defaultAction: 'SCMP_ACT_ALLOW', baseProfileName: 'base' }),
    profile('loop', { defaultAction: 'SCMP_ACT_ALLOW', baseProfileName: 'loop' }),
  );
  const missing = await cluster.eyes.profiles.until('derived', status('Error'));
  assert.match(ready(missing)?.message ?? '', /node-1: derived builds on base, which is not there/);
  assert.match(ready(await cluster.eyes.profiles.until('loop', status('Error')))?.message ?? '', /loop → loop/);
  await apply(profile('base', refusing('mkdir')));
  await installed('derived');
  await apply(pod('default', 'derived', 'x', { ...mkdir, ...by('derived') }));
  assert.equal((await ended('default/derived')).status?.phase, 'Failed');
  await apply(profile('base', refusing('rmdir')));
  await file(() => contentOf('derived').syscalls[0].names[0] === 'rmdir');
});

test('an update is written, and Ready is of its generation', cluster.options, async () => {
  await cluster.apply(profile('update', refusing('mkdir')));
  await installed('update');
  await cluster.apply(profile('update', refusing('rmdir')));
  const { spec } = await installed('update', 2);
  assert.deepEqual(contentOf('update'), spec);
});

test('what is changed or removed by hand is put right within ten seconds', cluster.options, async () => {
  await cluster.apply(profile('hands', refusing('mkdir')));
  const { spec } = await installed('hands');
  for (const change of [() => writeFileSync(fileOf('hands'), '{}'), () => rmSync(fileOf('hands'))]) {
    change();
    const began = Date.now();
    await file(() => JSON.stringify(contentOf('hands')) === JSON.stringify(spec));
    assert.ok(Date.now() - began < 12_000);
  }
});

test('one that is disabled goes from the node, and comes back', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await apply(profile('toggled', refusing('mkdir')));
  await installed('toggled');
  await apply(profile('toggled', { ...refusing('mkdir'), state: 'Disabled' }));
  await kubectl(['wait', '--for=condition=ready=false', 'sp/toggled', '--timeout=30s']);
  await eyes.profiles.until('toggled', status('Disabled'));
  await eyes.statuses.until('toggled-node-1', (it) => it.status?.status === 'Disabled');
  assert.ok(!existsSync(fileOf('toggled')));
  await apply(profile('toggled', { ...refusing('mkdir'), state: 'Enabled' }));
  await installed('toggled', 3);
  assert.ok(existsSync(fileOf('toggled')));
});

test(
  'a deleted profile stays on the node until the last pod is gone, however it names the profile',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    await apply(profile('used', refusing('mkdir')));
    await installed('used');
    const container = { name: 'c', script: 'exec sleep 1000', ...by('used') };
    const init = { initContainers: [{ name: 'i', script: 'true', ...by('used') }] };
    const nowhere = { ...sleeping(by('used')), nodeSelector: { no: 'where' } };
    await apply(
      namespace('use'),
      pod('use', 'by-pod', 'x', sleeping(by('used'))),
      pod('use', 'by-container', 'x', podSpec([container])),
      pod('use', 'by-init', 'x', sleeping(init)),
      pod('use', 'waiting', 'x', nowhere),
    );
    const pods = ['by-pod', 'by-container', 'by-init'];
    for (const name of pods) await running(`use/${name}`);
    await kubectl(['delete', 'sp', 'used', '--wait=false']);
    const { status: said } = await eyes.profiles.until(
      'used',
      (one) => status('Terminating')(one) && one.status?.pods === 3,
    );
    assert.deepEqual(said?.activeWorkloads, ['use/by-container', 'use/by-init', 'use/by-pod']);
    await eyes.statuses.until('used-node-1', (it) => it.status?.status === 'Terminating');
    for (const name of pods) {
      assert.ok(existsSync(fileOf('used')), `before ${name} goes`);
      assert.ok(eyes.profiles.get('used'));
      await remove('-n', 'use', 'pod', name);
    }
    await eyes.profiles.until('used', (one) => one.status?.pods === 0);
    assert.ok(existsSync(fileOf('used')), 'a pod that has no node yet');
    await remove('-n', 'use', 'pod', 'waiting');
    await eyes.profiles.gone('used');
    assert.ok(!existsSync(fileOf('used')));
    await eyes.statuses.gone('used-node-1');
  },
);

test('what SPO has left of a node that is no more does not hold a deleted profile', cluster.options, async () => {
  const { eyes, apply, kubectl } = cluster;
  await apply(
    profile('left', refusing('mkdir'), {
      finalizers: ['fake-node-deleted', 'node-1-deleted', 'in-use-by-active-pods'],
    }),
  );
  const { metadata } = await installed('left');
  const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
  const owner = { apiVersion, kind: 'SeccompProfile', name: 'left', uid: metadata.uid, controller: true };
  await apply({
    apiVersion,
    kind: 'SecurityProfileNodeStatus',
    metadata: { name: 'left-fake-node', ownerReferences: [owner] },
    spec: { nodeName: 'fake-node' },
  });
  await kubectl(['delete', 'sp', 'left']);
  await eyes.profiles.gone('left');
  assert.ok(!existsSync(fileOf('left')));
});

test(
  'names: long ones are found by the hash of their label, those that lead elsewhere are none',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl } = cluster;
    const long = `${'long.'.repeat(40)}name-of-a-profile`;
    await apply(profile(long, refusing('mkdir')));
    await installed(long);
    assert.ok(existsSync(fileOf(long)));
    const found = await kubectl([
      'get',
      'spns',
      '-l',
      `spo.x-k8s.io/profile-id=${profileId('SeccompProfile', long)}`,
      '-o',
      'name',
    ]);
    assert.equal(found.trim().split('\n').length, 1);
    const most = 'm'.repeat(251);
    await apply(profile(most, refusing('mkdir')));
    assert.match(
      ready(await eyes.profiles.until(most, status('Error')))?.message ?? '',
      /longer than the name of a file/,
    );
    for (const name of ['../x', '..', 'a/../../x', '.hidden'])
      await assert.rejects(apply(profile(name, refusing('mkdir'))), /Invalid|invalid/, name);
  },
);

test(
  'what is not allowed is on no node; what is no longer allowed goes, once no pod needs it',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    const spod = (...allowedSyscalls: string[]) => ({
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind: 'SecurityProfilesOperatorDaemon',
      metadata: { name: 'spod', namespace: NAMESPACE },
      spec: { security: { allowedSyscalls } },
    });
    const allowing = (...names: string[]) => ({
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }],
    });
    await remove('sp', '--all');
    await apply(spod('exit', 'futex', 'nanosleep'));
    await apply(
      profile('fits', allowing('exit')),
      profile('blocks-all', { defaultAction: 'SCMP_ACT_ERRNO' }),
      profile('extra', allowing('exit', 'reboot')),
      profile('allows-all', { defaultAction: 'SCMP_ACT_ALLOW' }),
    );
    for (const name of ['fits', 'blocks-all']) await installed(name);
    const messages = await Promise.all(
      ['extra', 'allows-all'].map(async (name) => ready(await eyes.profiles.until(name, status('Error')))?.message),
    );
    assert.match(messages.join('\n'), /^syscall not allowed: reboot\nseccomp profile not allowed/);
    for (const name of ['extra', 'allows-all']) {
      assert.equal(eyes.statuses.get(`${name}-node-1`), undefined);
      assert.ok(!existsSync(fileOf(name)));
    }
    await apply(pod('default', 'user', 'x', sleeping(by('used-one'))), profile('used-one', allowing('futex')));
    await installed('used-one');
    await eyes.profiles.until('used-one', (one) => one.status?.pods === 1);
    await apply(spod('exit'));
    await eyes.profiles.until('used-one', status('Terminating'));
    assert.ok(existsSync(fileOf('used-one')));
    await remove('pod', 'user');
    await eyes.profiles.gone('used-one');
    assert.ok(!existsSync(fileOf('used-one')) && existsSync(fileOf('fits')));
    await kubectl(['-n', NAMESPACE, 'delete', 'spod', 'spod']);
    await installed('extra');
  },
);

test('what was recorded is installed, and a pod runs by what its status says', cluster.options, async () => {
  const { eyes, apply } = cluster;
  const script = 'ln -s x /tmp/y';
  await apply(
    namespace('loop'),
    recording('loop', 'rec'),
    pod('loop', 'first', 'rec', podSpec([{ name: 'c', script }])),
  );
  await ended('loop/first');
  const { status: said } = await installed('rec-c');
  const under = {
    securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: said?.localhostProfile } },
  };
  await apply(
    pod('loop', 'same', 'other', { ...podSpec([{ name: 'c', script }]), ...under }),
    pod('loop', 'worse', 'other', { ...mkdir, ...under }),
  );
  const [same, worse] = await Promise.all(['loop/same', 'loop/worse'].map(ended));
  assert.deepEqual([same?.status?.phase, worse?.status?.phase], ['Succeeded', 'Failed']);
  assert.equal(eyes.profiles.get('rec-c')?.status?.status, 'Installed');
});

test(
  'five hundred at once, the agent killed meanwhile: all come, and never half a file',
  cluster.options,
  async (context) => {
    const { eyes, apply, kubectl } = cluster;
    const names = Array.from({ length: 500 }, (_, index) => `many-${index}`);
    const many = refusing(...Array.from({ length: 100 }, (_, index) => `call_${index}`));
    let wrong = 0;
    const watcher = watch(OPERATOR, (_, name) => {
      if (!name?.startsWith('many-') || !existsSync(join(OPERATOR, name))) return;
      if (JSON.parse(readFileSync(join(OPERATOR, name), 'utf8')).syscalls[0].names.length !== 100) wrong += 1;
    });
    const began = Date.now();
    await apply(...names.map((name) => profile(name, many)));
    for (const most of [50, 200, 350]) {
      await file(() => readdirSync(OPERATOR).filter((name) => name.startsWith('many-')).length >= most);
      kill('agent');
    }
    await eyes.profiles.all(
      (all) => all.filter((one) => one.metadata.name.startsWith('many-') && status('Installed')(one)).length === 500,
    );
    context.diagnostic(
      `500 profiles Installed ${Date.now() - began} ms after they were applied, the agent killed three times`,
    );
    watcher.close();
    assert.equal(wrong, 0);
    assert.deepEqual(
      readdirSync(OPERATOR).filter((name) => name.startsWith('.')),
      [],
    );
    for (const name of names) assert.equal(contentOf(name).syscalls[0].names.length, 100);
    await kubectl(['delete', 'sp', ...names, '--wait=false']);
    await eyes.profiles.all((all) => !all.some(({ metadata }) => metadata.name.startsWith('many-')));
    assert.ok(!readdirSync(OPERATOR).some((name) => name.startsWith('many-')));
  },
);
