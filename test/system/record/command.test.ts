import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { until } from '../../support/until.ts';
import { observed, recordEvidence, run, start, syscribe, temporary } from '../support/syscribe.ts';

/** Ids of all programs that the kernel holds, by bpftool. */
async function programs(): Promise<string[]> {
  const { stdout } = await run('bpftool', 'prog', 'show');
  return [...stdout.matchAll(/^(\d+): /gm)].map(([, id = '']) => id);
}

/** Ids of the programs that a process has attached: another recorder of this machine has its own. */
function programsOf(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
    return [...info.matchAll(/^prog_id:\s*(\d+)$/gm)].map(([, id = '']) => id);
  });
}

/** The kernel frees programs after a grace period. */
async function untilGone(ids: readonly string[]): Promise<void> {
  await until('the programs are gone', async () => !(await programs()).some((id) => ids.includes(id)));
}

test('the exit status is the command’s', async () => {
  assert.equal((await syscribe(['record', '-o', '/dev/null', '--', 'sh', '-c', 'exit 7'])).code, 7);
});

test('a command that a signal killed gives 128 and its number, as in a shell', async () => {
  assert.equal((await syscribe(['record', '-o', '/dev/null', '--', 'sh', '-c', 'kill -9 $$'])).code, 137);
});

test('a command that does not exist gives 127 and says what to check', async () => {
  const { code, stderr } = await syscribe(['record', '--', 'no-such-command']);
  assert.equal(code, 127);
  assert.match(stderr, /no-such-command: command not found\n.*remedy: /);
});

test('a command that is not executable gives 126', async () => {
  const { code, stderr } = await syscribe(['record', '--', '/etc/passwd']);
  assert.equal(code, 126);
  assert.match(stderr, /\/etc\/passwd: cannot be executed/);
});

test('the command’s output and the profile reach standard output, the summary standard error', async () => {
  const { stdout, stderr } = await syscribe(['record', '--', 'echo', 'hello']);
  assert.match(stdout, /^hello\napiVersion: security-profiles-operator\.x-k8s\.io\/v1\nkind: SeccompProfile\n/);
  assert.match(
    stderr,
    /^syscribe: \d+ syscalls allowed \(seen: SCMP_ARCH_X86_64 \d+\), 1 processes, [\d.]+ s\nsyscribe: complete\n$/,
  );
});

test('descendants are recorded, also those that outlive their parent', async (context) => {
  const { evidence } = await recordEvidence(context, [
    'sh',
    '-c',
    '(sleep 0.3; mkdir /tmp/$$.d; rmdir /tmp/$$.d) & exit 0',
  ]);
  assert.ok(observed(evidence).includes('mkdir'));
  assert.equal(evidence.complete, true);
});

test('evidence names the first process, the number and a plausible time of each call', async (context) => {
  const before = Date.now();
  const { evidence } = await recordEvidence(context, ['mkdir', '-p', '/tmp']);
  const call = evidence.syscalls.find(({ name }) => name === 'mkdir');
  assert.deepEqual(
    { ...call, first: { ...call?.first, pid: 0, time: '' } },
    {
      name: 'mkdir',
      abi: 'x86_64',
      number: 83,
      sources: ['workload'],
      first: { pid: 0, comm: 'mkdir', time: '' },
    },
  );
  const time = Date.parse(call?.first?.time ?? '');
  assert.ok(time > before - 1000 && time < Date.now() + 1000, `${time}`);
});

test('the base is allowed and never observed; --no-base-syscalls leaves it out', async (context) => {
  const names = (text: string): string[] => parse(text).spec.syscalls[0].names;
  const base = ['execve', 'exit', 'exit_group', 'restart_syscall', 'rt_sigreturn'];
  const { profile, evidence } = await recordEvidence(context, ['true']);
  assert.deepEqual(
    names(profile).filter((name) => base.includes(name)),
    base,
  );
  assert.ok(!observed(evidence).includes('execve'));
  const without = await recordEvidence(context, ['true'], ['--no-base-syscalls']);
  assert.deepEqual(
    names(without.profile).filter((name) => base.includes(name)),
    ['exit_group'],
  );
  const own = await recordEvidence(context, ['true'], ['--base-syscalls', 'getpid,kill']);
  assert.deepEqual(
    names(own.profile).filter((name) => ['getpid', 'kill', 'execve'].includes(name)),
    ['getpid', 'kill'],
  );
});

