import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FILES, folder, syscribe } from './run-cli.ts';

test('diff shows what each has alone, and exits with 1', (t) => {
  const { status, stdout, stderr } = syscribe(folder(t, FILES), 'diff', 'a.yaml', 'b.json');
  assert.deepEqual([status, stderr], [1, '']);
  assert.equal(
    stdout,
    `- a.yaml
+ b.json

architectures
- SCMP_ARCH_X86_64
+ SCMP_ARCH_X86

only in a.yaml: 1
  ptrace

only in b.json: 2
  write
  socket: SCMP_ACT_ALLOW if arg0 == 0x20000000000001
`,
  );
});

test('diff of equal profiles says so and exits with 0', (t) => {
  const outcome = syscribe(folder(t, FILES), 'diff', 'a.yaml', 'a.yaml');
  assert.deepEqual(outcome, { status: 0, stdout: 'a.yaml and a.yaml say the same\n', stderr: '' });
});

test('diff --json has all of it, with exact numbers', (t) => {
  const { status, stdout } = syscribe(folder(t, FILES), 'diff', '--json', 'a.yaml', 'b.json');
  assert.equal(status, 1);
  const { same, names } = JSON.parse(stdout);
  assert.deepEqual([same, names], [false, { onlyA: ['ptrace'], onlyB: ['socket', 'write'] }]);
  const changed = { 'c.json': FILES['b.json'].replace('9007199254740993', '1') };
  const exact = syscribe(folder(t, { ...FILES, ...changed }), 'diff', '--json', 'b.json', 'c.json').stdout;
  assert.match(exact, /"value": 9007199254740993,/);
});

test('diff --runtime-default compares with the runtimes’ default', (t) => {
  const text = FILES['a.yaml'].replace('ptrace', 'io_uring_setup');
  const { status, stdout } = syscribe(folder(t, { 'u.yaml': text }), 'diff', 'u.yaml', '--runtime-default');
  assert.equal(status, 1);
  assert.match(stdout, /^only in u\.yaml: 1\n {2}io_uring_setup$/m);
  assert.match(stdout, /^ {2}clone3: SCMP_ACT_ERRNO\(38\)$/m);
});

for (const [what, args] of [
  ['one profile alone', ['a.yaml']],
  ['two profiles and the default', ['a.yaml', 'b.json', '--runtime-default']],
  ['a broken one', ['a.yaml', 'broken.yaml']],
] as const) {
  test(`diff exits with 2 on ${what}`, (t) => {
    const { status, stdout, stderr } = syscribe(folder(t, FILES), 'diff', ...args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^syscribe: .*\n/);
  });
}
