import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DIRECTORY } from './cluster.ts';
import { daemon, useInstalledCluster } from './installed.ts';
import { pod, podSpec } from './manifests.ts';
import { GROUP } from './webhooks.ts';

const cluster = useInstalledCluster();
const ERRNO = 'SCMP_ACT_ERRNO';
const ALLOW = 'SCMP_ACT_ALLOW';
const SLEEP = 'exec sleep 1000';

const fileOf = (name: string) => join(DIRECTORY, `node-1/kubelet/seccomp/operator/${name}.json`);
const hasStatus = (name: string) => cluster.eyes.statuses.get(`${name}-node-1`) !== undefined;
const under = (name: string) => ({
  securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: `operator/${name}.json` } },
});

function profile(name: string, spec: object): object {
  return { apiVersion: `${GROUP}/v1`, kind: 'SeccompProfile', metadata: { name }, spec };
}

/** Lets these calls through, and no others. */
const letting = (...names: string[]) => ({
  defaultAction: ERRNO,
  ...(names.length > 0 && { syscalls: [{ names, action: ALLOW }] }),
});

const installed = (name: string) => cluster.eyes.profiles.until(name, ({ status }) => status?.status === 'Installed');
const used = (name: string) => cluster.eyes.profiles.until(name, ({ status }) => status?.pods === 1);

/** The profile once it may not be installed, and why. */
async function refused(name: string): Promise<string> {
  const { status } = await cluster.eyes.profiles.until(name, (one) => one.status?.status === 'Error');
  return status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
}

/** Pods that name a profile each, of their own name: beside the pod's own security context, which install.test.ts has. */
const USERS = {
  'by-container': podSpec([{ name: 'c', script: SLEEP, ...under('by-container') }]),
  'by-init': podSpec([{ name: 'c', script: SLEEP }], {
    initContainers: [{ name: 'i', script: SLEEP, ...under('by-init') }],
  }),
  'by-annotation': podSpec([{ name: 'c', script: SLEEP }]),
};

test(
  'whatever of a pod names a profile, an old annotation too: deleted, it stays until that pod is gone',
  cluster.options,
  async () => {
    const { apply, kubectl, eyes, remove } = cluster;
    const names = Object.keys(USERS);
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'using' } },
      ...names.map((name) => profile(name, { defaultAction: ALLOW })),
    );
    await Promise.all(names.map(installed));
    await apply(
      ...Object.entries(USERS).map(([name, spec]) => {
        const made = pod('using', name, 'using', spec) as { metadata: object };
        const annotations = { 'seccomp.security.alpha.kubernetes.io/pod': `localhost/operator/${name}.json` };
        return name === 'by-annotation' ? { ...made, metadata: { ...made.metadata, annotations } } : made;
      }),
    );
    await Promise.all(names.map(used));
    await kubectl(['delete', 'sp', ...names, '--wait=false']);
    for (const name of names) {
      const { status } = await eyes.profiles.until(name, (one) => one.status?.status === 'Terminating');
      assert.equal(status?.conditions?.find(({ type }) => type === 'Ready')?.reason, 'Deleting', name);
      await eyes.statuses.until(`${name}-node-1`, (one) => one.status?.status === 'Terminating');
      assert.ok(existsSync(fileOf(name)), name);
    }
    await remove('-n', 'using', 'pod', '--all');
    for (const name of names) {
      await eyes.profiles.gone(name);
      assert.ok(!existsSync(fileOf(name)), name);
    }
  },
);

test(
  'what is allowed no more goes from the nodes; where a pod uses it, once that is gone',
  cluster.options,
  async (context) => {
    const { apply, eyes, remove } = cluster;
    context.after(() => cluster.resetDaemon());
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'using' } },
      profile('open', { defaultAction: ALLOW }),
    );
    await installed('open');
    await apply(pod('using', 'user', 'using', podSpec([{ name: 'c', script: SLEEP }], under('open'))));
    await used('open');

    await apply(daemon({ security: { allowedSyscalls: ['exit', 'exit_group', 'futex', 'nanosleep'] } }));
    await apply(
      profile('subset', letting('exit', 'futex')),
      profile('nothing', letting()),
      profile('more', letting('exit', 'bpf')),
      profile('everything', { defaultAction: ALLOW }),
    );
    await Promise.all(['subset', 'nothing'].map(installed));
    assert.equal(await refused('more'), 'syscall not allowed: bpf');
    assert.match(await refused('everything'), /^seccomp profile not allowed: SCMP_ACT_ALLOW /);
    for (const name of ['more', 'everything']) assert.ok(!hasStatus(name) && !existsSync(fileOf(name)), name);

    assert.match(await refused('open'), /not allowed/);
    assert.ok(hasStatus('open') && existsSync(fileOf('open')));
    await remove('-n', 'using', 'pod', 'user');
    await eyes.statuses.gone('open-node-1');
    assert.ok(!existsSync(fileOf('open')));

    await apply(daemon({ security: { allowedSyscalls: ['exit'] } }));
    assert.equal(await refused('subset'), 'syscall not allowed: futex');
    await eyes.statuses.gone('subset-node-1');
    assert.ok(!existsSync(fileOf('subset')));
    assert.ok(existsSync(fileOf('nothing')));

    await apply(daemon());
    await Promise.all(['subset', 'more', 'everything', 'open'].map(installed));
    await remove('sp', 'subset', 'nothing', 'more', 'everything', 'open');
  },
);
