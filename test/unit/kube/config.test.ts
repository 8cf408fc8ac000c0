import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { KubeClient } from '../../../src/kube/client.ts';
import { type Connection, loadConnection } from '../../../src/kube/config.ts';
import { NODES, PODS } from '../../../src/kube/object.ts';
import { Informer } from '../../../src/kube/reflector.ts';
import { type Pair, TestAuthority } from '../../support/certificates.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporary } from '../../system/support/syscribe.ts';

const NODE = { name: 'x' };

/** An API server over TLS that knows one node, and asks for certificates of the same authority. */
async function serve(context: TestContext, days = 1) {
  const authority = await TestAuthority.create();
  const server = await FakeApiServer.start({ ...(await authority.issue(days)), ca: authority.cert });
  context.after(() => server[Symbol.asyncDispose]());
  server.put(NODES, { metadata: NODE });
  return { server, authority, directory: temporary(context) };
}

function clientOf(context: TestContext, connection: Connection): KubeClient {
  const client = new KubeClient(connection);
  context.after(() => client[Symbol.asyncDispose]());
  return client;
}

function kubeconfig(server: FakeApiServer, authority: TestAuthority, user: object, cluster: object = {}): string {
  const ca = Buffer.from(authority.cert).toString('base64');
  return JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: server.url, 'certificate-authority-data': ca, ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'mine' } }],
    'current-context': 'x',
  });
}

/** A client for a kubeconfig of such a user; the file is in `directory`. */
async function connected(context: TestContext, user: object, cluster: (directory: string) => object = () => ({})) {
  const served = await serve(context);
  const file = join(served.directory, 'config');
  writeFileSync(file, kubeconfig(served.server, served.authority, user, cluster(served.directory)));
  const connection = loadConnection({ kubeconfig: file });
  return { ...served, connection, client: clientOf(context, connection) };
}

test('in a pod the service account is used, and its token read anew when it was rotated', async (context) => {
  const { server, authority, directory } = await serve(context);
  writeFileSync(join(directory, 'ca.crt'), authority.cert);
  writeFileSync(join(directory, 'namespace'), 'here');
  writeFileSync(join(directory, 'token'), 'first\n');
  const { hostname, port } = new URL(server.url);
  const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
  const connection = loadConnection({}, { env, serviceAccount: directory });
  assert.deepEqual([connection.server, connection.namespace], [server.url, 'here']);
  const client = clientOf(context, connection);
  await client.get(NODES, NODE);
  writeFileSync(join(directory, 'token'), 'the second');
  await client.get(NODES, NODE);
  assert.deepEqual(
    server.asked.map(({ headers }) => headers.authorization),
    ['Bearer first', 'Bearer the second'],
  );
});

test('an address of IPv6 stands in brackets, and a named kubeconfig comes before the pod', async (context) => {
  const directory = temporary(context);
  for (const name of ['token', 'namespace', 'ca.crt']) writeFileSync(join(directory, name), 'x');
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
  const { server, origin } = loadConnection({}, { env, serviceAccount: directory });
  assert.deepEqual([server, origin], ['https://[fd00::1]:443', 'https://[fd00::1]']);
  const missing = { env: { ...env, KUBECONFIG: join(directory, 'none') }, serviceAccount: directory };
  assert.throws(() => loadConnection({}, missing), { code: 'ERR_KUBE_CONFIG', message: /cannot read .*none/ });
});

const USERS: readonly (readonly [string, object, Record<string, string>])[] = [
  ['a token', { token: 't' }, { authorization: 'Bearer t' }],
  ['a password', { username: 'u', password: 'p' }, { authorization: 'Basic dTpw' }],
  [
    'another to act as',
    { token: 't', as: 'other', 'as-groups': ['g', 'h'], 'as-uid': '7' },
    { 'impersonate-user': 'other', 'impersonate-group': 'g, h', 'impersonate-uid': '7' },
  ],
];

for (const [name, user, headers] of USERS)
  test(`a kubeconfig with ${name}`, async (context) => {
    const { client, connection, server } = await connected(context, user);
    assert.equal(connection.namespace, 'mine');
    await client.get(NODES, NODE);
    for (const [header, value] of Object.entries(headers)) assert.equal(server.asked[0]?.headers[header], value);
  });

