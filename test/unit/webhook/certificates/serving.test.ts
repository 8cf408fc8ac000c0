import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrustingObject } from '../../../../src/webhook/certificates/bundle.ts';
import type { Pair } from '../../../../src/webhook/certificates/issue.ts';
import { rotate } from '../../../../src/webhook/certificates/rotation.ts';
import { ask, Certificate, NAME, serve } from '../serving.ts';
import { Secrets, Trusting } from './stores.ts';

const DAY = 86_400_000;
const SETTLE = 60_000;
const CALLERS = 3;
const objects: readonly TrustingObject[] = [{ kind: 'CustomResourceDefinition', name: 'crd' }];

const decode = (text = '') => Buffer.from(text, 'base64').toString();

function leafOf(secrets: Secrets): Pair {
  const { 'tls.crt': cert, 'tls.key': key } = secrets.stored.get('webhook-server-cert') ?? {};
  return { cert: decode(cert), key: decode(key) };
}

test('three replicas rotate their authority under requests without a pause: none fails, whoever lags', async () => {
  const secrets = new Secrets();
  const trust = new Trusting();
  trust.stored.set('crd', { bundles: [undefined], annotations: {} });
  const bundle = () => decode(trust.stored.get('crd')?.bundles[0]);
  // Made so long ago that it is to be replaced now.
  let now = Date.now() - 250 * DAY;
  await rotate({ secrets, trust, objects }, { names: [NAME], now: () => now, settle: SETTLE });
  now = Date.now() - 1000;
  secrets.stored.delete('webhook-server-cert');
  const first = { authority: bundle(), leaf: '' };

  const certificates: Certificate[] = [];
  await using stack = new AsyncDisposableStack();
  const ports: number[] = [];
  const stop = new AbortController();
  const believed = Array.from({ length: CALLERS }, bundle);
  const failures: unknown[] = [];
  let requests = 0;
  const callers: Promise<void>[] = [];

  const waiting: { count: number; resolve: () => void }[] = [];
  const settled = (more: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.push({ count: requests + more, resolve });
    return promise;
  };
  async function call(index: number): Promise<void> {
    for (let turn = index; !stop.signal.aborted; turn++) {
      const port = ports[turn % ports.length] ?? 0;
      await ask(port, '/healthz', believed[index] ?? '').catch((error: unknown) => failures.push(error));
      requests++;
      for (const { count, resolve } of waiting) if (requests >= count) resolve();
    }
  }

  const seen = new Set([bundle()]);
  let until = 0;
  for (let round = 0; round < 6; round++) {
    until = (await rotate({ secrets, trust, objects }, { names: [NAME], now: () => now, settle: SETTLE })) ?? 0;
    seen.add(bundle());
    if (round === 0) {
      first.leaf = leafOf(secrets).cert;
      for (let replica = 0; replica < 3; replica++) {
        const certificate = new Certificate(leafOf(secrets));
        certificates.push(certificate);
        ports.push(stack.use(await serve(certificate, {})).port);
      }
      for (let index = 0; index < CALLERS; index++) callers.push(call(index));
    }
    // One after the other takes over what was written, each while requests go on.
    for (let index = 0; index < CALLERS; index++) {
      await settled(20);
      believed[index] = bundle();
      await settled(20);
      certificates[index]?.replace(leafOf(secrets));
    }
    await settled(20);
    now = Math.min(until, now + SETTLE);
  }
  stop.abort();
  await Promise.all(callers);
  assert.deepEqual(failures, []);
  assert.ok(requests > 800, `${requests} requests`);
  assert.equal(seen.size, 3, 'one authority, both, the other');
  assert.notEqual(leafOf(secrets).cert, first.leaf);
  assert.ok(!bundle().includes(first.authority));
  assert.ok(until > now + 30 * DAY);
});
