import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { Abi } from '../../../src/kernel/abi.ts';
import { ABIS, syscallNames, syscallNumber } from '../../../src/kernel/syscalls.ts';

/** From Debian's package seccomp, which belongs to libseccomp. */
const RESOLVER = 'scmp_sys_resolver';
const LIBSECCOMP_NAMES: Record<Abi, string> = {
  x86_64: 'x86_64',
  i386: 'x86',
  x32: 'x32',
  aarch64: 'aarch64',
  arm: 'arm',
};

/** What libseccomp calls each number; it says UNKNOWN for what is newer than it is. */
function resolveAll(abi: Abi, numbers: readonly number[]): string[] {
  const script = `for nr in ${numbers.join(' ')}; do ${RESOLVER} -a ${LIBSECCOMP_NAMES[abi]} $nr; done`;
  return spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.trim().split('\n');
}

for (const abi of ABIS)
  test(`every ${abi} number has the name that libseccomp knows it by`, () => {
    const names = syscallNames(abi);
    const resolved = resolveAll(
      abi,
      names.map((name) => syscallNumber(abi, name) ?? -1),
    );
    assert.equal(resolved.length, names.length);
    const other = names.filter((name, index) => resolved[index] !== 'UNKNOWN' && resolved[index] !== name);
    assert.deepEqual(other, []);
    const unknown = resolved.filter((name) => name === 'UNKNOWN').length;
    assert.ok(unknown < 40, `${unknown} are unknown to libseccomp: too many for newness alone`);
  });
