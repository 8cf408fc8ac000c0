import { LRUCache } from 'lru-cache';
import { noSlot } from '../../recording/ebpf/node-recorder.ts';
import type { Reason } from '../../recording/observation.ts';
import type { PodObject } from '../pods/cluster.ts';
import type { ContainerIdentity, Identities } from '../pods/identities.ts';
import type { PodContainer } from '../pods/pod.ts';
import type { PodEvents } from '../pods/pod-events.ts';
import { type ContainerRecord, withRun } from './container-record.ts';
import type { Records } from './record-store.ts';

const MOST_KNOWN = 4096;
/** Milliseconds for which statuses of containers may come behind their ends. */
const LATE = 60_000;

export interface SlotlessParts {
  readonly identities: Pick<Identities, 'identify'>;
  readonly records: Records;
  readonly events: PodEvents;
  /** The records that a container's run belongs to; none where it is not to be recorded. */
  readonly recordsOf: (pod: PodObject, containerId: string, identity: ContainerIdentity) => readonly ContainerRecord[];
}

/** A container, with its pod. */
export interface Candidate {
  readonly pod: PodObject;
  readonly container: PodContainer;
}

/** One that runs, and why it is not recorded. */
export interface Refused extends Candidate {
  readonly why: Reason;
}

/** Containers that should be recorded and are not, most for want of a slot: their records say so, and go on once they are. */
export class Slotless {
  readonly #parts: SlotlessParts;
  readonly #slots: number;
  /** Containers that had a slot. */
  readonly #slotted = new LRUCache<string, true>({ max: MOST_KNOWN });
  #running: ReadonlySet<string> = new Set();
  #refused: number | undefined;
  #looked = Date.now();
  /** Milliseconds since the epoch between which containers found no slot, to within a look. */
  #short: { readonly from: number; readonly to: number } | undefined;

  constructor(parts: SlotlessParts, slots: number) {
    this.#parts = parts;
    this.#slots = slots;
  }

  /** Those that run. */
  get running(): ReadonlySet<string> {
    return this.#running;
  }

  /** It has a slot, or had. */
  slotted(id: string): void {
    this.#slotted.set(id, true);
  }

  /**
   * @param running those that run and are not recorded.
   * @param all of the pods that may be recorded.
   * @param refused how often the kernel found no slot, ever.
   */
  async tell(running: readonly Refused[], all: Iterable<Candidate>, refused: number): Promise<void> {
    const now = Date.now();
    this.#running = new Set(running.map(({ container }) => container.id));
    // What was counted before the first look is of another process's time.
    if (refused > (this.#refused ?? refused) || running.some(({ why }) => why.code === 'no-slot'))
      this.#short = { from: this.#short?.from ?? this.#looked, to: now };
    this.#refused = refused;
    this.#looked = now;
    for (const { why, ...candidate } of running) await this.#tell(candidate, why, false);
    if (this.#short === undefined) return;
    for (const candidate of [...all])
      if (this.#foundNone(candidate.container)) await this.#tell(candidate, noSlot(this.#slots), true);
    if (now > this.#short.to + LATE) this.#short = undefined;
  }

  /** Whether it ended since there was no slot, and had none. */
  #foundNone({ id, ended, endedAt = 0 }: PodContainer): boolean {
    if (!ended || !this.#short || this.#slotted.has(id)) return false;
    // Statuses tell ends in whole seconds.
    return endedAt >= this.#short.from - 1000;
  }

  async #tell({ pod, container: { id, name } }: Candidate, why: Reason, ended: boolean): Promise<void> {
    const { identities, records, events, recordsOf } = this.#parts;
    const identity = await identities.identify(id, pod.metadata.uid);
    if (!identity || identity.sandbox) return;
    const concerned = recordsOf(pod, id, identity).filter((record) => !record.ended.includes(id));
    if (concerned.length === 0) return;
    const run = { calls: [], reasons: [why] };
    for (const record of concerned) records.update(record, withRun(record, id, run, ended, Date.now()));
    const [event, remedy] =
      why.code === 'no-slot' ? ['NoSlot', ' Give the agent more (--slots).'] : ['NotRecorded', ''];
    events.tell(pod, 'Warning', event, `${name} is not recorded, or only from later on: ${why.message}.${remedy}`);
    if (ended) this.slotted(id);
  }
}
