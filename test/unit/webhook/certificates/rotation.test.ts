import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { publishBundle, type TrustingObject } from '../../../../src/webhook/certificates/bundle.ts';
import { serviceNames } from '../../../../src/webhook/certificates/issue.ts';
import { rotate } from '../../../../src/webhook/certificates/rotation.ts';
import { Secrets, Trusting } from './stores.ts';

const DAY = 86_400_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const names = serviceNames('security-profiles-operator');
const OBJECTS: readonly TrustingObject[] = [
  { kind: 'MutatingWebhookConfiguration', name: 'hooks' },
  { kind: 'CustomResourceDefinition', name: 'crd' },
];

const decode = (text = '') => Buffer.from(text, 'base64').toString();
const served = (secrets: Secrets) => decode(secrets.stored.get('webhook-server-cert')?.['tls.crt']);
const certificates = (pem: string) =>
  (pem.match(/-----BEGIN [\s\S]*?-----END CERTIFICATE-----/g) ?? []).map((text) => new X509Certificate(text));

function world() {
  const secrets = new Secrets();
  const trust = new Trusting();
  trust.stored.set('hooks', { bundles: [undefined, undefined], annotations: {} });
  trust.stored.set('crd', { bundles: [undefined], annotations: {} });
  return { secrets, trust, objects: OBJECTS };
}

function verifies(leaf: string, bundle: string): boolean {
  const certificate = new X509Certificate(leaf);
  return certificates(bundle).some((by) => certificate.checkIssued(by) && certificate.verify(by.publicKey));
}

test('from nothing: an authority, a certificate of it, and everybody told, in one go', async () => {
  const { secrets, trust, objects } = world();
  const next = await rotate({ secrets, trust, objects }, { names, now: () => START });
  assert.equal(Math.round(((next ?? 0) - START) / DAY), 60);
  const bundle = decode(trust.stored.get('crd')?.bundles[0]);
  assert.equal(certificates(bundle).length, 1);
  assert.ok(verifies(served(secrets), bundle));
  assert.deepEqual(trust.stored.get('hooks')?.bundles, [
    trust.stored.get('crd')?.bundles[0],
    trust.stored.get('crd')?.bundles[0],
  ]);
  const { writes } = trust;
  await rotate({ secrets, trust, objects }, { names, now: () => START + DAY });
  assert.equal(trust.writes, writes);
});

test('over three years, whoever lags: what may be served verifies with what may be believed', async () => {
  const all = world();
  const settle = 2 * DAY;
  // Whoever takes over within `settle` is in time: at each moment these may still be in use.
  const leaves: { pem: string; until: number }[] = [];
  const bundles: { pem: string; until: number }[] = [];
  const remember = (list: { pem: string; until: number }[], pem: string, now: number) => {
    const last = list.at(-1);
    if (last?.pem === pem) return;
    if (last) last.until = now + settle;
    list.push({ pem, until: Number.POSITIVE_INFINITY });
  };
  let rotations = 0;
  for (let now = START; now < START + 3 * 365 * DAY; now += DAY) {
    await rotate(all, { names, now: () => now, settle });
    const bundle = decode(all.trust.stored.get('crd')?.bundles[0]);
    if (certificates(bundle).length === 2 && bundles.at(-1)?.pem !== bundle) rotations++;
    remember(leaves, served(all.secrets), now);
    remember(bundles, bundle, now);
    for (const leaf of leaves.filter(({ until }) => now < until)) {
      assert.ok(Date.parse(new X509Certificate(leaf.pem).validTo) > now);
      for (const { pem } of bundles.filter(({ until }) => now < until))
        assert.ok(verifies(leaf.pem, pem), new Date(now).toISOString());
    }
  }
  assert.equal(rotations, 4);
  assert.ok(leaves.length > 15);
});

test('ended at any write, it goes on from there and nothing that is served is ever not trusted', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(3), { maxLength: 6 }), async (failures) => {
      const all = world();
      await rotate(all, { names, now: () => START });
      let now = START + 250 * DAY;
      for (const failing of [...failures, Number.POSITIVE_INFINITY]) {
        all.secrets.failing = failing;
        await rotate(all, { names, now: () => now, settle: DAY }).catch(() => undefined);
        assert.ok(verifies(served(all.secrets), decode(all.trust.stored.get('crd')?.bundles[0])));
        now += DAY;
      }
    }),
    { numRuns: 20 },
  );
});

test('removing the Secret of the authority makes a new one, without a moment in which calls fail', async () => {
  const all = world();
  await rotate(all, { names, now: () => START });
  const before = served(all.secrets);
  all.secrets.stored.delete('webhook-ca');
  for (let now = START; now < START + 10 * DAY; now += DAY) {
    await rotate(all, { names, now: () => now, settle: 2 * DAY });
    const bundle = decode(all.trust.stored.get('crd')?.bundles[0]);
    assert.ok(verifies(served(all.secrets), bundle));
    if (now < START + 2 * DAY) assert.ok(verifies(before, bundle));
  }
  assert.notEqual(served(all.secrets), before);
  assert.equal(certificates(decode(all.trust.stored.get('crd')?.bundles[0])).length, 1);
});

test('names that no certificate can be for end in an error, not in writing for ever', async () => {
  await assert.rejects(rotate(world(), { names: ['ü.example'], now: () => START }), { code: 'ERR_CERTIFICATE' });
});

const INJECT = 'cert-manager.io/inject-ca-from';

test('where cert-manager makes certificates nothing is written', async () => {
  const { secrets, trust, objects } = world();
  trust.stored.set('crd', { bundles: ['theirs'], annotations: { [INJECT]: 'x/y' } });
  assert.equal(await rotate({ secrets, trust, objects }, { names, mode: 'cert-manager' }), undefined);
  await publishBundle(trust, objects, 'ours', 'cert-manager');
  assert.equal(trust.writes, 0);
  assert.equal(secrets.stored.size, 0);
});

test('where we do, cert-manager is told to leave what is ours alone; what is not installed is passed over', async () => {
  const { trust } = world();
  trust.stored.set('crd', { bundles: ['theirs'], annotations: { [INJECT]: 'x/y', own: '' } });
  await publishBundle(trust, [...OBJECTS, { kind: 'ValidatingWebhookConfiguration', name: 'absent' }], 'ours', 'own');
  assert.deepEqual(trust.stored.get('crd'), {
    bundles: [Buffer.from('ours').toString('base64')],
    annotations: { own: '' },
  });
});
