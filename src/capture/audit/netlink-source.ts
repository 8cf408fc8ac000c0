import { waitFor } from '../../platform/wait.ts';
import type { AuditEvent } from './event.ts';
import { type Mark, prepareMark } from './marker.ts';
import { AuditSocket } from './socket.ts';
import type { AuditBatch, AuditSource, SourceCounts } from './source.ts';

const QUEUE_LIMIT = 100_000; // events
const IDLE = 200; // milliseconds: as for files
/** Milliseconds for which a mark of our own is waited for at the end. */
const PATIENCE = 1000;

/**
 * The kernel's audit multicast group. It reaches only the initial network namespace; a reader that is too slow loses
 * events, which are counted.
 */
export class NetlinkSource implements AuditSource, Disposable {
  readonly kind = 'netlink';
  readonly label = "the kernel's audit multicast group";
  readonly #socket: AuditSocket;
  readonly #limit: number;
  #queue: AuditEvent[] = [];
  #dropped = 0;
  #wake = Promise.withResolvers<void>();
  #ended = false;
  /** Overflows behind which a mark of our own was sent. */
  #marked = 0;
  #mark: { readonly is: Mark['is']; readonly came: PromiseWithResolvers<void> } | undefined;

  /**
   * Listens at once: what comes before {@link read} waits.
   * @throws SyscribeError ERR_AUDIT_SOURCE
   */
  constructor(settings: { readonly queueLimit?: number; readonly receiveBuffer?: number } = {}) {
    this.#limit = settings.queueLimit ?? QUEUE_LIMIT;
    this.#socket = new AuditSocket((events) => this.#add(events), settings.receiveBuffer);
  }

  async *read(signal: AbortSignal): AsyncGenerator<AuditBatch> {
    for (;;) {
      this.#wake = Promise.withResolvers<void>();
      if (signal.aborted) {
        await this.#tellLast();
        this.#flush();
      }
      const events = this.#queue;
      this.#queue = [];
      if (events.length > 0) yield { events };
      if (signal.aborted) break;
      if (this.#queue.length > 0) continue;
      if (await waitFor(this.#wake.promise, IDLE, signal)) continue;
      if (this.#socket.parser.waiting > 0) this.#flush();
      await this.#sendMark();
    }
    this.#ended = true;
  }

  counts(): SourceCounts {
    const { lines, parsed, unparsed } = this.#socket.parser.counts;
    const { missed, pending, first, last } = this.#socket.parser.gaps;
    return {
      lines,
      parsed,
      unparsed,
      gaps: missed + (this.#ended ? pending : 0),
      pending: this.#ended ? 0 : pending,
      overflows: this.#socket.overflows,
      dropped: this.#dropped,
      breaks: 0,
      firstSerial: first,
      lastSerial: last,
    };
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
  }

  /** Takes what is there; behind an overflow, up to a mark of our own. */
  async #tellLast(): Promise<void> {
    this.#socket.drain();
    await this.#sendMark();
    if (!this.#mark) return;
    await waitFor(this.#mark.came.promise, PATIENCE, new AbortController().signal);
    this.#socket.drain();
  }

  /**
   * How much was lost in an overflow is told by the number of the next event; where the log is silent afterwards, that is
   * one of our own. To be called when all that had room is read: before, there is none for the mark either.
   */
  async #sendMark(): Promise<void> {
    if (this.#socket.overflows === this.#marked) return;
    this.#marked = this.#socket.overflows;
    try {
      const mark = prepareMark();
      this.#mark = { is: mark.is, came: Promise.withResolvers() };
      await mark.make();
    } catch {
      this.#mark = undefined; // No child can be started: that something was lost is told, how much is not.
    }
  }

  #add(events: readonly AuditEvent[]): void {
    const mark = this.#mark;
    if (mark && events.some((event) => mark.is(event))) {
      this.#mark = undefined;
      mark.came.resolve();
    }
    const room = this.#limit - this.#queue.length;
    for (let next = 0; next < Math.min(room, events.length); next++) this.#queue.push(events[next] as AuditEvent);
    this.#dropped += Math.max(events.length - room, 0);
    this.#wake.resolve();
  }

  #flush(): void {
    const events: AuditEvent[] = [];
    this.#socket.parser.flush(events);
    this.#add(events);
  }
}
