import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { makeCgroup } from '../support/kernel.ts';
import { Running, readEvidence, run, start, syscribe, temporary } from '../support/syscribe.ts';

const PIPELINE = ['sh', '-c', 'ls / | sort | head -n 2; id -u; (cd /tmp && pwd)'];

test('a command recorded from the log has the profile that eBPF gives it, and is complete', async (context) => {
  const directory = temporary(context);
  const record = async (source: string) => {
    const file = join(directory, source);
    const options = ['-t', 'raw-seccomp', '--source', source, '-o', file, '--evidence', `${file}.evidence`];
    const { code, stderr } = await syscribe(['record', ...options, '--', ...PIPELINE]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^syscribe: complete$/m);
    return { profile: readFileSync(file, 'utf8'), evidence: readEvidence(`${file}.evidence`) };
  };
  const [ebpf, audit] = [await record('ebpf'), await record('audit')];
  assert.equal(audit.profile, ebpf.profile);
  assert.equal(audit.evidence.processes, ebpf.evidence.processes);
});

test('a background process that outlives the command is waited for, in the log too', async (context) => {
  const file = join(temporary(context), 'profile');
  const { code, stderr } = await syscribe([
    'record',
    '-t',
    'raw-seccomp',
    '--source',
    'audit',
    '-o',
    file,
    '--',
    'sh',
    '-c',
    '(sleep 1; mkdir -p /tmp) & exit 3',
  ]);
  assert.equal(code, 3, stderr);
  assert.match(readFileSync(file, 'utf8'), /"mkdir"/);
});

test('a cgroup whose profile logs: what it calls from then on, told as partial; one without a filter is refused', async (context) => {
  const cgroup = makeCgroup(context);
  const directory = temporary(context);
  const profile = join(directory, 'log.json');
  const go = join(directory, 'go');
  const file = join(directory, 'profile');
  writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [] }));
  execFileSync('mkfifo', [go]);
  const enter = (...command: string[]) =>
    new Running('sh', ['-c', 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"', 'sh', cgroup, ...command]);
  const options = ['record', '-t', 'raw-seccomp', '--source', 'audit', '-o', file, '--cgroup', cgroup];

  const plain = enter('sh', '-c', `echo ready; exec cat ${go}`);
  await plain.until('stdout', /ready/);
  const refused = await syscribe(options);
  assert.equal(refused.code, 125);
  assert.match(refused.stderr, /nothing in .* runs under a seccomp filter\n.*remedy: .*SCMP_ACT_LOG/);
  writeFileSync(go, '');
  await plain.finished;

  const loop = `echo ready; cat ${go} >/dev/null; mkdir ${directory}/made; cat ${go} >/dev/null`;
  const inside = enter('bin/syscribe', 'run', '-p', profile, '--', 'sh', '-c', loop);
  await inside.until('stdout', /ready/);
  // The shell has to live until its records are read: without eBPF nobody knows whose the number of one that is gone was.
  const recording = start([...options, '--until-quiet', '2s']);
  await recording.until('stderr', /recording .* \(Ctrl-C ends it\)/);
  writeFileSync(go, '');
  const { code, stderr } = await recording.finished;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /partial: only what its seccomp profile logs was seen/);
  const written = readFileSync(file, 'utf8');
  assert.match(written, /"wait4"/);
  writeFileSync(go, '');
  await inside.finished;
});

test('both: what the present profile refuses is added, told as denied, and makes the recording partial', async (context) => {
  const directory = temporary(context);
  const outer = join(directory, 'outer.json');
  const file = join(directory, 'profile');
  const rule = { names: ['mkdir'], action: 'SCMP_ACT_ERRNO' };
  writeFileSync(outer, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls: [rule] }));
  const record = ['record', '-t', 'raw-seccomp', '--source', 'both', '-o', file, '--evidence', `${file}.evidence`];
  const { stderr } = await syscribe([
    'run',
    '-p',
    outer,
    '--',
    'bin/syscribe',
    ...record,
    '--',
    'mkdir',
    '/tmp/syscribe-never',
  ]);
  assert.match(stderr, /partial: the present profile refused 1 call:/);
  const denied = readEvidence(`${file}.evidence`).syscalls.filter(({ sources }) => sources.includes('denied'));
  assert.deepEqual(
    denied.map(({ name }) => name),
    ['mkdir'],
  );
  assert.match(readFileSync(file, 'utf8'), /"mkdir"/);
});

test('the stream knows the container of processes that are gone when their record is read', async (context) => {
  const id = 'c0ffee'.padEnd(64, '0');
  const cgroup = join(makeCgroup(context), id);
  mkdirSync(cgroup);
  const profile = join(temporary(context), 'log.json');
  writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_LOG', syscalls: [] }));
  const audit = start(['audit', '--source', 'netlink', '--filter', 'seccomp.syscall=exit_group']);
  await audit.until('stderr', /reading the kernel's audit multicast group/);
  const loop = 'i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done; exec /bin/uname >/dev/null';
  const inside = `echo $$ > ${cgroup}/cgroup.procs; exec bin/syscribe run -p ${profile} -- sh -c '${loop}'`;
  assert.equal((await run('sh', '-c', inside)).code, 0);
  await audit.until('stdout', /"comm":"uname"/);
  audit.child.kill('SIGINT');
  const { stdout, stderr } = await audit.finished;
  const events: EnrichedEvent[] = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const short = events.filter(({ process }) => process?.exe?.endsWith('/true'));
  assert.equal(short.length, 300, stderr);
  assert.deepEqual([...new Set(short.map(({ container }) => container?.id))], [id]);
});
