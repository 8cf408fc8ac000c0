import type { Abi } from '../kernel/abi.ts';
import type { Source } from './build.ts';

/** Who called what first, and whether that is all: written beside a profile, read by `explain`. */
export interface Evidence {
  readonly version: 1;
  readonly recorder: string;
  readonly complete: boolean;
  readonly reasons: readonly string[];
  readonly machine: string;
  readonly kernel: string;
  readonly started: string;
  readonly ended: string;
  readonly processes: number;
  readonly syscalls: readonly EvidenceCall[];
  readonly notes: readonly string[];
}

export interface EvidenceCall {
  readonly name: string;
  readonly abi: Abi;
  readonly number: number;
  readonly sources: readonly Source[];
  readonly first?: { readonly pid: number; readonly comm: string; readonly time: string };
}

export function renderEvidence(evidence: Evidence): string {
  return `${JSON.stringify(evidence, undefined, 2)}\n`;
}
