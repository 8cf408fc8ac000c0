import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { Running, start, syscribe, temporary } from '../support/syscribe.ts';
import { WatchClient } from './watch.ts';

const corpus = (name: string) => readFileSync(new URL(`../../corpus/${name}`, import.meta.url), 'utf8');
const PROTO = fileURLToPath(new URL('../../../dist/stream/grpc/audit.proto', import.meta.url));

/** A server that follows a log of the test's own. */
async function serve(context: TestContext, ...options: string[]) {
  const directory = temporary(context);
  const log = join(directory, 'audit.log');
  const socket = join(directory, 'private', 'audit.sock');
  writeFileSync(log, '');
  const server = start(['audit', 'serve', '--file', log, '--node', 'n1', '--socket', socket, ...options]);
  await server.until('stderr', /serving at/);
  await server.until('stderr', /reading/);
  return { directory, log, socket, server };
}

function seccompLines(first: number, count: number): string {
  let text = '';
  for (let serial = first; serial < first + count; serial++)
    text += `type=SECCOMP msg=audit(1700000000.000:${serial}): auid=1000 uid=0 gid=0 ses=1 pid=1 comm="c" exe="/c" sig=0 arch=c000003e syscall=186 compat=0 ip=0x7f code=0x7ffc0000\n`;
  return text;
}

test('clients get what syscribe audit prints, each by its own filter', async (context) => {
  const { log, socket, server } = await serve(context);
  using all = await WatchClient.connect(socket);
  using some = await WatchClient.connect(socket, ['type=selinux', 'selinux.permissive=true']);
  for (const name of ['auditd-raw.log', 'selinux-enforcing.log', 'selinux-permissive.log', 'apparmor.log'])
    appendFileSync(log, corpus(name));
  const printed = await syscribe(['audit', '--file', log, '--once', '--node', 'n1']);
  const expected = printed.stdout.split('\n').filter(Boolean);
  await all.until(({ events }) => events.length >= expected.length);
  const parsed = expected.map((line) => JSON.parse(line));
  assert.deepEqual(inOrder(all.events), inOrder(parsed));
  const wanted = parsed.filter(({ selinux }) => selinux?.permissive === true);
  assert.ok(wanted.length > 0);
  await some.until(({ events }) => events.length >= wanted.length);
  assert.deepEqual(inOrder(some.events), inOrder(wanted));
  server.child.kill('SIGTERM');
  assert.deepEqual(await all.ended, { code: 'OK', details: 'OK' });
  const { code, stderr } = await server.finished;
  assert.equal(code, 0, stderr);
  assert.ok(!existsSync(socket), 'the socket is removed');
});

/** Without the parts that protobufjs gives as null, since they are not there. */
function inOrder(events: readonly EnrichedEvent[]): object[] {
  const key = ({ time, serial, part = 0 }: EnrichedEvent) => `${time} ${String(serial).padStart(10)} ${part}`;
  const sorted = events.toSorted((a, b) => key(a).localeCompare(key(b)));
  return JSON.parse(JSON.stringify(sorted, (_, value) => value ?? undefined));
}

test('a client that does not read misses what it is told, and holds up nobody', async (context) => {
  const { log, socket, server } = await serve(context, '--metrics', `${await freePort()}`);
  using slow = await WatchClient.connect(socket);
  using fast = await WatchClient.connect(socket);
  slow.pause();
  const total = 100_000;
  // As fast as the reading client reads: both live in this process.
  for (let first = 1; first <= total; first += 1000) {
    appendFileSync(log, seccompLines(first, 1000));
    await fast.until(({ events }) => events.length >= first + 999);
  }
  assert.deepEqual(
    fast.events.map(({ serial }) => serial),
    Array.from({ length: total }, (_, index) => index + 1),
  );
  assert.equal(fast.missed, 0);
  const peak = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024;
  context.diagnostic(`peak ${peak.toFixed(0)} MiB`);
  slow.resume();
  await slow.until(({ events, missed }) => events.length + missed >= total);
  assert.ok(slow.missed > 0);
  const got = new Set(slow.events.map(({ serial }) => serial));
  assert.equal(got.size, slow.events.length, 'nothing comes twice');
  assert.equal(got.size + slow.missed, total);
  const port = /metrics at http:\/\/127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1];
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  assert.match(metrics, new RegExp(`^syscribe_audit_clients_missed_total ${slow.missed}$`, 'm'));
  server.child.kill('SIGTERM');
  const { stderr } = await server.finished;
  assert.match(stderr, new RegExp(`clients missed ${slow.missed} events, since they read too slowly`));
});

