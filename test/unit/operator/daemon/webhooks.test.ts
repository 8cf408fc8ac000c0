import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webhookConfiguration } from '../../../../src/operator/daemon/webhooks.ts';

const DEFAULT = webhookConfiguration({}, 'spo').webhooks;

test('binding comes before recording, and only binding fails closed', () => {
  assert.deepEqual(
    DEFAULT.map(({ name, failurePolicy }) => `${name} ${failurePolicy}`),
    ['binding.spo.io Fail', 'recording.spo.io Ignore'],
  );
  assert.match(JSON.stringify(DEFAULT[0]?.matchConditions), /'kube-system', 'kube-node-lease', 'spo'/);
});

test('webhooks that tell requests’ UIDs are there with the JSON enricher, and fail open', () => {
  const { webhooks } = webhookConfiguration({ enricher: { enableJsonEnricher: true } }, 'spo');
  assert.deepEqual(
    webhooks.slice(2).map(({ name, failurePolicy }) => `${name} ${failurePolicy}`),
    ['execmetadata.spo.io Ignore', 'nodedebuggingpod.spo.io Ignore'],
  );
});

test('an option changes the webhook that it names, and no other', () => {
  const selector = { matchLabels: { team: 'a' } };
  const option = { failurePolicy: 'Ignore', namespaceSelector: selector, objectSelector: selector };
  const options = [{ name: 'binding.spo.io', ...option }];
  const { webhooks } = webhookConfiguration({ webhook: { options } }, 'spo');
  assert.deepEqual(webhooks, [{ ...DEFAULT[0], ...option }, DEFAULT[1]]);
});

test('restricted to namespaces, they are asked of no others, whatever selectors say', () => {
  const options = [{ name: 'recording.spo.io', namespaceSelector: {} }];
  const { webhooks } = webhookConfiguration({ webhook: { options } }, 'spo', ['shop', 'spo']);
  for (const { name, matchConditions } of webhooks)
    assert.ok(JSON.stringify(matchConditions).includes("request.namespace in ['shop', 'spo']"), name);
});
