import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FILES, folder, syscribe } from './run-cli.ts';

const EVIDENCE = JSON.stringify({
  version: 1,
  recorder: 'syscribe 1.0.0',
  complete: false,
  reasons: ['recording began after the workload'],
  machine: 'x86_64',
  kernel: '6.18.0',
  started: '2026-01-01T00:00:00Z',
  ended: '2026-01-01T00:00:01Z',
  processes: 1,
  syscalls: [
    {
      name: 'read',
      abi: 'i386',
      number: 3,
      sources: ['workload'],
      first: { pid: 42, comm: 'a\u001b[2Jpp', time: '2026-01-01T00:00:00Z' },
    },
  ],
  notes: [],
});

test('explain tells what each call is for and marks what is a risk', (t) => {
  const { status, stdout, stderr } = syscribe(folder(t, FILES), 'explain', 'a.yaml');
  assert.deepEqual([status, stderr], [0, '']);
  assert.equal(
    stdout,
    `a.yaml: 2 calls, all others SCMP_ACT_ERRNO; SCMP_ARCH_X86_64

input and output (1)
  read                     read from a descriptor

processes (1)
! ptrace                   trace and control another process
                           risk: controls processes that may be traced; before Linux 4.8 it passed by seccomp
`,
  );
});

test('with evidence explain tells who wanted what, harmless to the terminal', (t) => {
  const cwd = folder(t, { ...FILES, 'e.json': EVIDENCE });
  const { stdout } = syscribe(cwd, 'explain', 'a.yaml', '--evidence', 'e.json');
  assert.match(stdout, /^recorded by syscribe 1\.0\.0 on Linux 6\.18\.0 \(x86_64\), partial: recording began/m);
  assert.match(stdout, /^ {2}read .* \[a\?\[2Jpp 42, only as i386\]$/m);
  assert.match(stdout, /^! ptrace .* \[not seen in this recording\]$/m);
});

test('explain --json has the same by group', (t) => {
  const { stdout } = syscribe(folder(t, FILES), 'explain', '--json', 'a.yaml');
  const { groups, defaultAction } = JSON.parse(stdout);
  assert.equal(defaultAction, 'SCMP_ACT_ERRNO');
  assert.deepEqual(
    groups.map(({ group }: { group: string }) => group),
    ['input and output', 'processes'],
  );
});

test('explain names what Linux does not have, with its place', (t) => {
  const cwd = folder(t, { 'x.yaml': FILES['a.yaml'].replace('ptrace', 'ptraec') });
  assert.match(syscribe(cwd, 'explain', 'x.yaml').stdout, /^x\.yaml:11:11: Linux has no system call ptraec$/m);
});

for (const [what, args, message] of [
  ['a broken profile', ['broken.yaml'], /broken\.yaml:3:23: /],
  ['evidence that is not there', ['a.yaml', '--evidence', 'gone'], /cannot read the evidence gone/],
  [
    'evidence that is none',
    ['a.yaml', '--evidence', 'b.json'],
    /b\.json:1:1: the document: version is missing\n.*remedy/,
  ],
] as const) {
  test(`explain exits with 2 on ${what}`, (t) => {
    const { status, stdout, stderr } = syscribe(folder(t, FILES), 'explain', ...args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, message);
  });
}
