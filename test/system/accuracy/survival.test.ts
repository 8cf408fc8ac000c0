import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../support/until.ts';
import { makeCgroup } from '../support/kernel.ts';
import { start, temporary } from '../support/syscribe.ts';
import { program } from './workloads.ts';

function stateOf(pid: number): string | undefined {
  return /^State:\t(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
}

function untilState(pid: number, state: string): Promise<true> {
  return until(`process ${pid} is in state ${state}`, () => stateOf(pid) === state);
}

test('a profile of a workload that SIGKILL ended lets it stop, go on, freeze and handle SIGTERM', async (context) => {
  const directory = temporary(context);
  const profile = join(directory, 'profile.json');
  const pidFile = join(directory, 'pid');
  const command = ['sh', '-c', `echo $$ >${pidFile}; exec "$0"`, ...program('survivor')];
  const options = ['-t', 'raw-seccomp', '--default-action', 'SCMP_ACT_KILL_PROCESS', '-o', profile];

  const recorder = start(['record', ...options, '--', ...command]);
  await recorder.until('stdout', /ready/);
  await untilState(Number(readFileSync(pidFile, 'utf8')), 'S');
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  assert.equal((await recorder.finished).code, 137);

  const frozen = makeCgroup(context);
  const second = start(['run', '-p', profile, '--', ...command]);
  await second.until('stdout', /ready/);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  process.kill(pid, 'SIGSTOP');
  await untilState(pid, 'T');
  process.kill(pid, 'SIGCONT');
  await untilState(pid, 'S');
  writeFileSync(join(frozen, 'cgroup.procs'), `${pid}`);
  writeFileSync(join(frozen, 'cgroup.freeze'), '1');
  await until('the cgroup is frozen', () => /frozen 1/.test(readFileSync(join(frozen, 'cgroup.events'), 'utf8')));
  writeFileSync(join(frozen, 'cgroup.freeze'), '0');
  await untilState(pid, 'S');
  process.kill(pid, 'SIGTERM');
  const { code, stdout, stderr } = await second.finished;
  assert.equal(stdout, 'ready\nbye\n', stderr);
  assert.equal(code, 0);
});

test('without the base that profile kills it', async (context) => {
  const directory = temporary(context);
  const profile = join(directory, 'profile.json');
  const pidFile = join(directory, 'pid');
  const command = ['sh', '-c', `echo $$ >${pidFile}; exec "$0"`, ...program('survivor')];
  const options = [
    '-t',
    'raw-seccomp',
    '--default-action',
    'SCMP_ACT_KILL_PROCESS',
    '-o',
    profile,
    '--base-syscalls',
    'execve',
  ];
  const recorder = start(['record', ...options, '--', ...command]);
  await recorder.until('stdout', /ready/);
  await untilState(Number(readFileSync(pidFile, 'utf8')), 'S');
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  await recorder.finished;
  const second = start(['run', '-p', profile, '--', ...command]);
  await second.until('stdout', /ready/);
  await untilState(Number(readFileSync(pidFile, 'utf8')), 'S');
  process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM');
  const { code, stderr } = await second.finished;
  assert.equal(code, 159);
  assert.match(stderr, /denied: rt_sigreturn .*the process is killed\n.*killed by the profile/);
});
