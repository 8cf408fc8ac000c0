import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Registry } from 'prom-client';
import { newAuthority, newLeaf, type Pair } from '../../../src/webhook/certificates/issue.ts';
import { requestTimes } from '../../../src/webhook/metrics.ts';
import { CONVERT_ROUTE } from '../../../src/webhook/routes.ts';
import type { Route } from '../../../src/webhook/server.ts';
import { ask, Certificate, NAME, serve } from './serving.ts';

let authority: Pair;
let leaf: Pair;

before(async () => {
  authority = await newAuthority(Date.now());
  leaf = await newLeaf(authority, [NAME], Date.now());
});

const echo: Route = { limit: 100, answer: async (body) => body };

test('it answers what it knows, and says why not otherwise', async () => {
  const failing: Route = { limit: 100, answer: () => Promise.reject(new Error('secret of ours')) };
  const failures: unknown[] = [];
  const registry = new Registry();
  const collaborators = { observe: requestTimes(registry), failed: (...what: unknown[]) => void failures.push(what) };
  const routes = { '/echo': echo, '/failing': failing, '/convert': CONVERT_ROUTE };
  await using server = await serve(new Certificate(leaf), routes, collaborators);
  const at = (path: string, options = {}) => ask(server.port, path, authority.cert, options);
  assert.deepEqual(await at('/healthz', { method: 'GET' }), { status: 200, text: 'ok', version: '1.1' });
  assert.equal((await at('/echo?timeout=3s', { body: 'said' })).text, 'said');
  assert.equal((await at('/none')).status, 404);
  assert.equal((await at('/toString')).status, 404);
  assert.equal((await at('//[')).status, 404);
  assert.equal((await at('/echo', { method: 'GET' })).status, 405);
  assert.equal((await at('/echo', { body: 'x'.repeat(101) })).status, 413);
  assert.equal((await at('/convert', { body: '{' })).status, 400);
  const failed = await at('/failing');
  assert.deepEqual([failed.status, failed.text], [500, 'it went wrong: see the log']);
  assert.match(String(failures), /^\/failing,Error: secret of ours$/);
  const metrics = await registry.metrics();
  assert.match(metrics, /_count\{path="\/echo",status="413"\} 1/);
  assert.match(metrics, /_count\{path="other",status="404"\} 3/);
});

test('a body that is no UTF-8, or ends too soon, is a bad request', async () => {
  const observed = Promise.withResolvers<number>();
  const statuses: number[] = [];
  const observe = (_: string, status: number) => {
    statuses.push(status);
    if (statuses.length === 2) observed.resolve(status);
  };
  await using server = await serve(new Certificate(leaf), { '/echo': echo }, { observe });
  const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n`;
  for (const body of [Buffer.from('\xff'.repeat(9), 'latin1'), Buffer.from('half')]) {
    const socket = connectTls({ host: '127.0.0.1', port: server.port, ca: authority.cert, servername: NAME });
    await once(socket, 'secureConnect');
    socket.write(Buffer.concat([Buffer.from(head), body]));
    if (body.length < 9) socket.end();
    socket.resume();
    await once(socket, 'close');
  }
  await observed.promise;
  assert.deepEqual(statuses, [400, 400]);
});

test('what takes too long is given up', async () => {
  const never: Route = { limit: 100, answer: () => new Promise(() => {}) };
  await using server = await serve(new Certificate(leaf), { '/never': never }, { deadline: 1 });
  assert.equal((await ask(server.port, '/never', authority.cert)).status, 504);
});

test('older TLS is refused, and newer HTTP not spoken', async () => {
  await using server = await serve(new Certificate(leaf), {});
  const options = { host: '127.0.0.1', port: server.port, ca: authority.cert, servername: NAME };
  const old = connectTls({ ...options, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' });
  const [error] = await once(old, 'error');
  assert.match(String(error), /alert|protocol/i);
  const socket = connectTls({ ...options, ALPNProtocols: ['h2', 'http/1.1'] });
  await once(socket, 'secureConnect');
  assert.equal(socket.alpnProtocol, 'http/1.1');
  socket.destroy();
});

test('what is under way when it is to end comes to its end, and nobody else is let in', async () => {
  const began = Promise.withResolvers<void>();
  const go = Promise.withResolvers<string>();
  const slow: Route = {
    limit: 100,
    answer: () => {
      began.resolve();
      return go.promise;
    },
  };
  const stop = new AbortController();
  const server = await serve(new Certificate(leaf), { '/slow': slow }, { signal: stop.signal });
  const { port } = server;
  const answer = ask(port, '/slow', authority.cert);
  await began.promise;
  stop.abort();
  const [refused] = await once(connect(port, '127.0.0.1'), 'error');
  assert.match(String(refused), /ECONNREFUSED/);
  go.resolve('done');
  assert.equal((await answer).text, 'done');
  await server[Symbol.asyncDispose]();
});

test('told that it will end, it answers on, and each connection ends behind its answer', async () => {
  await using server = await serve(new Certificate(leaf), {});
  using agent = new KeptConnections();
  const connection = async () => {
    const options = { host: '127.0.0.1', port: server.port, path: '/healthz', ca: authority.cert, servername: NAME };
    const sent = request({ ...options, agent: agent.all });
    sent.end();
    const [response] = await once(sent, 'response');
    response.resume();
    await once(response, 'end');
    return [response.statusCode, response.headers.connection];
  };
  assert.deepEqual(await connection(), [200, 'keep-alive']);
  server.leave();
  assert.deepEqual([await connection(), await connection()], Array(2).fill([200, 'close']));
});

class KeptConnections implements Disposable {
  readonly all = new Agent({ keepAlive: true });

  [Symbol.dispose](): void {
    this.all.destroy();
  }
}

test('a new certificate holds from the next connection on; one of no use changes nothing', async () => {
  const failures: unknown[] = [];
  const certificate = new Certificate(leaf);
  await using server = await serve(certificate, {}, { failed: (what) => void failures.push(what) });
  const other = await newAuthority(Date.now());
  certificate.replace(await newLeaf(other, [NAME], Date.now()));
  await assert.rejects(ask(server.port, '/healthz', authority.cert));
  assert.equal((await ask(server.port, '/healthz', other.cert)).status, 200);
  certificate.replace({ cert: 'no', key: 'such' });
  assert.deepEqual(failures, ['certificate']);
  assert.equal((await ask(server.port, '/healthz', other.cert)).status, 200);
});

test('an address or a certificate of no use is told with its remedy', async () => {
  await using server = await serve(new Certificate(leaf), {});
  const { port } = server;
  const { WebhookServer } = await import('../../../src/webhook/server.ts');
  const at = { certificate: new Certificate(leaf), routes: {} };
  await assert.rejects(WebhookServer.listen(at, { host: '127.0.0.1', port }), { code: 'ERR_LISTEN' });
  await assert.rejects(serve(new Certificate({ cert: 'no', key: 'such' }), {}), { code: 'ERR_CERTIFICATE' });
});
