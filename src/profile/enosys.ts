import type { Abi } from '../kernel/abi.ts';

const ENOSYS = 38;
const RET_ERRNO = 0x00050000;
const X32_BIT = 0x40000000;
const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15;
const JUMP_GREATER = 0x25;
const JUMP_NOT_LESS = 0x35;
const RETURN = 0x06;
const NUMBER_OFFSET = 0; // seccomp_data.nr
const ARCH_OFFSET = 4; // seccomp_data.arch

/** linux/audit.h; x32 has the same as x86_64 and is told by bit 30 of the number. */
const AUDIT_ARCH = { x86_64: 0xc000003e, i386: 0x40000003, aarch64: 0xc00000b7, arm: 0x40000028 } as const;

function instruction(code: number, k: number, ifTrue = 0, ifFalse = 0): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(ifTrue, 2);
  bytes.writeUInt8(ifFalse, 3);
  bytes.writeUInt32LE(k >>> 0, 4);
  return bytes;
}

/** An x32 number goes on to the filter unless the profile lists x32: there it is a wrong architecture, as in runc. */
function checks(abi: string, newest: number, newestX32: number | undefined): Buffer[] {
  if (abi !== 'x86_64') return [instruction(JUMP_GREATER, newest, 0, 1)];
  if (newestX32 === undefined)
    return [instruction(JUMP_NOT_LESS, X32_BIT, 2, 0), instruction(JUMP_GREATER, newest, 0, 1)];
  return [
    instruction(JUMP_NOT_LESS, X32_BIT, 1, 0),
    instruction(JUMP_GREATER, newest, 1, 2),
    instruction(JUMP_GREATER, X32_BIT | newestX32, 0, 1),
  ];
}

function block(abi: string, arch: number, newest: number, newestX32: number | undefined): Buffer[] {
  const body = [
    instruction(LOAD, NUMBER_OFFSET),
    ...checks(abi, newest, newestX32),
    instruction(RETURN, RET_ERRNO | ENOSYS),
  ];
  return [instruction(LOAD, ARCH_OFFSET), instruction(JUMP_EQUAL, arch, 0, body.length), ...body];
}

/**
 * The stub that runc puts before a filter (libcontainer/seccomp/patchbpf): a number above the newest that the profile
 * knows returns ENOSYS instead of the default action, so that a libc newer than the profile falls back to older calls.
 * @param newest the greatest number that the profile names, by architecture; those it does not list are left out.
 * @returns classic BPF to be put before the filter.
 */
export function enosysStub(newest: Partial<Record<Abi, number>>): Buffer {
  const { x32 } = newest;
  return Buffer.concat(
    Object.entries(AUDIT_ARCH).flatMap(([abi, arch]) => {
      const own = newest[abi as keyof typeof AUDIT_ARCH];
      return own === undefined ? [] : block(abi, arch, own, x32);
    }),
  );
}
