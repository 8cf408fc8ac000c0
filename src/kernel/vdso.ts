import type { Abi } from './abi.ts';

/**
 * Calls that the kernel answers in user space, in the vDSO (vdso(7)), by ABI: where it can, no system call is seen and
 * none is recorded. The same program makes the real call on another machine, e.g. when its clock source cannot be read
 * from user space (Xen, HPET, an unstable TSC) or the kernel is older (getrandom: vDSO since 6.11), so a profile that
 * is to travel needs them. On 32-bit ABIs libc chooses between the time64 and the older variant at run time.
 */
const ANSWERED: Record<Abi, readonly string[]> = {
  x86_64: ['clock_getres', 'clock_gettime', 'getcpu', 'getrandom', 'gettimeofday', 'time'],
  i386: ['clock_getres', 'clock_getres_time64', 'clock_gettime', 'clock_gettime64', 'getcpu', 'gettimeofday', 'time'],
  x32: ['clock_getres', 'clock_gettime', 'getcpu', 'gettimeofday', 'time'],
  aarch64: ['clock_getres', 'clock_gettime', 'getrandom', 'gettimeofday'],
  arm: ['clock_getres', 'clock_getres_time64', 'clock_gettime', 'clock_gettime64', 'gettimeofday'],
};

/** The names of the calls that a vDSO of this ABI may hide from a recording, sorted. */
export function hiddenByVdso(abi: Abi): readonly string[] {
  return ANSWERED[abi];
}
