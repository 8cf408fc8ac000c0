import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FILES, folder, syscribe } from './run-cli.ts';

const MERGED = `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata:
  name: a
spec:
  defaultAction: SCMP_ACT_ERRNO
  architectures:
    - SCMP_ARCH_X86
    - SCMP_ARCH_X86_64
  syscalls:
    - names:
        - ptrace
        - read
        - write
      action: SCMP_ACT_ALLOW
    - names:
        - socket
      action: SCMP_ACT_ALLOW
      args:
        - index: 0
          value: 9007199254740993
          op: SCMP_CMP_EQ
`;

test('merge writes the first one’s form to standard output', (t) => {
  const cwd = folder(t, FILES);
  assert.deepEqual(syscribe(cwd, 'merge', 'a.yaml', 'b.json'), { status: 0, stdout: MERGED, stderr: '' });
  const { stdout } = syscribe(cwd, 'merge', 'b.json', 'a.yaml');
  assert.match(stdout, /^\{\n {2}"defaultAction": "SCMP_ACT_ERRNO",/);
  assert.match(stdout, /"value": 9007199254740993,/);
});

test('merge -o writes the file whole, over one of its inputs too', (t) => {
  const cwd = folder(t, FILES);
  assert.deepEqual(syscribe(cwd, 'merge', '-o', 'a.yaml', 'a.yaml', 'b.json'), { status: 0, stdout: '', stderr: '' });
  assert.equal(readFileSync(join(cwd, 'a.yaml'), 'utf8'), MERGED);
  assert.deepEqual(readdirSync(cwd).sort(), Object.keys(FILES).sort());
});

test('merge --check tells whether the first allows all that the others do', (t) => {
  const cwd = folder(t, { ...FILES, 'm.yaml': MERGED });
  const fresh = syscribe(cwd, 'merge', '--check', 'm.yaml', 'a.yaml', 'b.json');
  assert.deepEqual(fresh, { status: 0, stdout: 'm.yaml is up to date\n', stderr: '' });
  const stale = syscribe(cwd, 'merge', '--check', 'a.yaml', 'b.json');
  assert.equal(stale.status, 1);
  assert.equal(stale.stdout, '');
  assert.equal(stale.stderr, `syscribe: a.yaml is not up to date; it should be:\n${MERGED}`);
  assert.equal(readFileSync(join(cwd, 'a.yaml'), 'utf8'), FILES['a.yaml']);
});

for (const [what, args, message] of [
  ['no file', [], /missing required argument 'file'/],
  ['one file to check', ['--check', 'a.yaml'], /--check needs two profiles/],
  ['a check that writes', ['--check', '-o', 'x', 'a.yaml', 'b.json'], /--check writes no file/],
  ['a file that is not there', ['a.yaml', 'gone.yaml'], /cannot read the profile gone\.yaml\n.*ENOENT/],
  ['a broken file', ['broken.yaml'], /broken\.yaml:3:23: spec\.defaultAction: "ALLOW" is not one of/],
  ['a folder that is not there', ['-o', 'no/where', 'a.yaml'], /cannot write no\/where\n.*ENOENT.*\n.*remedy/],
] as const) {
  test(`merge exits with 2 on ${what}`, (t) => {
    const { status, stdout, stderr } = syscribe(folder(t, FILES), 'merge', ...args);
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, message);
  });
}
