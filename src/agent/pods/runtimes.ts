import type { Runtime } from '../../profile/seccomp/runtime-tails.ts';

/** Runtimes whose containers are this kernel's processes, by what their names hold; the rest have kernels of their own, or none. */
const KNOWN: readonly [RegExp, readonly Runtime[]][] = [
  // Nobody has said: CRI-O's default is either, by its version.
  [/^$/, ['runc', 'crun']],
  [/crun/, ['crun']],
  [/youki/, ['youki']],
];
const FOREIGN = /kata|gvisor|runsc|firecracker|hyperv|wasm|spin|quark/;

/**
 * The runtime of these names, whose calls between loading the profile and the workload's exec belong into it; several where it can
 * be any of them.
 * @returns undefined for one whose containers cannot be recorded from this kernel.
 */
export function runtimesOf(names: string): readonly Runtime[] | undefined {
  if (FOREIGN.test(names)) return undefined;
  return KNOWN.find(([pattern]) => pattern.test(names))?.[1] ?? ['runc'];
}