test('the socket is for its user alone, and its place for one server at a time', async (context) => {
  const { directory, socket, server } = await serve(context);
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  assert.equal(statSync(dirname(socket)).mode & 0o777, 0o700);
  const other = (path: string) =>
    syscribe(['audit', 'serve', '--file', join(directory, 'audit.log'), '--socket', path]);
  const second = await other(socket);
  assert.equal(second.code, 2);
  assert.match(second.stderr, /cannot listen at .*: another server listens there\n.*remedy: Stop that server/);
  const file = join(directory, 'file');
  writeFileSync(file, 'kept');
  assert.match((await other(file)).stderr, /it is there and is no socket/);
  assert.equal(readFileSync(file, 'utf8'), 'kept');
  assert.match((await other(join(directory, 'x'.repeat(100)))).stderr, /longer than Unix sockets allow/);

  server.child.kill('SIGKILL');
  await server.finished;
  assert.ok(existsSync(socket), 'what a killed server leaves behind');
  const next = start(['audit', 'serve', '--file', join(directory, 'audit.log'), '--socket', socket]);
  await next.until('stderr', /serving at/);
  using client = await WatchClient.connect(socket);
  next.child.kill('SIGTERM');
  assert.equal((await client.ended).code, 'OK');
});

test('a filter that cannot be read and a client too many are refused with the reason', async (context) => {
  const { socket, server } = await serve(context);
  using wrong = await WatchClient.connect(socket, ['[{"priority":']);
  const { code, details } = await wrong.ended;
  assert.equal(code, 'INVALID_ARGUMENT');
  assert.match(details, /filter/);
  const clients: WatchClient[] = [];
  for (let count = 0; count < 16; count++) clients.push(await WatchClient.connect(socket));
  using late = await WatchClient.connect(socket);
  assert.deepEqual(await late.ended, { code: 'RESOURCE_EXHAUSTED', details: 'there are 16 clients already' });
  clients.pop()?.[Symbol.dispose]();
  server.child.kill('SIGTERM');
  await server.finished;
  for (const client of clients) client[Symbol.dispose]();
});

test('metrics count what was read, by the names of the Security Profiles Operator', async (context) => {
  const directory = temporary(context);
  const log = join(directory, 'audit.log');
  writeFileSync(log, '');
  const port = await freePort();
  const audit = start(['audit', '--file', log, '--node', 'n1', '--metrics', `${port}`]);
  await audit.until('stderr', /reading/);
  appendFileSync(
    log,
    `${corpus('apparmor.log')}${seccompLines(1_000_000, 3)}type=SECCOMP msg=audit(1.000:1000003): pid=x\n`,
  );
  await audit.until('stdout', /(?:.*"gettid".*\n){3}/);
  const scrape = async (path = '/metrics') => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
  const metrics = await scrape();
  const seccomp = 'security_profiles_operator_seccomp_profile_audit_total';
  assert.match(metrics, new RegExp(`^${seccomp}{node="n1",namespace="",pod="",container="",syscall="gettid"} 3$`, 'm'));
  const denied = audit.stdout.split('\n').filter((line) => line.includes('"verdict":"DENIED"')).length;
  const denials = metrics.matchAll(/^security_profiles_operator_apparmor_profile_denial_total{.*} (\d+)$/gm);
  assert.equal(
    denials.reduce((sum, [, count]) => sum + Number(count), 0),
    denied,
  );
  assert.ok(denied > 0);
  const lines = readFileSync(log, 'utf8').split('\n').length - 1;
  assert.match(metrics, new RegExp(`^syscribe_audit_lines_read_total ${lines}$`, 'm'));
  assert.match(metrics, /^syscribe_audit_records_unparsed_total 1$/m);
  assert.equal(await scrape('/'), 'metrics are at /metrics\n');
  const second = await syscribe(['audit', '--file', log, '--metrics', `127.0.0.1:${port}`]);
  assert.equal(second.code, 2);
  assert.match(second.stderr, new RegExp(`cannot offer metrics at 127.0.0.1, port ${port}\\n.*EADDRINUSE`));
  audit.child.kill('SIGTERM');
  await audit.finished;
});

test('the documented client prints what it is sent', async (context) => {
  const { log, socket, server } = await serve(context);
  const example = fileURLToPath(new URL('../../../docs/examples/watch.mjs', import.meta.url));
  const client = new Running(process.execPath, [example, socket, PROTO, 'seccomp.syscall=gettid']);
  await client.until('stderr', /watching/);
  appendFileSync(log, seccompLines(1, 2));
  await client.until('stdout', /\n.*\n/);
  server.child.kill('SIGTERM');
  const { stdout, code } = await client.finished;
  assert.equal(code, 0);
  assert.equal(stdout, '2023-11-14T22:13:20.000Z host c gettid\n'.repeat(2));
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : 0;
}
