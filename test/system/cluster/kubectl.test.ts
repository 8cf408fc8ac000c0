import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { SeccompProfile } from '../../../src/api/types.ts';
import { Running } from '../support/syscribe.ts';
import { useInstalledCluster } from './installed.ts';
import { deployment, namespace, podSpec } from './manifests.ts';

const PLUGIN = fileURLToPath(new URL('../../../bin/kubectl-syscribe', import.meta.url));
const cluster = useInstalledCluster();

const plugin = (...args: string[]) => new Running(PLUGIN, [...args, '--kubeconfig', cluster.kubeconfig]);

/** Of a pod that is not made. */
async function contexts(): Promise<unknown[]> {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'new', namespace: 'shop', labels: { app: 'web' } },
    spec: podSpec([{ name: 'nginx', image: 'nginx' }]),
  };
  const made = await cluster.kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], JSON.stringify(pod));
  const { spec } = JSON.parse(made) as { spec: { containers: { securityContext?: { seccompProfile?: unknown } }[] } };
  return spec.containers.map(({ securityContext }) => securityContext?.seccompProfile);
}

test(
  'a workload is recorded by one command, bound by the next, and let go of by the last',
  cluster.options,
  async () => {
    const { eyes, apply, kubectl } = cluster;
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } },
      deployment('shop', 'web', 2, podSpec([{ name: 'nginx', image: 'nginx' }])),
    );
    await kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/web', '--timeout=60s']);
    const recording = plugin('record', 'deploy/web', '-n', 'shop', '--restart');
    await eyes.profiles.until('web-nginx', ({ spec }) =>
      (spec.syscalls ?? []).some(({ names }) => names.includes('listen')),
    );
    await kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/web', '--timeout=60s']);
    recording.child.kill('SIGINT');
    const { code, stdout, stderr } = await recording.finished;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /recording \d pods, \d+ syscalls/);
    const profile = parse(stdout) as SeccompProfile;
    assert.equal(profile.metadata.name, 'web-nginx');
    const names = (profile.spec.syscalls ?? []).flatMap((rule) => rule.names);
    for (const name of ['listen', 'bind', 'execve']) assert.ok(names.includes(name), name);
    const { metadata } = JSON.parse(await kubectl(['get', 'namespace', 'shop', '-o', 'json']));
    assert.equal(metadata.labels['spo.x-k8s.io/enable-recording'], undefined, 'as it was before');

    const told = await plugin('status', '-n', 'shop').finished;
    assert.match(told.stdout, /^PROFILE +STATUS +SYSCALLS +RECORDED BY\nweb-nginx +\w+ +\d+ +shop\/web$/m);
    const explained = await plugin('explain', 'web-nginx').finished;
    assert.match(explained.stdout, /^web-nginx: \d+ calls, all others /);

    await eyes.profiles.until('web-nginx', ({ status }) => status?.status === 'Installed');
    const enforced = await plugin('enforce', 'deploy/web', '-n', 'shop', '--restart').finished;
    assert.equal(enforced.code, 0, enforced.stderr);
    assert.match(enforced.stdout, /^web-nginx is bound to syscribe\.test\/nginx:1 in pods of deploy\/web$/m);
    assert.deepEqual(await contexts(), [{ type: 'Localhost', localhostProfile: 'operator/web-nginx.json' }]);
    // Its pods are made anew, and work under what was recorded of them.
    await kubectl(['-n', 'shop', 'rollout', 'status', 'deployment/web', '--timeout=60s']);
    const used = await eyes.profiles.until('web-nginx', ({ status }) => (status?.activeWorkloads?.length ?? 0) >= 2);
    assert.match(used.status?.activeWorkloads?.[0] ?? '', /^shop\/web-/);
    const undone = await plugin('undo', 'deploy/web', '-n', 'shop').finished;
    assert.match(undone.stdout, /^no longer bound: web-[0-9a-f]{8}$/m);
    assert.deepEqual(await contexts(), [undefined]);
  },
);

test('doctor finds an installation in order, and says what is not', cluster.options, async () => {
  const well = await plugin('doctor').finished;
  assert.equal(well.code, 0, well.stdout);
  assert.match(well.stdout, /^ok {5}agents: one on each of 1 nodes$/m);
  await cluster.apply(namespace('bar'), {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { name: 'lost', namespace: 'default' },
    spec: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {} },
  });
  const ill = await plugin('doctor', '-o', 'json').finished;
  assert.equal(ill.code, 1);
  const checks = JSON.parse(ill.stdout) as { name: string; state: string; remedy?: string }[];
  assert.deepEqual(
    checks.filter(({ state }) => state !== 'ok').map(({ name, remedy }) => [name, remedy]),
    [['namespaces', 'kubectl label namespace default spo.x-k8s.io/enable-recording=']],
  );
});
