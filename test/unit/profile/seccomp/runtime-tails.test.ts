import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isKnownSyscall } from '../../../../src/kernel/syscalls.ts';
import { measuredVersions, RUNTIMES, runtimeTail } from '../../../../src/profile/seccomp/runtime-tails.ts';

test('a runtime that was not measured is refused, with those that were', () => {
  assert.throws(() => runtimeTail('runc', { version: '0.1' }), {
    name: 'ProfileError',
    message: /^what runc 0\.1 calls .*runc 1\.1\.5/,
  });
});

test('every measured tail holds execve and real calls only, and fewer with no_new_privileges', () => {
  for (const runtime of RUNTIMES) {
    for (const version of measuredVersions(runtime)) {
      const all = runtimeTail(runtime, { version, exec: true });
      const least = runtimeTail(runtime, { version, noNewPrivileges: true });
      assert.ok(
        least.includes('execve') && (runtime === 'youki' || least.length < all.length),
        `${runtime} ${version}`,
      );
      assert.deepEqual(
        all.filter((name) => !isKnownSyscall(name)),
        [],
      );
    }
  }
});

test('without a version a tail holds what any version calls', () => {
  for (const version of measuredVersions('runc')) {
    const own = runtimeTail('runc', { version });
    assert.deepEqual(
      own.filter((name) => !runtimeTail('runc').includes(name)),
      [],
    );
  }
});

test('crun without no_new_privileges waits under its filter to be started', () => {
  for (const version of measuredVersions('crun'))
    for (const name of ['pselect6', 'read'])
      assert.ok(runtimeTail('crun', { version, noNewPrivileges: false }).includes(name), `${name}, ${version}`);
});

test('crun with no_new_privileges loads its filter last', () => {
  assert.deepEqual(runtimeTail('crun', { version: '1.8.1', noNewPrivileges: true }), ['close', 'execve']);
});

test('no runtime, no calls', () => assert.deepEqual(runtimeTail('none'), []));
