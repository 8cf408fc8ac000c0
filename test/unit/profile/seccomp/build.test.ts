import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BASE_SYSCALLS, type BuildInput, buildProfile } from '../../../../src/profile/seccomp/build.ts';
import { runtimeTail } from '../../../../src/profile/seccomp/runtime-tails.ts';

const INPUT: BuildInput = {
  machine: 'x86_64',
  sightings: [],
  defaultAction: 'SCMP_ACT_ERRNO',
  runtime: 'none',
  base: [],
  portable: false,
  name: 'demo',
};

function build(input: Partial<BuildInput>) {
  const built = buildProfile({ ...INPUT, ...input });
  return { ...built, names: built.profile.syscalls.flatMap((rule) => rule.names) };
}

test('a name seen as i386 is allowed, and its architecture is listed beside the machine’s own', () => {
  const { profile, names, sources } = build({ sightings: [{ abi: 'i386', nr: 102, phase: 'workload' }] });
  assert.deepEqual(profile.architectures, ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
  assert.deepEqual(names, ['socketcall']);
  assert.deepEqual(sources.get('socketcall'), new Set(['workload']));
});

test('a number means what it does in its own table', () => {
  const nr = 59;
  const seen = (['x86_64', 'i386', 'aarch64'] as const).map(
    (abi) => build({ sightings: [{ abi, nr, phase: 'workload' }] }).names,
  );
  assert.deepEqual(seen, [['execve'], ['oldolduname'], ['pipe2']]);
});

test('nothing seen is a profile that allows the base set alone', () => {
  const { names, profile } = build({ base: BASE_SYSCALLS });
  assert.deepEqual(names, ['execve', 'exit', 'exit_group', 'restart_syscall', 'rt_sigreturn']);
  assert.deepEqual(profile.architectures, ['SCMP_ARCH_X86_64']);
  assert.deepEqual(build({}).profile.syscalls, []);
});

test('a number without a name is given back, and is not in the profile', () => {
  const odd = { abi: 'x86_64', nr: 600, phase: 'workload' } as const;
  const { unnamed, names } = build({ sightings: [odd, { abi: 'x86_64', nr: 0, phase: 'workload' }] });
  assert.deepEqual(unnamed, [odd]);
  assert.deepEqual(names, ['read']);
});

test('what was seen of the runtime goes before the table, and is labelled', () => {
  const sightings = [
    { abi: 'x86_64', nr: 3, phase: 'runtime' },
    { abi: 'x86_64', nr: 3, phase: 'workload' },
    { abi: 'x86_64', nr: 1, phase: 'runtime' },
  ] as const;
  assert.deepEqual(build({ sightings, runtime: 'crun' }).names, ['close', 'write']);
  const { names, sources } = build({ sightings, runtime: 'runc' });
  assert.deepEqual(names, ['close', 'fchown', 'futex', 'rt_sigreturn', 'write'], 'with what not every start shows');
  assert.deepEqual(sources.get('close'), new Set(['workload', 'runtime']));
  assert.deepEqual(sources.get('write'), new Set(['runtime']));
  assert.deepEqual(build({ sightings, runtime: 'none' }).names, ['close']);
});

test('where nothing was seen of the runtime, the table says what it calls', () => {
  assert.deepEqual(build({ runtime: 'runc' }).names, runtimeTail('runc'));
  assert.deepEqual(build({ runtime: 'crun' }).names, runtimeTail('crun', { exec: true }), 'and its exec');
  assert.deepEqual(build({ runtime: undefined }).names, []);
  const killing = build({ runtime: 'runc', defaultAction: 'SCMP_ACT_KILL_PROCESS' });
  assert.deepEqual(killing.names, runtimeTail('runc', { exec: true }), 'exec too where a refusal would kill it');
});

test('what is not known of a runtime is told, unless it was seen', () => {
  assert.match(build({ runtime: 'youki' }).notes.join(), /^youki was measured with no_new_privileges alone$/);
  assert.deepEqual(build({ runtime: 'youki', sightings: [{ abi: 'x86_64', nr: 0, phase: 'runtime' }] }).notes, []);
  assert.deepEqual(build({ runtime: 'runc' }).notes, []);
});

test('portable adds what the vDSO of each listed architecture hides', () => {
  const { names, sources } = build({ portable: true, sightings: [{ abi: 'i386', nr: 4, phase: 'workload' }] });
  assert.ok(names.includes('clock_gettime64'));
  assert.deepEqual(sources.get('clock_gettime'), new Set(['portable']));
  assert.ok(!build({ portable: true }).names.includes('clock_gettime64'));
});
