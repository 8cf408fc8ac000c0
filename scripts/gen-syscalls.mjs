#!/usr/bin/env node
// Writes src/kernel/generated/syscalls.ts from the kernel's own headers: an unpacked linux-libc-dev, in which
// usr/lib/linux/uapi has a directory for each architecture. Usage: gen-syscalls.mjs UAPI-DIRECTORY VERSION
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [uapi, version] = process.argv.slice(2);
if (!uapi || !version) throw new Error('usage: gen-syscalls.mjs UAPI-DIRECTORY VERSION');

const ARM_PRIVATE_BASE = 0x0f0000; // __ARM_NR_BASE: arch/arm/include/uapi/asm/unistd.h
const HEADERS = {
  x86_64: ['x86/asm/unistd_64.h'],
  i386: ['x86/asm/unistd_32.h'],
  x32: ['x86/asm/unistd_x32.h'],
  aarch64: ['arm64/asm/unistd_64.h'],
  arm: ['arm/asm/unistd-eabi.h', 'arm/asm/unistd.h'],
};

function numbers(text) {
  const found = [];
  for (const line of text.split('\n')) {
    const own = /^#define __NR_(\w+)\s+(?:\(__X32_SYSCALL_BIT \+ |\(__NR_SYSCALL_BASE \+ )?(\d+)\)?$/.exec(line);
    if (own && own[1] !== 'syscalls' && own[1] !== 'arch_specific_syscall' && own[1] !== 'SYSCALL_BASE')
      found.push([Number(own[2]), own[1]]);
    const arm = /^#define __ARM_NR_(\w+)\s+\(__ARM_NR_BASE\+(\d+)\)$/.exec(line);
    if (arm) found.push([ARM_PRIVATE_BASE + Number(arm[2]), arm[1]]);
  }
  return found;
}

function runs(entries) {
  const words = [];
  let next;
  for (const [number, name] of entries.sort(([a], [b]) => a - b)) {
    if (number !== next) words.push(String(number));
    words.push(name);
    next = number + 1;
  }
  return words.join(' ');
}

const tables = Object.entries(HEADERS).map(([abi, files]) => {
  const entries = files.flatMap((file) => numbers(readFileSync(join(uapi, file), 'utf8')));
  if (entries.length < 300) throw new Error(`only ${entries.length} numbers found for ${abi}`);
  return `  ${abi}:\n    '${runs(entries)}',`;
});

const own = new Set(tables.flatMap((line) => line.match(/[a-z_]\w*/g)));

/** Of the architectures that the OCI runtime specification lists besides. */
function headersElsewhere() {
  return ['loongarch', 'm68k', 'mips', 'parisc', 'powerpc', 'riscv', 's390', 'sh']
    .flatMap((arch) => readdirSync(join(uapi, arch, 'asm')).map((file) => join(uapi, arch, 'asm', file)))
    .filter((path) => /\/unistd\w*\.h$/.test(path));
}

// Numbers may be relative there (mips, sparc), and holes have names; only what a call is called matters.
const elsewhere = headersElsewhere()
  .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(/^#define\s+__NR_([a-z_]\w*)\s+\(?\w/gm)])
  .map(([, name]) => name)
  .filter((name) => !own.has(name) && !/^(reserved|unused)\d+$|^(syscalls|arch_specific_syscall)$|SYSCALL/.test(name));

writeFileSync(
  new URL('../src/kernel/generated/syscalls.ts', import.meta.url),
  `/**
 * System call tables of Linux ${version}, by ABI. Made by scripts/gen-syscalls.mjs from the kernel's headers.
 * A number begins a run of consecutive names. x32 numbers stand without bit 30.
 */
export const SYSCALL_TABLES = {
${tables.join('\n')}
} as const;

/** Calls that only other architectures have, which a profile for several may name. */
export const OTHER_NAMES =
  '${[...new Set(elsewhere)].sort().join(' ')}';
`,
);
