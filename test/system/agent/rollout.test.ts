import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enforcedOf } from '../../../src/api/rollout.ts';
import type { NodeStatus, SeccompProfile } from '../../../src/api/types.ts';
import { syscallNames } from '../../../src/kernel/syscalls.ts';
import { customResource, pathOf } from '../../../src/kube/object.ts';
import { makeNode, type Node, PROFILES } from './node.ts';

const STATUSES = pathOf(customResource('securityprofilenodestatuses', 'SecurityProfileNodeStatus', false));

const LACKS = ['mkdir', 'mkdirat'];
const profile = {
  apiVersion: 'security-profiles-operator.x-k8s.io/v1',
  kind: 'SeccompProfile',
  metadata: { name: 'web', uid: 'uid-of-web', generation: 1, finalizers: ['spo.x-k8s.io/on-nodes'] },
  spec: {
    defaultAction: 'SCMP_ACT_KILL_PROCESS',
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
    syscalls: [{ names: syscallNames('x86_64').filter((name) => !LACKS.includes(name)), action: 'SCMP_ACT_ALLOW' }],
    rollout: { mode: 'Audit', promoteAfter: '1m' },
  },
} as const satisfies SeccompProfile;

type Told = NonNullable<NonNullable<NodeStatus['status']>['rollout']>;

/** What the node tells of the profile, once it is so. */
async function tells({ server }: Node, is: (told: Told) => boolean): Promise<Told> {
  const find = () => (server.objects.all(STATUSES) as unknown as NodeStatus[])[0]?.status?.rollout;
  await server.changes.until(() => is(find() ?? { digest: '', mode: 'Enforce', stream: 'Down' }));
  return find() as Told;
}

const made = (told: Told) => told.denied?.find(({ syscall }) => syscall === 'mkdir');

test('a container under a profile in Audit does what that would refuse, and is told of, over a restart of the agent', async (context) => {
  const node = await makeNode(context, { withProfile: profile });
  const agent = await node.startAgent();
  await tells(node, ({ stream }) => stream === 'Alive');
  const pod = await node.runPod('web', ['/bin/sh', '-c', '/bin/mkdir /tmp/a && exec /bin/sleep 1000'], 'web');
  const told = await tells(node, (one) => made(one) !== undefined && one.containers === 1 && one.running !== undefined);
  assert.equal(made(told)?.workload, 'shop/Pod/web/front');
  assert.deepEqual(told.denied?.length, 1);
  assert.deepEqual([told.mode, told.running], ['Audit', [{ generation: 1, mode: 'Audit', pods: 1 }]]);
  assert.ok(told.cleanFrom !== undefined, 'it runs, and all is read');
  agent.child.kill('SIGTERM');
  assert.equal((await agent.finished).code, 0);
  await node.startAgent();
  const again = await node.runPod('again', ['/bin/mkdir', '/tmp/b'], 'web');
  const both = await tells(node, ({ denied }) => denied?.length === 2);
  assert.equal(both.containers, 2);
  assert.equal(made(both)?.count, 1, 'it is not read again');
  await again.stop();
  await pod.stop();
});

test('promoted, it is enforced for what begins then, and what it refuses is told of', async (context) => {
  const node = await makeNode(context, { withProfile: profile });
  await node.startAgent();
  await tells(node, ({ stream }) => stream === 'Alive');
  const first = await node.runPod('old', ['/bin/sleep', '1000'], 'web');
  await tells(node, ({ running }) => running !== undefined);
  const promoted: SeccompProfile = { ...profile, status: { enforced: enforcedOf(profile) } };
  node.server.objects.adopt(PROFILES, promoted);
  await tells(node, ({ mode }) => mode === 'Enforce');
  const second = await node.runPod('new', ['/bin/mkdir', '/tmp/a'], 'web');
  const told = await tells(node, (one) => made(one) !== undefined);
  assert.equal(made(told)?.workload, 'shop/Pod/new/front');
  assert.deepEqual([told.running, told.mixed], [undefined, 2], 'both began at about that time');
  await second.stop();
  await first.stop();
});
