import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { customResource, NAMESPACES, PODS, pathOf } from '../../../src/kube/object.ts';
import { CLUSTER_ROLES, DEFINITIONS, DEPLOYMENTS, MUTATING, POLICY_BINDINGS } from '../../../src/kube/resources.ts';
import { GUARD, OWN_KINDS } from '../../../src/setup/installed.ts';
import { uninstall } from '../../../src/setup/uninstall/uninstall.ts';
import { pod, serve } from '../../support/kube.ts';

const NAMESPACE = 'security-profiles-operator';
const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);

async function installed(context: TestContext) {
  const { server, client } = await serve(context);
  server.put(NAMESPACES, { metadata: { name: NAMESPACE } });
  for (const { definition } of OWN_KINDS)
    server.put(DEFINITIONS, {
      metadata: { name: definition },
      spec: { conversion: { strategy: 'Webhook', webhook: {} } },
    });
  server.put(MUTATING, { metadata: { name: 'spo-mutating-webhook-configuration' } });
  server.put(CLUSTER_ROLES, { metadata: { name: 'spod' } });
  server.put(PROFILES, { metadata: { name: 'web' } });
  const said: string[] = [];
  const settings = { namespace: NAMESPACE, timeout: 5000, keepFiles: false, say: (line: string) => said.push(line) };
  const writes = () => server.asked.filter(({ method }) => method !== 'GET').map(({ path }) => path);
  return { server, client, said, settings, writes };
}

test('with no operator nothing is written, and then by force all of it goes, the namespace last', async (context) => {
  const { server, client, settings, writes } = await installed(context);
  const force = { ...settings, force: true };
  await assert.rejects(uninstall(client, { ...settings, force: false }), { code: 'ERR_SETUP_REFUSED' });
  assert.deepEqual(writes(), []);
  await uninstall(client, force);
  for (const resource of [DEFINITIONS, MUTATING, CLUSTER_ROLES, PROFILES, NAMESPACES])
    assert.deepEqual(server.objects.all(pathOf(resource)), [], resource.plural);
  const order = writes();
  const at = (path: string) => order.findIndex((one) => one.startsWith(path));
  const path = (resource: typeof PROFILES) => pathOf(resource);
  assert.equal(at(path(MUTATING)), 0);
  assert.ok(at(path(PROFILES)) < order.findLastIndex((one) => one.startsWith(path(DEFINITIONS))));
  assert.equal(order.at(-1), `${path(NAMESPACES)}/${NAMESPACE}`);
  await uninstall(client, force);
});

test('a namespace that has pods of others stays, and so does the Job that works in it', async (context) => {
  const { server, client, settings, said } = await installed(context);
  server.put(PODS, pod('spo-uninstall-x', {}, NAMESPACE));
  await uninstall(client, { ...settings, force: true });
  assert.equal(server.objects.all(pathOf(NAMESPACES)).length, 1);
  assert.match(said.at(-1) ?? '', /stays, with its pods spo-uninstall-x/);
});

test('SPO itself is not taken away, by force neither', async (context) => {
  const { server, client, settings, writes } = await installed(context);
  const template = { spec: { containers: [{ args: ['manager'] }] } };
  server.put(DEPLOYMENTS, { metadata: { namespace: NAMESPACE, name: NAMESPACE }, spec: { template } });
  await assert.rejects(uninstall(client, { ...settings, force: true }), { code: 'ERR_SETUP_REFUSED' });
  assert.deepEqual(writes(), []);
});

test('what its own policy still protects is deleted once the API server has dropped that policy', async (context) => {
  const { server, client, settings, writes } = await installed(context);
  const message = `ValidatingAdmissionPolicy '${GUARD}' with binding '${GUARD}' denied request`;
  const body = JSON.stringify({ kind: 'Status', reason: 'Forbidden', message });
  for (const { plural } of [DEFINITIONS, CLUSTER_ROLES])
    server.fail(({ method, path }) => method === 'DELETE' && path.includes(plural), { status: 403, body });
  server.put(POLICY_BINDINGS, { metadata: { name: GUARD } });
  await uninstall(client, { ...settings, force: true });
  for (const resource of [DEFINITIONS, CLUSTER_ROLES, POLICY_BINDINGS, NAMESPACES])
    assert.deepEqual(server.objects.all(pathOf(resource)), [], resource.plural);
  const order = writes();
  const policy = order.indexOf(pathOf(POLICY_BINDINGS, { name: GUARD }));
  assert.ok(policy < order.findIndex((path) => path.startsWith(pathOf(DEFINITIONS))), 'nothing waits for it');
});

test('who may not delete a definition is shown that at once', async (context) => {
  const { server, client, settings } = await installed(context);
  server.fail(({ method, path }) => method === 'DELETE' && path.includes(DEFINITIONS.plural), { status: 403 });
  await assert.rejects(uninstall(client, { ...settings, force: true }), { kind: 'forbidden' });
});
