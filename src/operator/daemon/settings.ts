import { posix } from 'node:path';
import type { Daemon } from '../../api/types.ts';

type Spec = Daemon['spec'];

/** What the object is that the operator makes where there is none. */
export const DEFAULT_SPEC: Spec = {
  hostProcVolumePath: '/proc',
  enricher: { enableBpfRecorder: true, logEnricherSource: 'Auditd' },
  scheduling: { tolerations: [{ operator: 'Exists' }], priorityClassName: 'system-node-critical' },
};

/** Which parts an agent's pod has; all rights follow from these. */
export interface Enrichers {
  readonly bpf: boolean;
  readonly log: boolean;
  readonly json: boolean;
  /** The audit log is read of the kernel's group, not of auditd's file. */
  readonly netlink: boolean;
}

export function enrichersOf({ enricher = {} }: Spec): Enrichers {
  const { enableBpfRecorder: bpf = false, enableLogEnricher: log = false, enableJsonEnricher: json = false } = enricher;
  return { bpf, log, json, netlink: enricher.logEnricherSource === 'Netlink' && (log || json) };
}

/** Where the JSON enricher's file is. */
export interface LogFile {
  readonly directory: string;
  /** Whether that directory is the node's, or a volume that goes with the pod. */
  readonly onNode: boolean;
}

/** Directories of others below /var/log, which a volume must not hide from whoever reads them. */
const TAKEN = ['audit', 'containers', 'journal', 'pods'];

/** @returns undefined for a path that no volume may be mounted for. */
export function logFileOf(path: string): LogFile | undefined {
  const match = /^\/(var\/log|tmp)\/([\w.-]+)(\/[\w.-]+)+$/.exec(path);
  if (!match || posix.normalize(path) !== path || TAKEN.includes(match[2] ?? '')) return undefined;
  return { directory: posix.dirname(path), onNode: match[1] === 'var/log' };
}