test('--portable adds what the vDSO hides', async (context) => {
  const { profile } = await recordEvidence(context, ['true'], ['--portable']);
  for (const name of ['clock_gettime', 'gettimeofday', 'time', 'getcpu'])
    assert.match(profile, new RegExp(`- ${name}\\n`));
});

test('--name and --default-action are those of the resource; the name is the command’s where none is given', async (context) => {
  const named = await recordEvidence(context, ['true'], ['--name', 'web', '--default-action', 'SCMP_ACT_LOG']);
  assert.match(named.profile, /^ {2}name: web$/m);
  assert.match(named.profile, /^ {2}defaultAction: SCMP_ACT_LOG$/m);
  const plain = await recordEvidence(context, ['/usr/bin/true']);
  assert.match(plain.profile, /^ {2}name: "?true"?$/m);
});

test('raw-seccomp carries the default errno', async (context) => {
  const { profile } = await recordEvidence(context, ['true'], ['-t', 'raw-seccomp', '--default-errno', '38']);
  const { defaultAction, defaultErrnoRet, architectures } = JSON.parse(profile);
  assert.deepEqual(
    { defaultAction, defaultErrnoRet, architectures },
    {
      defaultAction: 'SCMP_ACT_ERRNO',
      defaultErrnoRet: 38,
      architectures: ['SCMP_ARCH_X86_64'],
    },
  );
});

/** Records a shell that tells its number, runs `script` and then sleeps; its output ends when it sleeps. */
async function recordSleeper(script: string, ...options: string[]) {
  const shell = ['sh', '-c', `echo pid $$; ${script} exec sleep 60 >/dev/null 2>&1`];
  const { code, stdout, stderr } = await syscribe(['record', '-o', '/dev/null', ...options, '--', ...shell]);
  const pid = Number(/^pid (\d+)$/m.exec(stdout)?.[1] ?? assert.fail(stdout));
  process.kill(pid, 'SIGKILL'); // Throws if it is gone.
  return { code, stderr };
}

test('--duration ends the recording, leaves the command running and says partial', async () => {
  const { code, stderr } = await recordSleeper('', '--duration', '500ms');
  assert.equal(code, 0);
  assert.match(stderr, /partial: 1 process still running/);
});

test('--until-quiet ends the recording once nothing new comes', async () => {
  const { stderr } = await recordSleeper('sleep 0.1; mkdir /tmp/$$; rmdir /tmp/$$;', '--until-quiet', '1s');
  assert.match(stderr, /partial: 1 process still running/);
});

test('an output that cannot be written is found before the command starts', async (context) => {
  const directory = temporary(context);
  for (const output of ['/nowhere/profile.yaml', directory]) {
    const witness = join(directory, 'started');
    const { code, stderr } = await syscribe(['record', '-o', output, '--', 'touch', witness]);
    assert.equal(code, 125);
    assert.match(stderr, /cannot write .*\n.*because: .*\n.*remedy: /);
    assert.ok(!existsSync(witness));
  }
});

test('a full disk: the profile goes to standard error, no half-written file stays, the status is not 0', async (context) => {
  const directory = join(temporary(context), 'full');
  mkdirSync(directory);
  assert.equal((await run('mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', directory)).code, 0);
  try {
    const script = `head -c 20000 /dev/zero >${directory}/filler 2>/dev/null; true`;
    const { code, stderr } = await syscribe(['record', '-o', join(directory, 'p.yaml'), '--', 'sh', '-c', script]);
    assert.equal(code, 125);
    assert.match(stderr, /cannot write .*p\.yaml: ENOSPC/);
    assert.match(stderr, /kind: SeccompProfile[\s\S]*- exit_group/);
    assert.deepEqual(readdirSync(directory), ['filler']);
  } finally {
    await run('umount', directory);
  }
});

