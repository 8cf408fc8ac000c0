import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { Containerd } from '../support/containerd.ts';
import { makeCgroup } from '../support/kernel.ts';
import { run, start, temporary } from '../support/syscribe.ts';

test('events of a pod are told with its name, namespace, container and image, as containerd knows them', async (context) => {
  const seccomp = join(temporary(context), 'log.json');
  writeFileSync(seccomp, JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [] }));
  const containerd = await Containerd.start(context);
  const audit = start(['audit', '--source', 'netlink'], {
    env: { ...process.env, CONTAINER_RUNTIME_ENDPOINT: containerd.endpoint },
  });
  await audit.until('stderr', /reading the kernel's audit multicast group/);
  const { sandbox, container } = await containerd.runPod({
    name: 'web-7d9',
    namespace: 'shop',
    container: 'front',
    command: ['/bin/sh', '-c', '/bin/mkdir /tmp; exec /bin/sleep 1000'],
    seccomp,
    cgroup: `/${makeCgroup(context).split('/').at(-1)}`,
  });
  await audit.until('stdout', /"comm":"sleep".*"clock_nanosleep"/s);
  audit.child.kill('SIGINT');
  const { stdout, stderr } = await audit.finished;
  const events = readEvents(stdout);
  const image = 'docker.io/library/busybox:test';
  const mkdir = events.find(({ process, seccomp }) => process?.comm === 'mkdir' && seccomp?.syscall === 'mkdir');
  assert.deepEqual(
    mkdir?.container,
    { id: container, name: 'front', pod: 'web-7d9', namespace: 'shop', image },
    stderr,
  );
  const pause = events.find(({ container: { id } = {} }) => id === sandbox);
  assert.deepEqual(pause?.container, { id: sandbox, pod: 'web-7d9', namespace: 'shop' });
});

for (const silent of [false, true])
  test(`a runtime that ${silent ? 'hangs' : 'is not there'} is told once, and containers by their id`, async (context) => {
    const directory = temporary(context);
    const socket = join(directory, 'runtime.sock');
    if (silent) await hang(context, socket);
    const id = 'deadbeef'.padEnd(64, '0');
    const cgroup = join(makeCgroup(context), id);
    mkdirSync(cgroup);
    const profile = join(directory, 'log.json');
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [] }));
    const audit = start(['audit', '--source', 'netlink', '--filter', 'seccomp.syscall=mkdir'], {
      env: { ...process.env, CONTAINER_RUNTIME_ENDPOINT: socket },
    });
    await audit.until('stderr', /reading the kernel's audit multicast group/);
    const enter = ['-c', `echo $$ > ${cgroup}/cgroup.procs; exec "$@"`, 'sh', 'bin/syscribe', 'run', '-p', profile];
    for (const name of ['first', 'second']) {
      const { code, stderr } = await run('sh', ...enter, '--', 'mkdir', join(directory, name));
      assert.equal(code, 0, stderr);
    }
    await audit.until('stdout', /"mkdir".*"mkdir"/s);
    audit.child.kill('SIGINT');
    const { stdout, stderr } = await audit.finished;
    assert.deepEqual(
      readEvents(stdout).map(({ container }) => container),
      [{ id }, { id }],
    );
    assert.equal(stderr.split(`containers are told by id alone: unix://${socket}: `).length, 2, stderr);
  });

/** A listener that accepts and never answers. */
async function hang(context: TestContext, socket: string): Promise<void> {
  const connections: Socket[] = [];
  const server = createServer((connection) => connections.push(connection)).listen(socket);
  await once(server, 'listening');
  context.after(() => {
    for (const connection of connections) connection.destroy();
    server.close();
  });
}

function readEvents(stdout: string): EnrichedEvent[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
