import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type KubeObject, NAMESPACES, NODES, PODS, pathOf, type Resource } from '../../../../src/kube/object.ts';
import { DaemonOperator } from '../../../../src/operator/daemon/daemon.ts';
import { AGENT_LABELS, DAEMON_SETS } from '../../../../src/operator/daemon/daemon-set.ts';
import { DAEMONS, type DaemonObject, watchDaemon } from '../../../../src/operator/daemon/watch.ts';
import { CONFIGURATIONS } from '../../../../src/operator/daemon/webhooks.ts';
import { watchInstallations } from '../../../../src/operator/profiles/view.ts';
import { serve } from '../../../support/kube.ts';

const DEPLOYMENTS: Resource = { ...DAEMON_SETS, plural: 'deployments', kind: 'Deployment' };
const NAMESPACE = 'spo';

interface Container {
  readonly image: string;
  readonly imagePullPolicy?: string;
}

interface Set extends KubeObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

async function operate(
  context: TestContext,
  { deployment = true, spec }: { deployment?: boolean; spec?: object } = {},
) {
  const { server, client } = await serve(context);
  const put = (resource: Resource, object: object) => server.objects.adopt(pathOf(resource), object as KubeObject);
  put(NAMESPACES, { metadata: { name: NAMESPACE, uid: 'uid-of-spo' } });
  const containers = [{ name: 'operator', image: 'registry/syscribe:7', imagePullPolicy: 'Never' }];
  if (deployment)
    put(DEPLOYMENTS, {
      metadata: { name: 'security-profiles-operator', namespace: NAMESPACE },
      spec: { template: { spec: { containers } } },
    });
  if (spec) put(DAEMONS, { metadata: { name: 'spod', namespace: NAMESPACE, generation: 3 }, spec });
  const told: string[] = [];
  const log = { info: () => {}, warn: () => {} };
  const cluster = watchInstallations(client, log, NAMESPACE);
  const view = watchDaemon(client, log, NAMESPACE);
  const events = {
    event: (_: unknown, type: string, reason: string, message: string) => told.push(`${type} ${reason} ${message}`),
  };
  const operator = new DaemonOperator(
    { client, events, log, view, cluster },
    { namespace: NAMESPACE, kubeletDirectory: '/var/lib/kubelet' },
  );
  const stop = new AbortController();
  const parts = [cluster.agents.run(stop.signal), cluster.nodes.run(stop.signal), operator.watch(stop.signal)];
  parts.push(operator.lead(stop.signal));
  context.after(async () => {
    stop.abort();
    await Promise.allSettled(parts);
  });
  const all = <T>(resource: Resource) => server.objects.all(pathOf(resource)) as unknown as T[];
  const daemon = () => all<DaemonObject>(DAEMONS)[0];
  const condition = (type: string) => daemon()?.status?.conditions?.find((one) => one.type === type);
  return { server, put, told, all, daemon, condition, until: (is: () => boolean) => server.changes.until(is) };
}

test('without a daemon object one is made, and agents of the operator’s image and webhooks of it', async (context) => {
  const { until, all, daemon } = await operate(context);
  await until(() => daemon()?.status?.state === 'Creating');
  assert.equal(daemon()?.spec.enricher?.enableBpfRecorder, true);
  const [set] = all<Set>(DAEMON_SETS);
  const container = set?.spec.template.spec.containers[0];
  assert.deepEqual([container?.image, container?.imagePullPolicy], ['registry/syscribe:7', 'Never']);
  const owners = all<KubeObject>(CONFIGURATIONS).map(({ metadata }) => metadata.ownerReferences?.[0]?.uid);
  assert.deepEqual(owners, ['uid-of-spo'], 'it goes with its namespace');
});

test('a static configuration of the webhooks is nobody’s but the user’s', async (context) => {
  const { until, all, daemon } = await operate(context, { spec: { webhook: { staticConfig: true } } });
  await until(() => daemon()?.status?.state !== undefined && all(DAEMON_SETS).length === 1);
  assert.equal(all(CONFIGURATIONS).length, 0);
});

test('what is refused is told once, and nothing is made of it', async (context) => {
  const { until, all, condition, told, put } = await operate(context, { spec: { hostProcVolumePath: '/proc/1' } });
  await until(() => condition('Ready')?.reason === 'Rejected');
  assert.equal(condition('Ready')?.observedGeneration, 3);
  assert.match(condition('Accepted')?.message ?? '', /^spec\.hostProcVolumePath: /);
  // Something else is a reason to look again.
  put(NODES, { metadata: { name: 'n1', uid: 'n1' } });
  await until(() => condition('CoversAllNodes')?.status === 'False');
  assert.deepEqual([all(DAEMON_SETS).length, told.length], [0, 1]);
  assert.match(told[0] ?? '', /^Warning CannotUpdateSPOD spec\.hostProcVolumePath: /);
});

test('what the API server refuses is told in its words', async (context) => {
  const { server, until, condition, daemon, put } = await operate(context);
  await until(() => daemon()?.status?.state === 'Creating');
  server.fail(({ method, path }) => method === 'PATCH' && path.endsWith('/daemonsets/spod'), {
    status: 422,
    body: JSON.stringify({ kind: 'Status', reason: 'Invalid', message: 'limits: too small' }),
  });
  put(DAEMONS, { ...daemon(), spec: { daemonResourceRequirements: { limits: {} } } });
  await until(() => condition('Accepted')?.reason === 'Invalid');
  assert.match(condition('Ready')?.message ?? '', /^spec: .*limits: too small: correct daemonResourceRequirements/);
});

test('without the operator’s Deployment nobody knows of which image agents are, and it is said', async (context) => {
  const { until, condition } = await operate(context, { deployment: false });
  await until(() => condition('Ready')?.reason === 'Rejected');
  assert.match(condition('Ready')?.message ?? '', /no Deployment security-profiles-operator/);
});

test('a node is covered by an agent’s pod that is ready there', async (context) => {
  const { until, condition, put } = await operate(context, { spec: {} });
  put(NODES, { metadata: { name: 'n1', uid: 'n1' } });
  await until(() => condition('CoversAllNodes')?.message.includes(': n1.') ?? false);
  const metadata = { name: 'spod-1', namespace: NAMESPACE, uid: 'p', labels: AGENT_LABELS };
  const agent = (status: string) => ({
    metadata,
    spec: { nodeName: 'n1' },
    status: { conditions: [{ type: 'Ready', status }] },
  });
  put(PODS, agent('True'));
  await until(() => condition('CoversAllNodes')?.status === 'True');
  put(PODS, agent('False'));
  await until(() => condition('CoversAllNodes')?.status === 'False');
});
