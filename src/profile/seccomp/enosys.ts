import type { Abi } from '../../kernel/abi.ts';
import { AUDIT_ARCH } from '../../kernel/audit.ts';
import { BPF, instruction } from '../../kernel/sock-filter.ts';

const ENOSYS = 38;
const RET_ERRNO = 0x00050000;
const X32_BIT = 0x40000000;
const NUMBER_OFFSET = 0; // seccomp_data.nr
const ARCH_OFFSET = 4; // seccomp_data.arch

/** An x32 number goes on to the filter unless the profile lists x32: there it is a wrong architecture, as in runc. */
function checks(abi: string, newest: number, newestX32: number | undefined): Buffer[] {
  if (abi !== 'x86_64') return [instruction(BPF.jumpGreater, newest, 0, 1)];
  if (newestX32 === undefined)
    return [instruction(BPF.jumpNotLess, X32_BIT, 2, 0), instruction(BPF.jumpGreater, newest, 0, 1)];
  return [
    instruction(BPF.jumpNotLess, X32_BIT, 1, 0),
    instruction(BPF.jumpGreater, newest, 1, 2),
    instruction(BPF.jumpGreater, X32_BIT | newestX32, 0, 1),
  ];
}

function block(abi: string, arch: number, newest: number, newestX32: number | undefined): Buffer[] {
  const body = [
    instruction(BPF.load, NUMBER_OFFSET),
    ...checks(abi, newest, newestX32),
    instruction(BPF.return, RET_ERRNO | ENOSYS),
  ];
  return [instruction(BPF.load, ARCH_OFFSET), instruction(BPF.jumpEqual, arch, 0, body.length), ...body];
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