test('a token file and certificates beside the kubeconfig', async (context) => {
  const { client, server, directory, authority } = await connected(context, { tokenFile: 'token' }, () => ({
    'certificate-authority-data': undefined,
    'certificate-authority': 'ca.crt',
  }));
  writeFileSync(join(directory, 'ca.crt'), authority.cert);
  writeFileSync(join(directory, 'token'), 'of a file');
  await client.get(NODES, NODE);
  assert.equal(server.asked[0]?.headers.authorization, 'Bearer of a file');
});

test('a plugin is asked once, and again when the server refuses what it gave', async (context) => {
  const script = `[ -n "$KUBERNETES_EXEC_INFO" ] || exit 1
    n=$(($(cat count 2>/dev/null || echo 0) + 1)); echo $n >count
    echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"token-'$n'"}}'`;
  const directory = temporary(context);
  const exec = { command: 'sh', args: ['-c', `cd ${directory}; ${script}`] };
  const { client, server } = await connected(context, { exec });
  await Promise.all([client.get(NODES, NODE), client.get(NODES, NODE)]);
  server.fail(() => true, { status: 401 });
  await assert.rejects(client.get(NODES, NODE), { kind: 'unauthorized' });
  await client.get(NODES, NODE);
  assert.deepEqual(
    server.asked.map(({ headers }) => headers.authorization),
    ['Bearer token-1', 'Bearer token-1', 'Bearer token-1', 'Bearer token-2'],
  );
});

test('an auth-provider that kubectl no longer has is refused with its remedy', async (context) => {
  const { client } = await connected(context, { 'auth-provider': { name: 'gcp', config: {} } });
  await assert.rejects(client.get(NODES, NODE), ({ message, cause }: Error) => {
    assert.match(message, /auth-provider "gcp" is not supported/);
    return (cause as { remedy: string }).remedy.includes('exec plugin');
  });
});

