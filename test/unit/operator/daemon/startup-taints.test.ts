import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { KubeError } from '../../../../src/kube/errors.ts';
import { type KubeObject, NODES, PODS, pathOf, type Reference, type Resource } from '../../../../src/kube/object.ts';
import { AGENT_LABELS } from '../../../../src/operator/daemon/daemon-set.ts';
import { StartupTaints } from '../../../../src/operator/daemon/startup-taints.ts';
import { watchDaemon } from '../../../../src/operator/daemon/watch.ts';
import { watchInstallations } from '../../../../src/operator/profiles/view.ts';
import { serve } from '../../../support/kube.ts';

const NAMESPACE = 'spo';
const OURS = { key: 'spo.x-k8s.io/agent-not-ready', effect: 'NoSchedule' };
const OTHER = { key: 'gpu', effect: 'NoSchedule' };

/** @param patched what happens to the node of this name. */
async function operate(context: TestContext, patched: (name: string | undefined, patch: object) => void) {
  const { server, client } = await serve(context);
  const log = { info: () => {}, warn: () => {} };
  const { nodes } = watchInstallations(client, log, NAMESPACE);
  const { agentPods } = watchDaemon(client, log, NAMESPACE);
  const told: string[] = [];
  const events = {
    event: (about: { kind: string; name: string }, type: string, reason: string) => {
      told.push(`${about.kind} ${about.name} ${type} ${reason}`);
      server.changes.tell();
    },
  };
  const patch = async (_: Resource, { name }: Reference, what: object) => {
    patched(name, what);
    server.changes.tell();
    return {} as never;
  };
  const taints = new StartupTaints({ client: { patch, onReturn: () => () => {} }, events, log, nodes, agentPods });
  const stop = new AbortController();
  const parts = [nodes, agentPods].map((informer) => informer.run(stop.signal));
  parts.push(taints.lead(stop.signal));
  context.after(async () => {
    stop.abort();
    await Promise.allSettled(parts);
  });
  const node = (name: string, ...list: object[]) =>
    server.objects.adopt(pathOf(NODES), { metadata: { name, uid: name }, spec: { taints: list } } as KubeObject);
  const agent = (where: string, status: 'True' | 'False') =>
    server.objects.adopt(pathOf(PODS), {
      metadata: { name: `spod-${where}`, namespace: NAMESPACE, uid: `agent-${where}`, labels: AGENT_LABELS },
      spec: { nodeName: where },
      status: { conditions: [{ type: 'Ready', status }] },
    } as KubeObject);
  return { server, told, node, agent };
}

test('a node loses the start-up taint when its agent is ready, and no other, nor does another node', async (context) => {
  const patches: [name: string | undefined, patch: unknown][] = [];
  const { server, node, agent } = await operate(context, (...patched) => patches.push(patched));
  node('later', OURS, OTHER, { ...OURS, effect: 'NoExecute' });
  node('plain', OTHER);
  node('sooner', OURS);
  agent('later', 'False');
  agent('plain', 'True');
  agent('sooner', 'True');
  await server.changes.until(() => patches.length > 0);
  agent('later', 'True');
  await server.changes.until(() => patches.length > 1);
  const without = (place: number) => [
    { op: 'test', path: `/spec/taints/${place}/key`, value: OURS.key },
    { op: 'remove', path: `/spec/taints/${place}` },
  ];
  assert.deepEqual(patches, [
    ['sooner', without(0)],
    ['later', [...without(2), ...without(0)]],
  ]);
});

test('without the right to, the node is told of once', async (context) => {
  const { server, told, node, agent } = await operate(context, () => {
    throw new KubeError('forbidden', 'no');
  });
  node('joins', OURS);
  agent('joins', 'True');
  await server.changes.until(() => told.length > 0);
  node('joins', OTHER, OURS);
  node('other', OURS);
  agent('other', 'True');
  await server.changes.until(() => told.length > 1);
  assert.deepEqual(told, ['Node joins Warning StartupTaintStays', 'Node other Warning StartupTaintStays']);
});
