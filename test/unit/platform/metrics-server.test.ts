import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { Counter, Registry } from 'prom-client';
import { MetricsServer, type MetricsSettings } from '../../../src/platform/metrics-server.ts';
import { TestAuthority } from '../../support/certificates.ts';

const authority = await TestAuthority.create();

async function serve(context: TestContext, settings: MetricsSettings = {}) {
  const registry = new Registry();
  new Counter({ name: 'things_total', help: 'Things.', registers: [registry] }).inc(3);
  const server = await MetricsServer.listen({ host: '127.0.0.1', port: 0 }, { '/metrics': registry }, settings);
  context.after(() => server[Symbol.asyncDispose]());
  const ask = async (path: string, { method = 'GET', token = '' } = {}) => {
    const headers = token === '' ? {} : { Authorization: `Bearer ${token}` };
    const options = { host: '127.0.0.1', port: server.port, path, method, agent: false as const, headers };
    const sent = settings.tls ? secure({ ...options, ca: authority.cert }) : plain(options);
    const [response] = await once(sent.end(), 'response');
    let text = '';
    for await (const part of response) text += part;
    return { status: response.statusCode, text, version: response.httpVersion };
  };
  return { server, ask };
}

test('metrics are where they are, and nothing else is', async (context) => {
  const seen: number[] = [];
  const { ask } = await serve(context, { observe: (status) => seen.push(status) });
  assert.match((await ask('/metrics?x=1')).text, /^things_total 3$/m);
  assert.deepEqual(await ask('/'), { status: 404, text: 'metrics are at /metrics\n', version: '1.1' });
  assert.equal((await ask('/toString')).status, 404);
  assert.equal((await ask('/metrics', { method: 'POST' })).status, 405);
  assert.deepEqual(seen, [200, 404, 404, 405]);
});

test('a measure that fails is told as such, and the next is taken', async (context) => {
  let broken = true;
  const { ask } = await serve(context, {
    authorize: async () => {
      if (broken) throw new Error('out of order');
      return 200;
    },
  });
  assert.deepEqual(await ask('/metrics'), { status: 500, text: 'out of order\n', version: '1.1' });
  broken = false;
  assert.equal((await ask('/metrics')).status, 200);
});

test('by HTTPS it is HTTP/1.1 by TLS 1.2 or newer, for those who may', async (context) => {
  const tls = await authority.issue(1);
  const { server, ask } = await serve(context, {
    tls,
    authorize: async (authorization, path) => (authorization === 'Bearer good' && path === '/metrics' ? 200 : 401),
  });
  const good = await ask('/metrics', { token: 'good' });
  assert.deepEqual([good.status, good.version], [200, '1.1']);
  assert.match(good.text, /things_total 3/);
  assert.deepEqual(await ask('/metrics', { token: 'bad' }), { status: 401, text: '', version: '1.1' });
  assert.equal((await ask('/metrics')).status, 401);
  const { port } = server;
  const old = connect({ port, host: '127.0.0.1', ca: authority.cert, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
  const [error] = await once(old, 'error');
  assert.match(error.code, /ERR_SSL|ECONNRESET/);
  const newer = connect({ port, host: '127.0.0.1', ca: authority.cert, ALPNProtocols: ['h2', 'http/1.1'] });
  await once(newer, 'secureConnect');
  assert.equal(newer.alpnProtocol, 'http/1.1');
  newer.destroy();
});

test('a renewed certificate holds from the next connection on; one of no use changes nothing', async (context) => {
  const { server, ask } = await serve(context, { tls: await authority.issue(-1) });
  await assert.rejects(ask('/metrics'), { code: 'CERT_HAS_EXPIRED' });
  assert.throws(() => server.renew({ cert: 'none', key: 'none' }));
  server.renew(await authority.issue(1));
  assert.equal((await ask('/metrics')).status, 200);
});

test('a certificate of no use, and a port that is taken, are told with their remedy', async (context) => {
  const { server } = await serve(context);
  const address = { host: '127.0.0.1', port: server.port };
  await assert.rejects(MetricsServer.listen(address, {}, { tls: { cert: 'none', key: 'none' } }), {
    code: 'ERR_CERTIFICATE',
  });
  await assert.rejects(MetricsServer.listen(address, {}), { code: 'ERR_LISTEN' });
});
