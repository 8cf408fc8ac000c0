import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeBundle } from '../containers/bundle.ts';
import type { ImageName } from '../containers/root.ts';
import { Runtime } from '../containers/runtime.ts';
import { makeCgroup } from '../support/kernel.ts';
import { readEvidence, start, temporary } from '../support/syscribe.ts';
import { makeImageRoot, NOBODY } from './images.ts';
import { RUNTIME } from './variables.ts';

const runtime = new Runtime(RUNTIME, RUNTIME);

/** Waits before it looks, so that it always has: whether the first look succeeds is chance. */
const until = (condition: string) => `while :; do sleep 0.1; ${condition} && break; done`;
/** Not by `wait`: whether the shell sleeps in it (rt_sigsuspend) is chance. What has ended is reaped while it waits for `sleep`. */
const ENDED = 'while kill -0 $! 2>/dev/null; do sleep 0.1; done';
const PYTHON = `
import json, os, socket, subprocess, tempfile, threading
with tempfile.TemporaryDirectory() as directory:
    with open(os.path.join(directory, "file"), "w") as file:
        json.dump({"a": [1, 2]}, file)
server = socket.create_server(("127.0.0.1", 0))
client = threading.Thread(target=lambda: socket.create_connection(server.getsockname()).sendall(b"x"))
client.start()
server.accept()[0].recv(1)
client.join()
subprocess.run(["/bin/true"], check=True)
`;

/** Whether it hints to the kernel what to write (sync_file_range) is chance, and what autovacuum does. */
const POSTGRES = '-c autovacuum=off -c checkpoint_flush_after=0 -c bgwriter_flush_after=0 -c backend_flush_after=0';

/** What a container of each image does, from its start to its end: server and client, since both are the same each time then. */
export const PROGRAMS: Readonly<Record<ImageName, readonly string[]>> = {
  busybox: ['sh', '-c', 'mkdir /tmp/d; ln -s x /tmp/d/l; rm -r /tmp/d'],
  nginx: [
    'sh',
    '-c',
    `nginx -c /nginx.conf & ${until('[ -e /tmp/pid ]')}
for i in 1 2 3; do wget -q -O /dev/null http://127.0.0.1:8080/; done; kill $!; ${ENDED}`,
  ],
  redis: [
    'sh',
    '-c',
    `redis-server --save '' --unixsocket /tmp/s & ${until('[ -S /tmp/s ]')}
printf 'SET a b\\r\\nGET a\\r\\nSHUTDOWN NOSAVE\\r\\n' | nc 127.0.0.1 6379; ${ENDED}`,
  ],
  postgres: [
    'sh',
    '-c',
    `initdb --no-sync -D /tmp/data >/dev/null
postgres -D /tmp/data -k /tmp -h '' ${POSTGRES} & ${until('[ -S /tmp/.s.PGSQL.5432 ]')}
psql -h /tmp postgres -c 'create table t as select generate_series(1, 100) as n' -c 'select sum(n) from t'; kill -INT $!; ${ENDED}`,
  ],
  python: ['python3', '-c', PYTHON],
  i386: ['/i386'],
};
/** Read by shells and C libraries: without them they ask the kernel. */
export const ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOSTNAME: 'same', HOME: '/', PWD: '/' };

/** A filter that changes nothing: under one, the calls of the runtime behind it are seen; without any they come from a table. */
const LOGGING = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_AARCH64'],
  syscalls: [{ names: ['getsid'], action: 'SCMP_ACT_LOG' }],
});

export interface Allowed {
  readonly architectures: readonly string[];
  readonly names: readonly string[];
}

/**
 * What `syscribe record` gives for the program in a container of the same root by the same runtime.
 * @param filtered whether it has a filter, as it has in a pod that is recorded by Logs.
 */
export async function recordHere(context: TestContext, image: ImageName, filtered: boolean): Promise<Allowed> {
  const [profile, evidence] = ['profile', 'evidence'].map((name) => join(temporary(context), name)) as [string, string];
  const cgroup = makeCgroup(context);
  const options = ['-t', 'raw-seccomp', '--runtime', RUNTIME, '-o', profile, '--evidence', evidence];
  const recorder = start(['record', '--cgroup', cgroup, ...options]);
  await recorder.until('stderr', /recording/);
  const { bundle } = makeBundle({
    root: makeImageRoot(image),
    cgroup: join(cgroup, 'c'),
    args: PROGRAMS[image],
    noNewPrivileges: false,
    env: Object.entries(ENV).map((pair) => pair.join('=')),
    ...(filtered && { seccomp: LOGGING }),
    ...(image === 'postgres' && { user: NOBODY }),
  });
  const ran = await runtime.run(`truth-${process.pid}-${image}`, bundle).finished;
  assert.equal(ran.code, 0, `${ran.stdout}${ran.stderr}`);
  assert.equal((await recorder.finished).code, 0, recorder.stderr);
  assert.deepEqual(readEvidence(evidence).reasons, []);
  const { architectures, syscalls } = JSON.parse(readFileSync(profile, 'utf8'));
  return {
    architectures: architectures.sort(),
    names: syscalls.flatMap(({ names }: { names: string[] }) => names).sort(),
  };
}
