import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { syscallNames } from '../../../src/kernel/syscalls.ts';
import { until } from '../../support/until.ts';
import { Running } from '../support/syscribe.ts';
import { DIRECTORY } from './cluster.ts';
import { useInstalledCluster } from './installed.ts';
import { pod, podSpec } from './manifests.ts';
import type { Profile } from './watched.ts';

const PLUGIN = fileURLToPath(new URL('../../../bin/kubectl-syscribe', import.meta.url));
const FILE = join(DIRECTORY, 'node-1/kubelet/seccomp/operator/audited.json');
/** What the profile does not let through: a directory is made at the pod's start, links are made later. */
const LACKS = ['mkdir', 'mkdirat', 'symlink', 'symlinkat'];
/** A container that is created so soon behind a change of its profile may have either, milliseconds. */
const SLACK = 5000;

const cluster = useInstalledCluster();

const plugin = (...args: string[]) => new Running(PLUGIN, [...args, '--kubeconfig', cluster.kubeconfig]).finished;
const read = () => JSON.parse(readFileSync(FILE, 'utf8'));

function profile(rollout: object): object {
  const names = syscallNames('x86_64').filter((name) => !LACKS.includes(name));
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: { name: 'audited' },
    spec: {
      // Kills are logged always; what SCMP_ACT_ERRNO refuses takes a flag that runc knows from 1.2 on.
      defaultAction: 'SCMP_ACT_KILL_PROCESS',
      architectures: ['SCMP_ARCH_X86_64'],
      syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }],
      rollout,
    },
  };
}

function user(name: string, script: string): object {
  const securityContext = { seccompProfile: { type: 'Localhost', localhostProfile: 'operator/audited.json' } };
  return pod('roll', name, 'web', podSpec([{ name: 'c', script }], { securityContext }));
}

const reached = (wanted: (status: NonNullable<Profile['status']>, profile: Profile) => boolean) =>
  cluster.eyes.profiles.until('audited', (one) => one.status !== undefined && wanted(one.status, one));
const clean = (status: Profile['status']) => status?.conditions?.find(({ type }) => type === 'Clean');
const calls = (status: Profile['status']) => (status?.rollout?.denied ?? []).map(({ syscall }) => syscall);

/** Until an event of the profile says so. */
async function told(reason: string, pattern: RegExp): Promise<void> {
  const events = () => cluster.kubectl(['get', 'events', `--field-selector=reason=${reason}`]);
  await until(`an event ${reason} with ${pattern}`, async () => pattern.test(await events()));
}

/** Until what is created gets the file as it is now for certain. */
async function settled(): Promise<void> {
  await until('the file is old enough', () => Date.now() - statSync(FILE).ctimeMs > SLACK);
}

test(
  'a profile is audited, approved, promoted, enforced, and audited again as an update of what was enforced',
  cluster.options,
  async () => {
    const { apply, running, ended, kubectl, remove } = cluster;
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'roll' } }, profile({ mode: 'Audit' }));
    await reached(({ status, rollout }) => status === 'Installed' && rollout?.mode === 'Audit');
    assert.equal(read().defaultAction, 'SCMP_ACT_LOG');

    // What it lacks works, and is told.
    await apply(user('first', 'mkdir /tmp/d && exec sleep 1000'));
    await running('roll/first');
    const held = await reached((status) => clean(status)?.status === 'False');
    const [denied] = held.status?.rollout?.denied ?? [];
    assert.deepEqual([denied?.syscall, denied?.workload], ['mkdir', 'roll/Pod/first/c']);
    assert.match(clean(held.status)?.message ?? '', /would be refused: mkdir;/);
    const shown = await plugin('status', '-n', 'roll');
    assert.equal(shown.code, 1);
    assert.match(shown.stdout, /^audited +Audit +1 +False /m);
    assert.match(shown.stdout, /^audited +mkdir +roll\/Pod\/first\/c +\d+ /m);

    // Approved, it is no longer held, but nothing has run under it.
    const suggested = await plugin('suggest', 'audited');
    assert.equal(suggested.code, 1);
    assert.match(suggested.stdout, /^spec:\n {2}syscalls:/m);
    const approved = await plugin('suggest', 'audited', '--approve');
    assert.equal(approved.code, 0, approved.stderr);
    const next = await reached(({ rollout, status }, { metadata }) => {
      return (
        status === 'Installed' &&
        rollout?.generation === 2 &&
        metadata.annotations?.['spo.x-k8s.io/approve'] === undefined
      );
    });
    assert.ok(next.spec.syscalls?.[0]?.names.includes('mkdir'));
    assert.equal(next.spec.syscalls?.length, 1);
    assert.deepEqual([clean(next.status)?.status, clean(next.status)?.reason], ['Unknown', 'NothingRan']);
    await told('Approved', /mkdir/);

    // Clean with a pod that began under it, and promoted once that was long enough.
    await remove('-n', 'roll', 'pod', 'first');
    await settled();
    await apply(user('second', 'mkdir /tmp/d && exec sleep 1000'));
    await running('roll/second');
    await reached((status) => clean(status)?.status === 'True' && status.rollout?.containers === 1);
    assert.equal(read().defaultAction, 'SCMP_ACT_LOG');
    await kubectl(['patch', 'sp', 'audited', '--type=merge', '-p', '{"spec":{"rollout":{"promoteAfter":"6s"}}}']);
    const promoted = await reached(({ rollout }) => rollout?.mode === 'Enforce');
    assert.equal(promoted.status?.rollout?.generation, 2, 'the wait alone is another');
    assert.ok((promoted.status?.rollout?.cleanSeconds ?? 0) >= 6);
    await told('Promoted', /generation 2 .*1 pods need a restart/);
    await settled();
    assert.equal(read().defaultAction, 'SCMP_ACT_KILL_PROCESS');

    // What runs goes on as it began; what begins is refused, and that is told.
    const third = apply(user('third', 'mkdir /tmp/d && ln -s x /tmp/l')).then(() => ended('roll/third'));
    const refused = await reached((status) => calls(status).includes('symlink'));
    const symlink = refused.status?.rollout?.denied?.find(({ syscall }) => syscall === 'symlink');
    const late = Date.now() - Date.parse(symlink?.last ?? '');
    assert.ok(late < 5000, `told ${late} ms later`);
    assert.equal((await third).status?.phase, 'Failed');
    const left = await reached(({ rollout }) => rollout?.running?.length === 1);
    assert.deepEqual(left.status?.rollout?.running, [{ generation: 2, mode: 'Audit', pods: 1 }]);
    assert.match(clean(refused.status)?.message ?? '', /^is refused: symlink;/);
    const shownNow = await plugin('status', '-n', 'roll');
    assert.match(shownNow.stdout, /^audited +symlink +roll\/Pod\/third\/c +\d+ /m);
    assert.match(shownNow.stdout, /1 of 2 Audit/);

    // An update in Audit lets through what is new, and refuses what was refused before.
    await kubectl(['annotate', 'sp', 'audited', 'spo.x-k8s.io/approve=symlink,reboot']);
    await reached(
      ({ rollout, status }) => rollout?.mode === 'Audit' && rollout.generation > 2 && status === 'Installed',
    );
    await told('NotApproved', /reboot/);
    await settled();
    assert.equal(read().defaultAction, 'SCMP_ACT_KILL_PROCESS');
    await apply(user('fourth', 'mkdir /tmp/d && ln -s x /tmp/l'));
    assert.equal((await ended('roll/fourth')).status?.phase, 'Succeeded');
    await remove('-n', 'roll', 'pod', '--all');
    await remove('sp', 'audited');
  },
);
