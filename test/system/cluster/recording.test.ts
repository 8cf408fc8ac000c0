import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { syscribe, temporary } from '../support/syscribe.ts';
import { useInstalledCluster } from './installed.ts';
import { deployment, namespace, pod, podSpec, recording } from './manifests.ts';
import { RUNTIME } from './variables.ts';
import { callsOf, completeness, has, isPartial, PARTIAL, type Profile } from './watched.ts';

const cluster = useInstalledCluster();
/** What a pod has to say to run under a profile, once that is on the node. */
async function installed({ metadata }: Profile): Promise<string> {
  const { status } = await cluster.eyes.profiles.until(metadata.name, (one) => one.status?.status === 'Installed');
  return status?.localhostProfile ?? '';
}

async function served(ip: string): Promise<string> {
  let last = '';
  for (let request = 0; request < 50; request++) last = await (await fetch(`http://${ip}:8080/`)).text();
  return last;
}

test('nginx is recorded while it runs, and serves the same under what was recorded', cluster.options, async () => {
  const { eyes, apply, remove } = cluster;
  // Ready is one that serves: where all is slow that is not at once.
  const readinessProbe = { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 };
  const nginx = [{ name: 'nginx', image: 'nginx', readinessProbe }] as const;
  await apply(namespace('web'), recording('web', 'shop'), pod('web', 'nginx', 'shop', podSpec(nginx)));
  const { status, metadata } = await cluster.running('web/nginx');
  assert.equal(await served(status?.podIP ?? ''), 'served\n');
  const live = await eyes.profiles.until('shop-nginx', has('accept4'));
  assert.ok(isPartial(live));
  assert.match(metadata.annotations?.['io.containers.trace-bpf/nginx'] ?? '', /^shop_nginx_[a-z0-9]{5}_\d+$/);
  await eyes.recordings.until(
    'web/shop',
    ({ status }) => (status?.pods ?? 0) === 1 && status?.containers?.[0]?.running === 1,
  );
  await remove('-n', 'web', 'pod', 'nginx');
  const final = await eyes.profiles.until('shop-nginx', (profile) => !isPartial(profile));
  assert.equal(final.spec.defaultAction, 'SCMP_ACT_ERRNO');
  for (const name of ['mount', 'pivot_root', 'unshare', 'setns']) assert.ok(!callsOf(final).includes(name), name);
  const whole = completeness(await eyes.recordings.until('web/shop', ({ status }) => status?.pods === 0));
  assert.equal(whole?.status, 'True', whole?.message);

  const seccompProfile = { type: 'Localhost', localhostProfile: await installed(final) };
  const under = { securityContext: { seccompProfile } };
  await apply(pod('web', 'enforced', 'other', podSpec(nginx, under)));
  const { status: enforced } = await cluster.running('web/enforced');
  assert.equal(await served(enforced?.podIP ?? ''), 'served\n');
  await apply(pod('web', 'refused', 'other', podSpec([{ name: 'sh', script: 'chroot / true' }], under)));
  const { status: refused } = await cluster.ended('web/refused');
  assert.equal(refused?.phase, 'Failed');
  await remove('-n', 'web', 'pod', '--all');
});

test(
  'what a pod’s profile allows is what syscribe record gives for the same program',
  cluster.options,
  async (context) => {
    const { eyes, apply } = cluster;
    const script = 'mkdir /tmp/d; ln -s x /tmp/d/l; rm -r /tmp/d';
    await apply(
      namespace('truth'),
      recording('truth', 'same'),
      pod('truth', 'one', 'same', podSpec([{ name: 'c', script }])),
    );
    await cluster.ended('truth/one');
    const inCluster = await eyes.profiles.until('same-c', (profile) => !isPartial(profile));
    const file = join(temporary(context), 'profile');
    const command = ['/bin/busybox', 'sh', '-c', script];
    const options = ['-t', 'raw-seccomp', '--runtime', RUNTIME, '-o', file];
    // The shell asks for the host's name where nobody has told it.
    const env = { ...process.env, HOSTNAME: 'one' };
    const { code, stderr } = await syscribe(['record', ...options, '--', ...command], { env });
    assert.equal(code, 0, stderr);
    const { syscalls } = JSON.parse(readFileSync(file, 'utf8')) as { syscalls: { names: string[] }[] };
    assert.deepEqual(callsOf(inCluster), syscalls.flatMap((rule) => rule.names).sort());
  },
);

