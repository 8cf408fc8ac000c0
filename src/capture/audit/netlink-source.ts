import { waitFor } from '../../platform/wait.ts';
import type { AuditEvent } from './event.ts';
import { AuditSocket } from './socket.ts';
import type { AuditBatch, AuditSource, SourceCounts } from './source.ts';

const QUEUE_LIMIT = 100_000; // events
const IDLE = 200; // milliseconds: as for files

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
        this.#socket.drain();
        this.#flush();
      }
      const events = this.#queue;
      this.#queue = [];
      if (events.length > 0) yield { events };
      if (signal.aborted) break;
      if (this.#queue.length > 0) continue;
      if (!(await waitFor(this.#wake.promise, IDLE, signal)) && this.#socket.parser.waiting > 0) this.#flush();
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

  #add(events: readonly AuditEvent[]): void {
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
