import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adoptionOf, reduced, type Spo, staleFinalizers } from '../../../src/setup/adopt/plan.ts';

const NONE: Spo = {
  ...{ olm: [], namespaced: false, recording: [], operator: false, agents: false, webhook: false },
  ...{ webhooks: [], certificates: [], bindings: [], stale: [], orphans: [], others: [] },
};
const SPO: Spo = {
  ...NONE,
  ...{ operator: true, agents: true, webhook: true },
  webhooks: ['binding.spo.io', 'recording.spo.io'],
  certificates: ['Certificate webhook-cert'],
  others: ['ConfigMap security-profiles-operator-profile'],
};
const OWN = { certificates: 'own' } as const;
const done = (spo: Spo, options: Parameters<typeof adoptionOf>[1] = OWN) =>
  adoptionOf(spo, options).deeds.map((deed) => deed.do);

test('where there is nothing of SPO, nothing is done', () => {
  assert.deepEqual(adoptionOf(NONE, OWN), { waits: [], deeds: [], advice: [] });
});

test('who would write the others anew goes before them; the webhook for bindings serves until ours does', () => {
  assert.deepEqual(done(SPO), ['webhooks', 'operator', 'agents', 'webhook', 'certificates']);
  const { advice } = adoptionOf(SPO, OWN);
  assert.match(
    advice.join('\n'),
    /kubectl apply.*adopt once more[^\n]*\n.*ConfigMap security-profiles-operator-profile/s,
  );
});

test('certificates stay cert-manager’s if so wanted, and what the webhook has to be told is told', () => {
  const options = { certificates: 'cert-manager' } as const;
  assert.ok(!done(SPO, options).includes('certificates'));
  assert.match(adoptionOf(SPO, options).advice.join('\n'), /--certificates cert-manager/);
});

test('OLM, and profiles with namespaces, are refused with what to do', () => {
  const olm = adoptionOf({ ...SPO, olm: ['Subscription operators/spo'] }, OWN);
  assert.match(olm.refusal?.message ?? '', /Subscription operators\/spo/);
  const old = adoptionOf({ ...SPO, namespaced: true }, OWN);
  assert.match(old.refusal?.remedy ?? '', /migrate export.*migrate import/);
  for (const { deeds, waits } of [olm, old]) assert.deepEqual([deeds, waits], [[], []]);
});

test('of SPO’s webhooks the one for bindings stays, for pods that are made', () => {
  const client = { clientConfig: { caBundle: 'x' }, failurePolicy: 'Fail' };
  const webhooks = [
    {
      ...client,
      name: 'binding.spo.io',
      objectSelector: { matchExpressions: [] },
      rules: [{ operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['pods'] }],
    },
    { ...client, name: 'recording.spo.io', rules: [{ operations: ['CREATE', 'DELETE'], resources: ['pods'] }] },
    { ...client, name: 'execmetadata.spo.io' },
  ];
  assert.deepEqual(reduced(webhooks), [
    { ...client, name: 'binding.spo.io', rules: [{ operations: ['CREATE'], resources: ['pods'] }] },
  ]);
});

test('finalizers of nodes that are gone are told from those of nodes that are there, cut names too', () => {
  const long = `node-${'x'.repeat(80)}`;
  const cut = `${long.slice(0, 55)}-deleted`;
  const finalizers = [
    'node-1-deleted',
    'node-10-deleted',
    cut,
    'spo.x-k8s.io/on-nodes',
    'other.io/x-deleted',
    'in-use-by-active-pods',
  ];
  assert.deepEqual(staleFinalizers(finalizers, ['node-1', long]), ['node-10-deleted']);
  assert.deepEqual(staleFinalizers(finalizers, ['node-10']), ['node-1-deleted', cut]);
});