test(
  'a Deployment: each replica its own, merged while they run, one profile when the recording is deleted',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    const spec = podSpec(
      [{ name: 'c', script: 'while [ ! -e /tmp/go ]; do sleep 0.2; done; busybox mknod /tmp/p p; exec sleep 1000' }],
      {
        initContainers: [{ name: 'init', script: 'mkdir /tmp/x' }],
      },
    );
    await apply(
      namespace('many'),
      recording('many', 'web', { mergeStrategy: 'Containers' }),
      deployment('many', 'web', 2, spec),
    );
    const own = (profile: Profile) =>
      profile.metadata.labels?.['spo.x-k8s.io/container-id'] === 'c' && profile.metadata.name.startsWith('web-c-');
    const [first] = await eyes.profiles.all((all) => all.filter(own).length === 2);
    assert.ok(first);
    const merged = await eyes.profiles.until('web-c', has('clock_nanosleep'));
    assert.ok(isPartial(merged));
    assert.equal(merged.metadata.labels?.['spo.x-k8s.io/role'], 'merged');
    const podName = eyes.pods.list().find(({ metadata }) => metadata.namespace === 'many')?.metadata.name ?? '';
    await kubectl(['-n', 'many', 'exec', podName, '-c', 'c', '--', '/bin/busybox', 'touch', '/tmp/go']);
    await eyes.profiles.until('web-c', (profile) => callsOf(profile).some((name) => name.startsWith('mknod')));
    await kubectl(['-n', 'many', 'scale', 'deployment/web', '--replicas=3']);
    await eyes.profiles.all((all) => all.filter(own).length === 3);
    await remove('-n', 'many', 'deployment', 'web');
    await eyes.pods.all((pods) => !pods.some(({ metadata }) => metadata.namespace === 'many'));
    await remove('-n', 'many', 'profilerecording', 'web');
    await eyes.recordings.gone('many/web');
    const ofIt = (all: Profile[]) =>
      all.filter(({ metadata }) => metadata.labels?.['spo.x-k8s.io/recording-namespace'] === 'many');
    const left = ofIt(await eyes.profiles.all((all) => !ofIt(all).some(isPartial)));
    assert.deepEqual(left.map(({ metadata }) => metadata.name).sort(), ['web-c', 'web-init']);
    const coverage = JSON.parse(
      left.find(({ metadata }) => metadata.name === 'web-c')?.metadata.annotations?.['spo.x-k8s.io/syscall-coverage'] ??
        '{}',
    );
    assert.equal(coverage.total, 3);
    const mknod = Object.keys(coverage.syscalls).find((name) => name.startsWith('mknod')) ?? '';
    assert.equal(coverage.syscalls[mknod], 1, 'only one of them made it');
    assert.equal(coverage.syscalls.execve, 3);
  },
);

test(
  'a container that crashes again and again is one profile; a Job of an instant is recorded',
  cluster.options,
  async () => {
    const { eyes, apply, remove } = cluster;
    const crashing = podSpec([{ name: 'c', script: 'mkdir /tmp/x; exit 1' }], { restartPolicy: 'Always' });
    const job = {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { namespace: 'short', name: 'quick' },
      spec: {
        ttlSecondsAfterFinished: 0,
        template: {
          metadata: { labels: { app: 'job' } },
          spec: { ...podSpec([{ name: 'c', script: 'rmdir /nowhere; true' }]), restartPolicy: 'Never' },
        },
      },
    };
    await apply(
      namespace('short'),
      recording('short', 'crash'),
      recording('short', 'job'),
      pod('short', 'crash', 'crash', crashing),
      job,
    );
    await eyes.pods.until('short/crash', ({ status }) => (status?.containerStatuses?.[0]?.restartCount ?? 0) >= 2);
    await eyes.recordings.until('short/crash', ({ status }) => (status?.containers?.[0]?.done ?? 0) >= 2);
    assert.ok(isPartial(await eyes.profiles.until('crash-c', has('mkdir'))));
    await remove('-n', 'short', 'pod', 'crash');
    await eyes.profiles.until('crash-c', (profile) => !isPartial(profile));
    const [quick] = await eyes.profiles
      .all((all) => all.some((profile) => profile.metadata.name.startsWith('job-c-') && !isPartial(profile)))
      .then((all) => all.filter(({ metadata }) => metadata.name.startsWith('job-c-')));
    assert.ok(quick && callsOf(quick).includes('rmdir'));
  },
);

