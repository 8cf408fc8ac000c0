import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../support/syscribe.ts';
import { DIRECTORY, stopCluster } from './cluster.ts';
import { hierarchies } from './host.ts';
import { lives, type Started } from './processes.ts';
import { useCluster } from './use.ts';

const network = links();
const cluster = useCluster(2);

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

test('pods run on the node they are meant for, tell what they did, and serve', cluster.options, async () => {
  const script = 'id -u; ls /';
  const on = (node: string) => ({ spec: { nodeName: node, restartPolicy: 'Never' } });
  const start = (name: string, node: string, image: string, ...command: string[]) =>
    kubectl('run', name, `--image=syscribe.test/${image}:1`, `--overrides=${JSON.stringify(on(node))}`, ...command);
  await start('once', 'node-1', 'busybox', '--', '/bin/sh', '-c', script);
  await start('web', 'node-2', 'nginx');
  await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/once', '--timeout=60s');
  assert.match(await kubectl('logs', 'once'), /^0\n(?:.*\n)*proc\n/);
  await kubectl('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s');
  const address = await kubectl('get', 'pod', 'web', '-o', 'jsonpath={.status.podIP}');
  assert.equal((await run('curl', '-sS', `http://${address}:8080/`)).stdout, 'served\n');
  assert.match(await kubectl('exec', 'web', '--', '/bin/busybox', 'cat', '/html/index.html'), /served/);
});

test('a pod reaches the API server with its own token', cluster.options, async () => {
  const token = '/var/run/secrets/kubernetes.io/serviceaccount/token';
  const script = `printf 'GET /api HTTP/1.0\\r\\n\\r\\n' | busybox nc $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT; test -s ${token}`;
  await kubectl(
    'run',
    'asks',
    '--image=syscribe.test/busybox:1',
    '--restart=Never',
    '--',
    '/bin/busybox',
    'sh',
    '-c',
    script,
  );
  await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/asks', '--timeout=60s');
  assert.match(await kubectl('logs', 'asks'), /HTTP request to an HTTPS server/);
});

test('behind its end nothing of it is left', cluster.options, async () => {
  const programs: Started[] = JSON.parse(readFileSync(join(DIRECTORY, 'processes.json'), 'utf8'));
  assert.ok(programs.every(lives));
  await stopCluster();
  assert.ok(!existsSync(DIRECTORY));
  assert.deepEqual(programs.filter(lives), []);
  const shims = readdirSync('/proc').filter((pid) => commandOf(pid).includes(DIRECTORY));
  assert.deepEqual(shims.map(commandOf), []);
  assert.deepEqual(
    links().filter((link) => !network.includes(link)),
    [],
  );
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(DIRECTORY));
  for (const hierarchy of hierarchies()) assert.ok(!existsSync(join(hierarchy, 'syscribe-cluster')));
});

/** Devices, addresses and network namespaces of this machine. */
function links(): string[] {
  const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' }).split('\n');
  return [...ip('-br', 'addr'), ...ip('netns', 'list')];
}

/** Of a process of this namespace: a cluster in another one (apart.sh) is not ours. */
function commandOf(pid: string): string {
  try {
    if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/ns/pid`) !== readlinkSync('/proc/self/ns/pid')) return '';
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
