import type { Owner } from '../../api/node-status.ts';
import type { NodeRollout } from '../../api/rollout.ts';
import type { Told } from './installation.ts';
import { NodeReport, type NodeReportParts } from './node-report.ts';
import { NodeStatuses } from './node-statuses.ts';

/** What this node tells of profiles: by a node status of each, as SPO does, or in its report where the operator says so. */
export class Statuses {
  readonly #each: NodeStatuses;
  readonly #report: NodeReport;

  constructor(parts: NodeReportParts) {
    this.#each = new NodeStatuses(parts);
    this.#report = new NodeReport(parts);
  }

  run(signal: AbortSignal): Promise<unknown> {
    return Promise.all([this.#each.run(signal), this.#report.run(signal)]);
  }

  get synced(): Promise<unknown> {
    return Promise.all([this.#each.synced, this.#report.synced]);
  }

  /** Told of a profile, by KIND/NAME, of which something else is told now, by whomever. */
  onChange(listener: (key: string) => void): void {
    this.#each.onChange(listener);
    this.#report.onChange(listener);
  }

  has(kind: string, name: string): boolean {
    return this.#each.has(kind, name) || this.#report.has(kind, name);
  }

  /** What was told last of a profile that is rolled out. */
  rollout(kind: string, name: string): NodeRollout | undefined {
    return this.#each.rollout(kind, name) ?? this.#report.rollout(kind, name);
  }

  /** @returns milliseconds until it may be written, where that is not now; a report sees to that itself. */
  async put(owner: Owner, told: Told, reported: boolean, signal: AbortSignal): Promise<number | undefined> {
    const { kind, name } = owner;
    if (!reported) {
      this.#report.remove(kind, name);
      return this.#each.put(owner, told, signal);
    }
    this.#report.put(owner, told);
    await this.#each.remove(kind, name, signal);
    return undefined;
  }

  async remove(kind: string, name: string, signal: AbortSignal): Promise<void> {
    this.#report.remove(kind, name);
    await this.#each.remove(kind, name, signal);
  }
}
