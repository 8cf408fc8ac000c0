import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { clientTests } from './clients.ts';
import { DIRECTORY } from './cluster.ts';
import { useInstalledCluster } from './installed.ts';
import { deployment, namespace, pod, podSpec, recording } from './manifests.ts';
import { callsOf, completeness, has, isPartial, type Profile, type Recording } from './watched.ts';

const cluster = useInstalledCluster();
const LOOP = 'while :; do sleep 0.1; done';
const of = (recording: string) => (profile: Profile) =>
  profile.metadata.labels?.['spo.x-k8s.io/recording-id'] === recording;
/** Of these calls, those that a profile allows. */
const among = (calls: readonly string[], profile: Profile) => calls.filter((call) => callsOf(profile).includes(call));
const whole = async (key: string) => {
  // Its status comes some seconds behind the profiles.
  const said = (one: Recording) => one.status?.pods === 0 && completeness(one)?.status !== 'Unknown';
  const all = await cluster.eyes.recordings.until(key, said);
  assert.equal(completeness(all)?.status, 'True', completeness(all)?.message);
};

describe('workloads, all at once', { concurrency: true, ...cluster.options }, () => {
  test('a sidecar that is an init container, and what starts behind it, have profiles of their own', async () => {
    const init = [
      { name: 'proxy', restartPolicy: 'Always', script: `mkdir /tmp/x; ${LOOP}` },
      { name: 'setup', script: 'ln -s x /tmp/y' },
    ];
    const spec = podSpec([{ name: 'main', script: 'rmdir /nowhere; true' }], { initContainers: init });
    await cluster.apply(namespace('sidecar'), recording('sidecar', 'side'), pod('sidecar', 'one', 'side', spec));
    // Its work done, the setup is final while the others run.
    await cluster.final('side-setup');
    assert.equal((await cluster.ended('sidecar/one')).status?.phase, 'Succeeded');
    const profiles = await Promise.all(['proxy', 'setup', 'main'].map((name) => cluster.final(`side-${name}`)));
    const calls = profiles.map((profile) => among(['mkdir', 'rmdir', 'symlink'], profile));
    assert.deepEqual(calls, [['mkdir'], ['symlink'], ['rmdir']]);
    await whole('sidecar/side');
  });

  test('the profiles of a StatefulSet end with the ordinals; a pod that comes again leaves the first one alone', async () => {
    const { eyes, apply, remove } = cluster;
    const script = `[ $HOSTNAME = set-1 ] && mkdir /tmp/x; ${LOOP}`;
    const set = deployment('stateful', 'set', 2, podSpec([{ name: 'c', script }]), 'StatefulSet');
    await apply(namespace('stateful'), recording('stateful', 'set'), set);
    await eyes.profiles.until('set-c-1', has('mkdir'));
    assert.deepEqual(among(['mkdir'], await eyes.profiles.until('set-c-0')), []);
    await remove('-n', 'stateful', 'pod', 'set-1');
    assert.deepEqual(among(['mkdir'], await cluster.final('set-c-1')), ['mkdir']);
    const all = await eyes.profiles.all((every) => every.filter(of('set')).length === 3);
    const [again] = all.filter(of('set')).filter(({ metadata }) => /^set-c-1-[0-9a-f]{8}$/.test(metadata.name));
    await remove('-n', 'stateful', 'statefulset', 'set');
    assert.deepEqual(among(['mkdir'], await cluster.final(again?.metadata.name ?? '')), ['mkdir']);
    await whole('stateful/set');
  });

  test('a Deployment scaled up and down: what is taken away is final, what stays is not', async () => {
    const { eyes, apply, kubectl } = cluster;
    const spec = podSpec([{ name: 'c', script: `mkdir /tmp/x; ${LOOP}` }]);
    await apply(namespace('scaled'), recording('scaled', 'app'), deployment('scaled', 'app', 1, spec));
    const scaled = async (replicas: number, there: number) => {
      await kubectl(['-n', 'scaled', 'scale', 'deployment/app', `--replicas=${replicas}`]);
      const is = (all: Profile[]) =>
        all.filter(of('app')).filter(has('mkdir')).length === there &&
        all.filter(of('app')).filter(isPartial).length === replicas;
      return (await eyes.profiles.all(is)).filter(of('app'));
    };
    await scaled(3, 3);
    const profiles = await scaled(1, 3);
    const [left] = profiles.filter(isPartial);
    const [runs] = eyes.pods
      .list()
      .filter(({ metadata }) => metadata.namespace === 'scaled' && metadata.deletionTimestamp === undefined);
    assert.equal(left?.metadata.name, `app-c-${runs?.metadata.name.split('-').at(-1)}`);
    await scaled(0, 3);
    await whole('scaled/app');
  });

  test('what probes and hooks execute is recorded, and can be executed under the profile', async () => {
    const { apply } = cluster;
    const exec = (...command: string[]) => ({ exec: { command: ['/bin/busybox', ...command] } });
    const probed = {
      name: 'c',
      script: 'while [ ! -e /tmp/probe ] || [ ! -e /tmp/hook ]; do sleep 0.1; done',
      readinessProbe: { ...exec('mkdir', '-p', '/tmp/probe'), periodSeconds: 1 },
      lifecycle: { postStart: exec('ln', '-s', 'x', '/tmp/hook') },
    };
    // A link to nowhere does not exist for the shell.
    probed.script = probed.script.replace('-e /tmp/hook', '-L /tmp/hook');
    await apply(namespace('probed'), recording('probed', 'probe'), pod('probed', 'one', 'probe', podSpec([probed])));
    assert.equal((await cluster.ended('probed/one')).status?.phase, 'Succeeded');
    const profile = await cluster.final('probe-c');
    assert.deepEqual(among(['mkdir', 'symlink', 'setns', 'unshare', 'mount'], profile), ['mkdir', 'symlink']);
    await whole('probed/probe');
    const { status } = await cluster.eyes.profiles.until('probe-c', (one) => one.status?.status === 'Installed');
    const localhostProfile = status?.localhostProfile;
    const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile } };
    await apply(pod('probed', 'enforced', 'none', podSpec([probed], { securityContext })));
    assert.equal((await cluster.ended('probed/enforced')).status?.phase, 'Succeeded');
  });

  test('pods that are evicted, or run for longer than they may, have whole profiles', async () => {
    const { eyes, apply, kubectl } = cluster;
    const script = `mkdir /tmp/x; ${LOOP}`;
    await apply(
      namespace('evicted'),
      recording('evicted', 'evict', { podSelector: {} }),
      pod('evicted', 'one', 'a', podSpec([{ name: 'one', script }])),
      pod('evicted', 'two', 'b', podSpec([{ name: 'two', script }], { activeDeadlineSeconds: 2 })),
    );
    await eyes.profiles.until('evict-one', has('mkdir'));
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace: 'evicted', name: 'one' } };
    const path = '/api/v1/namespaces/evicted/pods/one/eviction';
    await kubectl(['create', '--raw', path, '-f', '-'], JSON.stringify(eviction));
    assert.equal((await cluster.ended('evicted/two')).status?.phase, 'Failed');
    for (const name of ['one', 'two'])
      assert.deepEqual(among(['mkdir'], await cluster.final(`evict-${name}`)), ['mkdir']);
    await whole('evicted/evict');
  });

  test('a static pod is recorded under a name that is its node’s own', async (context) => {
    const { eyes, apply } = cluster;
    await apply(namespace('static'), recording('static', 'mirror'));
    const manifest = join(DIRECTORY, 'node-1/manifests/one.json');
    context.after(() => rmSync(manifest, { force: true }));
    const spec = podSpec([{ name: 'c', script: `mkdir /tmp/x; ${LOOP}` }]);
    writeFileSync(manifest, JSON.stringify(pod('static', 'one', 'mirror', spec)));
    const all = await eyes.profiles.all((every) => every.filter(of('mirror')).some(has('mkdir')));
    const name = all.find(of('mirror'))?.metadata.name ?? '';
    assert.match(name, /^mirror-c-[0-9a-f]{8}$/);
    rmSync(manifest);
    assert.deepEqual(among(['mkdir'], await cluster.final(name)), ['mkdir']);
    await whole('static/mirror');
  });

  test('an ephemeral container has a profile of its own, also where instances are merged', async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    const spec = podSpec([{ name: 'c', script: `mkdir /tmp/x; ${LOOP}` }]);
    const merged = recording('debugged', 'debug', { mergeStrategy: 'Containers' });
    await apply(namespace('debugged'), merged, pod('debugged', 'one', 'debug', spec));
    await cluster.running('debugged/one');
    const debug = ['debug', 'one', '--image=syscribe.test/busybox:1', '--image-pull-policy=Never', '-c', 'look'];
    await kubectl(['-n', 'debugged', ...debug, '--target=c', '--', 'sh', '-c', `ln -s x /tmp/y; ${LOOP}`]);
    await eyes.profiles.until('debug-look', has('symlink'));
    await remove('-n', 'debugged', 'pod', 'one');
    await whole('debugged/debug');
    await remove('-n', 'debugged', 'profilerecording', 'debug');
    const profiles = await Promise.all(['c', 'look'].map((name) => cluster.final(`debug-${name}`)));
    const calls = profiles.map((profile) => among(['mkdir', 'symlink'], profile));
    assert.deepEqual(calls, [['mkdir'], ['symlink']]);
    assert.equal(eyes.profiles.list().filter(of('debug')).length, 2);
  });

  test('the label that SPO’s agents need to save memory makes no difference', async () => {
    const labels = { app: 'small', 'spo.x-k8s.io/enable-recording': 'true' };
    const one = { ...pod('small', 'with', 'small', podSpec([{ name: 'with', script: 'mkdir /tmp/x' }])) };
    const without = pod('small', 'without', 'small', podSpec([{ name: 'without', script: 'mkdir /tmp/x' }]));
    await cluster.apply(
      namespace('small'),
      recording('small', 'small'),
      { ...one, metadata: { namespace: 'small', name: 'with', labels } },
      without,
    );
    const profiles = await Promise.all(['with', 'without'].map((name) => cluster.final(`small-${name}`)));
    assert.deepEqual(callsOf(profiles[0] as Profile), callsOf(profiles[1] as Profile));
  });
});

clientTests(cluster);
