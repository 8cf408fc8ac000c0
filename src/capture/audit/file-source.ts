import { waitFor } from '../../platform/wait.ts';
import type { AuditEvent } from './event.ts';
import { blockOf } from './fields.ts';
import { Follower } from './follower.ts';
import { type Continuation, LogFile, type Start } from './log-file.ts';
import { AuditParser } from './parser.ts';
import type { AuditBatch, AuditSource, SourceCounts } from './source.ts';

/** Milliseconds without a new line after which an event is not waited for any more. */
const IDLE = 200;
/** Milliseconds between looks at a log that no change was told of: inotify(7) does not see a rename by another mount. */
const WATCHDOG = 500;

export interface FileSourceSettings {
  readonly kind?: 'file' | 'syslog';
  readonly start?: Start;
  /** End at the end of the log instead of following it. */
  readonly once?: boolean;
}

/** A log that auditd or syslog writes. Whoever consumes slowly holds up the reading: nothing is dropped here. */
export class FileSource implements AuditSource {
  readonly kind: 'file' | 'syslog';
  readonly label: string;
  readonly #path: string;
  readonly #once: boolean;
  readonly #log: LogFile;
  readonly #parser = new AuditParser();
  #ended = false;

  constructor(path: string, settings: FileSourceSettings = {}) {
    this.kind = settings.kind ?? 'file';
    this.label = path;
    this.#path = path;
    this.#once = settings.once ?? false;
    const start = settings.start ?? 'end';
    this.#log = new LogFile(path, start);
    if (typeof start === 'object' && 'inode' in start && start.serials) this.#parser.gaps.resume(start.serials);
  }

  /** @throws SyscribeError ERR_FILE_READ */
  async *read(signal: AbortSignal): AsyncGenerator<AuditBatch> {
    let wake = Promise.withResolvers<void>();
    using follower = new Follower(this.#path, () => wake.resolve());
    await using log = this.#log;
    const reached: { readonly position: Continuation; readonly begun: number }[] = [];
    await log.open();
    let safe = this.#position();
    // A reader that is killed before the first record goes on from where it began.
    if (safe) yield { events: [], position: safe };
    for (let idleSince = Date.now(); ; ) {
      if (!this.#once && !follower.watch()) follower[Symbol.dispose]();
      wake = Promise.withResolvers<void>();
      const events: AuditEvent[] = [];
      const block = signal.aborted ? undefined : await log.next();
      if (block) {
        this.#parser.parseLines(blockOf(block), events);
        idleSince = Date.now();
      } else if (this.#once || signal.aborted || Date.now() - idleSince >= IDLE) this.#parser.flush(events);
      const position = block && this.#position();
      if (position) reached.push({ position, begun: this.#parser.progress.begun });
      // A position is safe when all events are out that had begun before it.
      while (reached[0] && reached[0].begun <= this.#parser.progress.settled) safe = reached.shift()?.position;
      if (block || events.length > 0) yield { events, ...(safe && { position: safe }) };
      if (block) continue;
      if (this.#once || signal.aborted) break;
      await waitFor(wake.promise, this.#parser.waiting > 0 ? IDLE : WATCHDOG, signal);
    }
    this.#ended = true;
  }

  #position(): Continuation | undefined {
    const position = this.#log.position();
    const { serials } = this.#parser.gaps;
    return position && { ...position, ...(serials && { serials }) };
  }

  counts(): SourceCounts {
    const { lines, parsed, unparsed } = this.#parser.counts;
    const { missed, pending, first, last } = this.#parser.gaps;
    return {
      lines,
      parsed,
      unparsed: unparsed + this.#log.counts.tornLines,
      gaps: missed + (this.#ended ? pending : 0),
      pending: this.#ended ? 0 : pending,
      overflows: 0,
      dropped: 0,
      breaks: this.#log.counts.breaks,
      firstSerial: first,
      lastSerial: last,
    };
  }
}
