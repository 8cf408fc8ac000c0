import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect } from 'node:net';
import { before, test } from 'node:test';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Registry } from 'prom-client';
import { Budget } from '../../../src/webhook/budget.ts';
import { newAuthority, newLeaf, type Pair } from '../../../src/webhook/certificates/issue.ts';
import { requestTimes } from '../../../src/webhook/metrics.ts';
import { convertRoute } from '../../../src/webhook/routes.ts';
import { ask, Certificate, NAME, route, serve } from './serving.ts';

let authority: Pair;
let leaf: Pair;

before(async () => {
  authority = await newAuthority(Date.now());
  leaf = await newLeaf(authority, [NAME], Date.now());
});

const echo = route(async (body) => body);

test('it answers what it knows, and says why not otherwise', async () => {
  const failing = route(() => Promise.reject(new Error('secret of ours')));
  const failures: unknown[] = [];
  const registry = new Registry();
  const collaborators = { observe: requestTimes(registry), failed: (...what: unknown[]) => void failures.push(what) };
  const routes = { '/echo': echo, '/failing': failing, '/convert': convertRoute() };
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

/** A connection over which a request is sent by hand. */
async function connection(port: number, head: string, body = ''): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', port, ca: authority.cert, servername: NAME });
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  socket.write(`POST /echo HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n${body}`);
  return socket;
}

/** The status that is answered. */
async function statusOn(socket: TLSSocket): Promise<number> {
  let text = '';
  for await (const part of socket) {
    text += part;
    const status = /^HTTP\/1\.1 (\d+) /.exec(text)?.[1];
    if (status !== undefined) return Number(status);
  }
  throw new Error('the connection was closed without an answer');
}

test('a body that ends too soon is a bad request', async () => {
  const observed = Promise.withResolvers<number>();
  const observe = (_: string, status: number) => observed.resolve(status);
  await using server = await serve(new Certificate(leaf), { '/echo': echo }, { observe });
  const socket = await connection(server.port, 'Content-Length: 9', 'half');
  socket.end();
  assert.equal(await observed.promise, 400);
});

test('a body that says that it is too long is refused before it is sent', async () => {
  await using server = await serve(new Certificate(leaf), { '/echo': echo });
  assert.equal(await statusOn(await connection(server.port, 'Content-Length: 101')), 413);
});

test('who sends more than is taken sees why it is refused', async () => {
  await using server = await serve(new Certificate(leaf), { '/echo': echo });
  const body = 'x'.repeat(8 * 2 ** 20);
  assert.equal((await ask(server.port, '/echo', authority.cert, { body })).status, 413);
  const headers = { 'Transfer-Encoding': 'chunked' };
  assert.equal((await ask(server.port, '/echo', authority.cert, { body, headers })).status, 413);
});

test('a slow client is cut off once another needs the memory, and that one is answered', async () => {
  const slowly = route(async (body) => body, new Budget(100, 1000), 100);
  await using server = await serve(new Certificate(leaf), { '/echo': slowly });
  const slow = await connection(server.port, 'Content-Length: 100', 'x'.repeat(50));
  const status = statusOn(slow);
  const { status: answered, text } = await ask(server.port, '/echo', authority.cert, { body: 'y'.repeat(80) });
  assert.deepEqual([answered, text.length, await status], [200, 80, 408]);
});

test('where memory stays short a client is told when to try again', async () => {
  const go = Promise.withResolvers<string>();
  const [began, busy] = [Promise.withResolvers<void>(), new Budget(100, 1000)];
  const kept = route(() => {
    began.resolve();
    return go.promise;
  }, busy);
  await using server = await serve(new Certificate(leaf), { '/echo': kept });
  const first = ask(server.port, '/echo', authority.cert, { body: 'x'.repeat(80) });
  await began.promise;
  const second = await ask(server.port, '/echo', authority.cert, { body: 'y'.repeat(80) });
  assert.deepEqual([second.status, second.retryAfter], [503, '1']);
  go.resolve('done');
  assert.equal((await first).text, 'done');
});

test('an answer in parts arrives whole', async () => {
  const parts = Array.from({ length: 5000 }, (_, index) => `${index},`.padEnd(200));
  const listed = { ...echo, answer: async () => parts };
  await using server = await serve(new Certificate(leaf), { '/echo': listed });
  assert.equal((await ask(server.port, '/echo', authority.cert)).text, parts.join(''));
});

test('what takes too long is given up', async () => {
  const never = route(() => new Promise(() => {}));
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
  const slow = route(() => {
    began.resolve();
    return go.promise;
  });
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