test('an auth-provider for OpenID gives the token it has', async (context) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({})}.${part({ exp: Math.floor(Date.now() / 1000) + 3600 })}.x`;
  const { client, server } = await connected(context, {
    'auth-provider': { name: 'oidc', config: { 'id-token': token } },
  });
  await client.get(NODES, NODE);
  assert.equal(server.asked[0]?.headers.authorization, `Bearer ${token}`);
});

const WRONG: readonly (readonly [string, string, RegExp])[] = [
  ['{', 'x', /is no kubeconfig/],
  ['clusters: [{name: c}]', 'x', /is no kubeconfig/],
  ['{}', 'x', /has no x among its contexts: none/],
  ['contexts: [{name: x, context: {cluster: gone, user: u}}]', 'x', /no gone among its clusters/],
];

for (const [text, context, message] of WRONG)
  test(`the kubeconfig ${text} is refused`, (testContext) => {
    const file = join(temporary(testContext), 'config');
    writeFileSync(file, text);
    assert.throws(() => loadConnection({ kubeconfig: file, context }), { code: 'ERR_KUBE_CONFIG', message });
  });

test('files of $KUBECONFIG are merged as kubectl does, or ~/.kube/config is taken', async (context) => {
  const home = temporary(context);
  const files = ['one', 'two'].map((name) => join(home, name));
  const cluster = (server: string) => [{ name: 'c', cluster: { server } }];
  const contexts = (namespace: string) => [{ name: 'x', context: { cluster: 'c', user: 'u', namespace } }];
  writeFileSync(files[0] ?? '', JSON.stringify({ clusters: cluster('https://first:1/'), users: [{ name: 'u' }] }));
  const second = { clusters: cluster('https://second:2'), contexts: contexts('n'), 'current-context': 'x' };
  writeFileSync(files[1] ?? '', JSON.stringify(second));
  const merged = loadConnection({}, { env: { KUBECONFIG: files.join(':') } });
  assert.deepEqual([merged.server, merged.namespace], ['https://first:1', 'n']);
  mkdirSync(join(home, '.kube'));
  const own = { ...second, clusters: cluster('https://own/k8s/clusters/c-1'), users: [{ name: 'u' }] };
  writeFileSync(join(home, '.kube', 'config'), JSON.stringify(own));
  const { origin, prefix } = loadConnection({}, { env: { HOME: home } });
  assert.deepEqual([origin, prefix], ['https://own', '/k8s/clusters/c-1']);
});

test('50 requests share a handshake or two', async (context) => {
  const { client, server } = await connected(context, { token: 't' });
  for (let time = 0; time < 50; time++) await client.get(NODES, NODE);
  assert.ok(server.connections <= 2, `${server.connections} connections`);
});

test('a new client certificate gets new connections; what runs goes on', async (context) => {
  const { client, server, authority, directory } = await connected(context, {
    'client-certificate': 'me.crt',
    'client-key': 'me.key',
  });
  const write = ({ key, cert }: Pair) => {
    writeFileSync(join(directory, 'me.crt'), cert);
    writeFileSync(join(directory, 'me.key'), key);
  };
  write(await authority.issue(1, 'first'));
  const watch = client.watch(PODS, { resourceVersion: String(server.objects.version), timeoutSeconds: 300 });
  const event = watch.next();
  await server.changes.until(() => server.watches.size === 1);
  await client.get(NODES, NODE);
  const before = server.subjects.length;
  assert.deepEqual(new Set(server.subjects), new Set(['first']));
  write(await authority.issue(1, 'second'));
  await client.get(NODES, NODE);
  assert.deepEqual(server.subjects.slice(before), ['second']);
  server.put(PODS, { metadata: { namespace: 'n', name: 'p' } });
  assert.equal((await event).value?.object.metadata.name, 'p');
  await watch.return(undefined);
});

test('a server whose certificate has expired is asked again until it has a new one', async (context) => {
  const { server, authority, directory } = await serve(context, -1);
  const file = join(directory, 'config');
  writeFileSync(file, kubeconfig(server, authority, { token: 't' }));
  const client = clientOf(context, loadConnection({ kubeconfig: file }));
  await assert.rejects(client.get(NODES, NODE), { kind: 'retryable', message: /certificate has expired/ });
  const clock = new FakeClock();
  const informer = new Informer({ client, resource: NODES }, { clock });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  for (let time = 0; time < 3; time++) await clock.pass(0, 45_000);
  await clock.awaited(0, 45_000);
  assert.equal(informer.size, 0);
  server.renew(await authority.issue(1));
  await clock.pass(0, 45_000);
  await informer.synced;
  assert.ok(informer.get('x'));
  stop.abort();
  await running;
});

test('a certificate of another authority is not taken, unless the kubeconfig says so', async (context) => {
  const { server, directory } = await serve(context);
  const other = await TestAuthority.create();
  for (const [cluster, good] of [
    [{}, false],
    [{ 'certificate-authority-data': undefined, 'insecure-skip-tls-verify': true }, true],
  ] as const) {
    const file = join(directory, 'config');
    writeFileSync(file, kubeconfig(server, other, { token: 't' }, cluster));
    const asked = clientOf(context, loadConnection({ kubeconfig: file })).get(NODES, NODE);
    await (good ? asked : assert.rejects(asked, { kind: 'retryable' }));
  }
});

test('a proxy is gone through', async (context) => {
  const tunnels: string[] = [];
  const proxy = createServer().on('connect', ({ url = '' }, socket) => {
    tunnels.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const through = connect(Number(port), hostname, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    socket.on('error', () => through.destroy()).on('close', () => through.destroy());
    through
      .on('error', () => socket.destroy())
      .pipe(socket)
      .pipe(through);
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  context.after(() => proxy.close());
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const { client, server } = await connected(context, { token: 't' }, () => ({ 'proxy-url': address }));
  await client.get(NODES, NODE);
  assert.deepEqual(tunnels, [new URL(server.url).host]);
});

test('disposed, its requests end', async (context) => {
  const { client, server } = await connected(context, { token: 't' });
  const event = client.watch(PODS, { resourceVersion: '1', timeoutSeconds: 300 }).next();
  await server.changes.until(() => server.watches.size === 1);
  await Promise.all([assert.rejects(event, { kind: 'retryable' }), client[Symbol.asyncDispose]()]);
  await assert.rejects(client.get(NODES, NODE), { message: /the connection is closed/ });
});
