import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ABIS,
  isKnownSyscall,
  newestSyscall,
  syscallName,
  syscallNames,
  syscallNumber,
} from '../../../src/kernel/syscalls.ts';
import { hiddenByVdso } from '../../../src/kernel/vdso.ts';

for (const abi of ABIS) {
  test(`${abi} numbers and names are one to one`, () => {
    const names = syscallNames(abi);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.equal(syscallName(abi, syscallNumber(abi, name) ?? -1), name);
  });
}

for (const [abi, nr, name] of [
  ['x86_64', 0, 'read'],
  ['x86_64', 59, 'execve'],
  ['x86_64', 262, 'newfstatat'],
  ['x86_64', 335, 'uretprobe'],
  ['i386', 22, 'umount'],
  ['i386', 52, 'umount2'],
  ['i386', 140, '_llseek'],
  ['i386', 300, 'fstatat64'],
  ['x32', 520, 'execve'],
  ['aarch64', 79, 'newfstatat'],
  ['aarch64', 221, 'execve'],
  ['arm', 0, 'restart_syscall'],
  ['arm', 289, 'send'],
  ['arm', 0xf0005, 'set_tls'],
] as const) {
  test(`${abi} ${nr} is ${name}`, () => assert.equal(syscallName(abi, nr), name));
}

for (const [abi, nr] of [
  ['x86_64', 400],
  ['x86_64', -1],
  ['i386', 285],
  ['x32', 0x40000000],
  ['arm', 0xf0000],
] as const) {
  test(`${abi} has no call ${nr}`, () => assert.equal(syscallName(abi, nr), undefined));
}

test('the newest calls are those of Linux 7.2, and arm’s private ones do not count', () => {
  const newest = ABIS.map((abi) => [abi, newestSyscall(abi)]);
  assert.deepEqual(Object.fromEntries(newest), { x86_64: 471, i386: 471, x32: 547, aarch64: 471, arm: 471 });
});

test('names of other architectures are known, others are not', () => {
  for (const name of ['swapcontext', 's390_pci_mmio_read', 'riscv_hwprobe']) assert.ok(isKnownSyscall(name), name);
  for (const name of ['', 'raed', 'constructor', 'unused18', 'SYSCALL_BASE']) assert.ok(!isKnownSyscall(name), name);
});

test('what a vDSO hides are calls of its ABI, sorted', () => {
  for (const abi of ABIS) {
    const names = hiddenByVdso(abi);
    assert.deepEqual(names, [...names].sort());
    for (const name of names) assert.notEqual(syscallNumber(abi, name), undefined, `${abi} ${name}`);
  }
});
