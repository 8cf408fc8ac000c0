import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { LogProfile } from '../../../../src/agent/install/log-profile.ts';

function kubelet(context: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-kubelet-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return { directory, file: join(directory, 'seccomp/operator/log-enricher-trace.json') };
}

test('the profile logs everything, refuses nothing, and knows the machine’s other interfaces', (context) => {
  const { directory, file } = kubelet(context);
  const profile = new LogProfile(directory);
  profile.ensure();
  assert.equal(profile.failure, undefined);
  const { defaultAction, architectures, ...others } = JSON.parse(readFileSync(file, 'utf8'));
  assert.deepEqual([defaultAction, others], ['SCMP_ACT_LOG', {}]);
  const compat = process.arch === 'arm64' ? 'SCMP_ARCH_ARM' : 'SCMP_ARCH_X86';
  assert.ok(architectures.includes(compat), String(architectures));
});

test('another’s text is replaced; what is right is not written again', (context) => {
  const { directory, file } = kubelet(context);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '{"defaultAction":"SCMP_ACT_ERRNO"}');
  new LogProfile(directory).ensure();
  assert.match(readFileSync(file, 'utf8'), /SCMP_ACT_LOG/);
  const before = statSync(file, { bigint: true });
  new LogProfile(directory).ensure();
  const { ino, mtimeNs } = statSync(file, { bigint: true });
  assert.deepEqual([ino, mtimeNs], [before.ino, before.mtimeNs]);
});

test('SPO’s link is followed and stays', (context) => {
  const { directory, file } = kubelet(context);
  const target = join(directory, 'var-lib-spo');
  mkdirSync(target);
  mkdirSync(join(directory, 'seccomp'));
  symlinkSync(target, join(directory, 'seccomp/operator'));
  new LogProfile(directory).ensure();
  assert.equal(readFileSync(join(target, 'log-enricher-trace.json'), 'utf8'), readFileSync(file, 'utf8'));
});

test('where kubelet’s directory is not, none is made', () => {
  for (const directory of ['/nowhere/kubelet', '/proc/kubelet']) {
    const profile = new LogProfile(directory);
    profile.ensure();
    assert.match(profile.failure ?? '', /ENOENT.*--kubelet-dir/);
  }
});

test('a link to nothing, and a place that cannot be written, are told with what to do, until they are put right', (context) => {
  const { directory, file } = kubelet(context);
  mkdirSync(join(directory, 'seccomp'));
  symlinkSync(join(directory, 'nowhere'), join(directory, 'seccomp/operator'));
  const profile = new LogProfile(directory);
  profile.ensure();
  assert.match(profile.failure ?? '', /operator is a link to what is not there\. Mount what it points to/);
  rmSync(join(directory, 'seccomp'), { recursive: true });
  writeFileSync(join(directory, 'seccomp'), '');
  profile.ensure();
  assert.match(profile.failure ?? '', /ENOTDIR.*--kubelet-dir/);
  rmSync(join(directory, 'seccomp'));
  profile.ensure();
  assert.equal(profile.failure, undefined);
  assert.ok(statSync(file).isFile());
});
