import type { StateReason } from '../../../api/recording-state.ts';
import type { Account } from '../../audit/audit-log.ts';
import type { PodEvents } from '../../pods/pod-events.ts';
import { withRun } from '../container-record.ts';
import type { Records } from '../record-store.ts';
import type { Owned } from './owners.ts';
import type { LoggedRuns } from './runs.ts';

export interface FoldingParts {
  readonly runs: LoggedRuns;
  readonly records: Records;
  readonly events: PodEvents;
}

/** Brings what was collected of containers into their records. */
export class Folding {
  readonly #parts: FoldingParts;

  constructor(parts: FoldingParts) {
    this.#parts = parts;
  }

  /**
   * @param settled whether all that was logged of it has arrived; true as long as it runs.
   * @param more why it is not whole, beyond what the log tells.
   * @returns whether what is known is on disk.
   */
  update(
    { id, pod, container, ended, records }: Owned,
    account: Account | undefined,
    settled: boolean,
    more: readonly StateReason[] = [],
  ): boolean {
    const { calls, reasons } = this.#parts.runs.look(id, account, settled);
    const run = { calls, reasons: [...reasons, ...more] };
    const none = ended && records.every(({ current }) => (current[id]?.calls ?? run.calls).length === 0);
    if (none && this.#parts.runs.isMissed(id)) {
      const [reason] = run.reasons;
      this.#parts.events.tell(pod, 'Warning', 'NotRecorded', `${container} is not recorded: ${reason?.message}`);
    } else if (none) {
      const message = `nothing was logged of ${container}: it is privileged, or under another profile`;
      this.#parts.events.tell(pod, 'Warning', 'NothingLogged', message);
    }
    const safe = records.map(({ id: key }, index) => {
      // Another run of the container may have changed it since it was looked for.
      const record = this.#parts.records.get(key) ?? records[index];
      return !record || this.#parts.records.update(record, withRun(record, id, run, ended, Date.now()));
    });
    const kept = safe.every(Boolean);
    if (kept) this.#parts.runs.kept(id);
    return kept;
  }
}
