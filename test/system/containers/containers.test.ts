import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { syscallNumber } from '../../../src/kernel/syscalls.ts';
import { until } from '../../support/until.ts';
import { makeCgroup } from '../support/kernel.ts';
import { type Finished, type Running, readEvidence, run, start, temporary } from '../support/syscribe.ts';
import { type BundleOptions, IMAGES, type Image, makeBundle } from './bundle.ts';
import { makeRoot } from './root.ts';
import { type Runtime, runtimes } from './runtime.ts';

/** A filter that changes nothing: with it the runtime's tail is seen; without any, it comes from the table. */
const PASS = JSON.stringify({
  defaultAction: 'SCMP_ACT_ALLOW',
  syscalls: [{ names: ['getpid'], action: 'SCMP_ACT_LOG' }],
});
const RUNTIMES_OWN = ['mount', 'umount2', 'pivot_root', 'setns', 'unshare', 'sethostname', 'bpf', 'seccomp'];

let count = 0;

/** While the container runs. */
function served(what: string, condition: () => Promise<boolean> | boolean, container: Running): Promise<true> {
  const over = () => (container.child.exitCode === null ? undefined : `${container.stdout}${container.stderr}`);
  return until(what, condition, { over });
}

/** Uses what the container serves, checks it, and asks it to stop. */
async function drive(image: Image, runtime: Runtime, id: string, data: string, container: Running): Promise<void> {
  const socket = join(data, 'socket');
  if (image.name === 'busybox') {
    await container.until('stdout', /uid=0\(root\)/);
    writeFileSync(join(data, 'stop'), '');
    return;
  }
  await served('the socket is there', () => existsSync(socket), container);
  if (image.name === 'nginx') {
    const get = () => run('curl', '-sS', '--unix-socket', socket, 'http://localhost/');
    await served('nginx serves', async () => (await get()).stdout === 'served\n', container);
    for (let each = 0; each < 20; each += 1) assert.equal((await get()).stdout, 'served\n');
  } else {
    await served(
      'redis answers',
      async () => (await run('redis-cli', '-s', socket, 'ping')).stdout === 'PONG\n',
      container,
    );
    const { code } = await run('redis-benchmark', '-s', socket, '-n', '1000', '-q', '-t', 'set,get');
    assert.equal(code, 0);
  }
  assert.equal((await runtime.kill(id, 'TERM').finished).code, 0);
}

interface Case {
  readonly runtime: Runtime;
  readonly image: Image;
  readonly root: string;
  readonly noNewPrivileges: boolean;
}

/** Runs a container to its end, doing its work, or with other arguments; throws when the work was not done. */
async function work(
  context: TestContext,
  { runtime, image, root, noNewPrivileges }: Case,
  options: { cgroup: string; seccomp?: string; args?: readonly string[]; during?: (id: string) => Promise<void> },
): Promise<Finished> {
  const id = `syscribe-${process.pid}-${count++}`;
  const bundleOptions: BundleOptions = {
    root,
    cgroup: join(options.cgroup, 'c'),
    args: options.args ?? image.args,
    noNewPrivileges,
    ...(options.seccomp !== undefined && { seccomp: options.seccomp }),
  };
  const { bundle, data } = makeBundle(bundleOptions);
  context.after(() => run('rm', '-rf', bundle));
  const container = runtime.run(id, bundle);
  if (!options.args) {
    if (options.during) {
      await served(
        'the program runs',
        () => existsSync(join(data, image.name === 'busybox' ? 'd' : 'socket')) || /uid=0/.test(container.stdout),
        container,
      );
      await options.during(id);
    }
    await drive(image, runtime, id, data, container);
  }
  const finished = await container.finished;
  if (!options.args) assert.equal(finished.code, 0, `${finished.stdout}${finished.stderr}`);
  return finished;
}

async function execute(runtime: Runtime, id: string): Promise<void> {
  const { code, stderr } = await runtime.exec(id, '/bin/true').finished;
  assert.equal(code, 0, `exec: ${code} ${stderr}`);
}

async function recordCase(
  context: TestContext,
  each: Case,
  seccomp: string | undefined,
  defaultAction: string,
): Promise<string> {
  const directory = temporary(context);
  const profile = join(directory, 'profile.json');
  const evidence = join(directory, 'evidence.json');
  const cgroup = makeCgroup(context);
  const recorder = start([
    ...['record', '--cgroup', cgroup, '--runtime', each.runtime.kind, '-t', 'raw-seccomp'],
    ...['-o', profile, '--evidence', evidence, '--default-action', defaultAction],
  ]);
  await recorder.until('stderr', /recording/);
  await work(context, each, {
    cgroup,
    ...(seccomp !== undefined && { seccomp }),
    during: (id) => execute(each.runtime, id),
  });
  const { code, stderr } = await recorder.finished;
  assert.equal(code, 0, stderr);
  assert.deepEqual(readEvidence(evidence).reasons, []);
  return readFileSync(profile, 'utf8');
}

for (const image of IMAGES) {
  const root = makeRoot(image.name);
  for (const runtime of runtimes())
    for (const noNewPrivileges of [true, false])
      for (const seccomp of image.name === 'busybox' ? [PASS, undefined] : [PASS]) {
        const variant = `${noNewPrivileges ? 'with' : 'without'} no_new_privileges, tail ${seccomp ? 'seen' : 'from the table'}`;
        test(`${runtime.name}, ${image.name}, ${variant}: recorded, then run under its profile`, async (context) => {
          const each: Case = { runtime, image, root, noNewPrivileges };
          for (const defaultAction of ['SCMP_ACT_ERRNO', 'SCMP_ACT_KILL_PROCESS']) {
            const profile = await recordCase(context, each, seccomp, defaultAction);
            const names: string[] = JSON.parse(profile).syscalls.flatMap((rule: { names: string[] }) => rule.names);
            const own = names.filter((name) => RUNTIMES_OWN.includes(name));
            assert.deepEqual(own, [], 'nothing of the runtime’s own set-up');
            const other = ['getsid', 'getpriority', 'msgget'].find((name) => !names.includes(name)) ?? assert.fail();
            const during = (id: string) => execute(runtime, id);
            await work(context, each, { cgroup: makeCgroup(context), seccomp: profile, during });
            const args = ['/calls', `${syscallNumber('x86_64', other)}`];
            const unhindered = await work(context, each, { cgroup: makeCgroup(context), args });
            assert.equal(unhindered.code, 0, unhindered.stderr);
            const refused = await work(context, each, { cgroup: makeCgroup(context), seccomp: profile, args });
            if (defaultAction === 'SCMP_ACT_KILL_PROCESS') assert.equal(refused.code, 128 + 31, refused.stderr);
            else assert.ok(refused.code !== 0, refused.stdout);
          }
        });
      }
}