test('what was in the file before stays until the new profile is whole', async (context) => {
  const file = join(temporary(context), 'p.yaml');
  writeFileSync(file, 'old');
  const { stdout } = await syscribe(['record', '-o', file, '--', 'cat', file]);
  assert.equal(stdout, 'old');
  assert.match(readFileSync(file, 'utf8'), /kind: SeccompProfile/);
});

test('the command runs as the user behind sudo, and as root with --privileged', async () => {
  const env = { ...process.env, SUDO_UID: '65534', SUDO_GID: '65534', SUDO_USER: 'nobody' };
  const script = ['--', 'sh', '-c', 'echo "$(id -u) $(id -g) $(id -G) $USER $HOME"; grep CapEff /proc/self/status'];
  const dropped = await syscribe(['record', '-o', '/dev/null', ...script], { env });
  assert.match(dropped.stdout, /^65534 65534 65534 nobody \/nonexistent\nCapEff:\t0{16}\n/);
  const kept = await syscribe(['record', '-o', '/dev/null', '--privileged', ...script], { env });
  assert.match(kept.stdout, /^0 0 /);
});

test('nothing is attached after a recording', async () => {
  const recorder = start(['record', '-o', '/dev/null', '--', 'sh', '-c', 'echo runs; read line'], { stdin: 'pipe' });
  await recorder.until('stdout', /runs/);
  const ours = programsOf(recorder.pid);
  assert.ok(ours.length > 0, 'programs are there while it records');
  recorder.child.stdin?.end('\n');
  await recorder.finished;
  await untilGone(ours);
});

test('SIGKILL of the recorder: the command goes on, nothing stays attached or pinned', async (context) => {
  const pinned = async () =>
    (await run('find', '/sys/fs/bpf', '-name', '*syscribe*', '-not', '-path', '*/syscribe-node-*')).stdout;
  const before = await pinned();
  const directory = temporary(context);
  const recorder = start(['record', '-o', join(directory, 'p'), '--', 'sh', '-c', 'echo pid $$; exec sleep 60']);
  const pid = Number((await recorder.until('stdout', /pid (\d+)/))[1]);
  const ours = programsOf(recorder.pid);
  assert.ok(ours.length > 0, 'programs are there while it records');
  recorder.child.kill('SIGKILL');
  // Its pipes stay open in the command, so 'close' would wait for that.
  await new Promise((resolve) => recorder.child.once('exit', resolve));
  process.kill(pid, 0);
  await untilGone(ours);
  assert.equal(await pinned(), before);
  process.kill(pid, 'SIGKILL');
  await recorder.finished;
});

test('two recorders at once see each their own command', async (context) => {
  const [first, second] = await Promise.all([
    recordEvidence(context, ['sh', '-c', 'sleep 0.3; mkdir /tmp/$$; rmdir /tmp/$$']),
    recordEvidence(context, ['sh', '-c', 'sleep 0.3; ln -s x /tmp/$$; rm /tmp/$$']),
  ]);
  assert.ok(observed(first.evidence).includes('mkdir') && !observed(first.evidence).includes('symlinkat'));
  assert.ok(observed(second.evidence).includes('symlinkat') && !observed(second.evidence).includes('mkdir'));
  assert.ok(first.evidence.complete && second.evidence.complete);
});

test('more than one thing to record, or none, is refused', async () => {
  for (const args of [
    ['record'],
    ['record', '--pid', '1', '--', 'true'],
    ['record', '--pid', '0'],
    ['record', '--duration', 'soon', '--', 'true'],
  ]) {
    const { code, stderr } = await syscribe(args);
    assert.equal(code, 125, args.join(' '));
    assert.notEqual(stderr, '');
  }
});