test(
  'only the containers that are listed; two recordings on one pod; disabled when asked',
  cluster.options,
  async () => {
    const { eyes, apply } = cluster;
    const two = podSpec([
      { name: 'a', script: 'mkdir /tmp/a' },
      { name: 'b', script: 'ln -s x /tmp/b' },
    ]);
    const selector = { podSelector: { matchLabels: { app: 'both' } } };
    await apply(
      namespace('some'),
      recording('some', 'only-b', { ...selector, containers: ['b'] }),
      recording('some', 'all', { ...selector, disableProfileAfterRecording: true }),
      pod('some', 'two', 'both', two),
    );
    await cluster.ended('some/two');
    const [a, b, only] = await Promise.all(
      ['all-a', 'all-b', 'only-b-b'].map((name) => eyes.profiles.until(name, (profile) => !isPartial(profile))),
    );
    assert.ok(a && b && only);
    assert.ok(callsOf(a).includes('mkdir') && !callsOf(a).includes('symlink'));
    assert.deepEqual(callsOf(b), callsOf(only));
    assert.deepEqual(
      [a, b, only].map(({ spec }) => spec.state),
      ['Disabled', 'Disabled', 'Enabled'],
    );
    assert.equal(eyes.profiles.get('only-b-a'), undefined);
  },
);

test(
  'a pod that ran before its namespace was labelled is recorded from then on, and the recording says so',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl, remove } = cluster;
    await kubectl(['create', 'namespace', 'late']);
    await apply(pod('late', 'early', 'late', podSpec([{ name: 'c', script: 'while :; do sleep 0.2; done' }])));
    await cluster.running('late/early');
    await apply(namespace('late'), recording('late', 'late'));
    const { status } = await eyes.recordings.until('late/late', (one) => completeness(one)?.status === 'False');
    assert.equal(status?.conditions?.find(({ type }) => type === 'Complete')?.reason, 'StartedBeforeRecorder');
    await remove('-n', 'late', 'pod', 'early');
    assert.ok(has('wait4')(await eyes.profiles.until('late-c', (profile) => !isPartial(profile))));
  },
);

test('recordings of the same name in two namespaces leave each other’s profiles alone', cluster.options, async () => {
  const { eyes, apply } = cluster;
  const script = { left: 'mkdir /tmp/x', right: 'ln -s x /tmp/x' };
  for (const [name, text] of Object.entries(script)) {
    await apply(
      namespace(name),
      recording(name, 'twin'),
      pod(name, 'one', 'twin', podSpec([{ name: 'c', script: text }])),
    );
    await cluster.ended(`${name}/one`);
    await eyes.profiles.all((all) =>
      all.some(
        ({ metadata }) =>
          metadata.labels?.['spo.x-k8s.io/recording-namespace'] === name && metadata.labels[PARTIAL] === undefined,
      ),
    );
  }
  const twins = eyes.profiles
    .list()
    .filter(({ metadata }) => metadata.labels?.['spo.x-k8s.io/recording-id'] === 'twin');
  assert.equal(twins.length, 2);
  const of = (where: string) =>
    twins.find(({ metadata }) => metadata.labels?.['spo.x-k8s.io/recording-namespace'] === where);
  assert.equal(of('left')?.metadata.name, 'twin-c');
  assert.match(of('right')?.metadata.name ?? '', /^twin-c-[0-9a-f]{8}$/);
  assert.ok(callsOf(of('left') as Profile).includes('mkdir') && callsOf(of('right') as Profile).includes('symlink'));
});

test(
  'recorder Logs: the same calls from the audit log, beside a recording by eBPF on the same pod',
  cluster.options,
  async () => {
    const { eyes, apply } = cluster;
    const selector = { podSelector: { matchLabels: { app: 'logged' } } };
    await apply(
      namespace('logs'),
      recording('logs', 'by-log', { ...selector, recorder: 'Logs' }),
      recording('logs', 'by-bpf', selector),
    );
    await eyes.recordings.until('logs/by-log');
    await apply(
      pod('logs', 'one', 'logged', podSpec([{ name: 'c', script: 'sleep 2; mkdir /tmp/x; ln -s a /tmp/y' }])),
    );
    await cluster.ended('logs/one');
    const [log, bpf] = await Promise.all(
      ['by-log-c', 'by-bpf-c'].map((name) => eyes.profiles.until(name, (profile) => !isPartial(profile))),
    );
    assert.ok(log && bpf);
    const { status } = await eyes.recordings.until('logs/by-log', (one) => completeness(one) !== undefined);
    assert.deepEqual(callsOf(log), callsOf(bpf), JSON.stringify(status?.conditions));
  },
);
