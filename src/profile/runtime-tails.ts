export const RUNTIMES = ['none', 'runc', 'crun', 'youki'] as const;
export type Runtime = (typeof RUNTIMES)[number];

/** Filled from measurements: what a runtime calls between loading the filter and the workload's exec. */
const TAILS: Readonly<Partial<Record<Runtime, readonly string[]>>> = {};

export function runtimeTail(runtime: Runtime): readonly string[] {
  return TAILS[runtime] ?? [];
}
