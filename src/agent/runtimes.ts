import type { Runtime } from '../profile/runtime-tails.ts';

/** Handlers whose containers are this kernel's processes, by what their names hold; the rest have kernels of their own, or none. */
const KNOWN: readonly [RegExp, Runtime][] = [
  [/crun/, 'crun'],
  [/youki/, 'youki'],
  [/^$|runc|nvidia/, 'runc'],
];
const FOREIGN = /kata|gvisor|runsc|firecracker|hyperv|wasm|spin|quark/;

/**
 * The runtime behind a handler, whose calls between loading the profile and the workload's exec belong into it.
 * @returns undefined for one whose containers cannot be recorded from this kernel.
 */
export function runtimeOf(handler: string): Runtime | undefined {
  if (FOREIGN.test(handler)) return undefined;
  return KNOWN.find(([pattern]) => pattern.test(handler))?.[1] ?? 'runc';
}
