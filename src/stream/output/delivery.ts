import type { LogPosition } from '../../capture/audit/log-file.ts';
import { SyscribeError } from '../../platform/errors.ts';
import type { StreamBatch } from '../pipeline.ts';
import { writePosition } from '../position-file.ts';
import type { Filter } from './filter.ts';
import type { Format } from './formats.ts';
import { select } from './select.ts';

/** Milliseconds between two writes of the position: what came in between is given again after a kill. */
const KEEP = 1000;

/** Where lines go. */
export interface Output {
  write(lines: string, signal: AbortSignal): Promise<void>;
  /** What was written survives a loss of power. */
  sync(): Promise<void>;
}

export interface DeliverySettings {
  readonly filter: Filter;
  /** Milliseconds since the epoch before which events are not wanted. */
  readonly since: number;
  /** Where the position is kept. */
  readonly positionFile?: string;
  /** Told when the position cannot be kept, and once it can again. */
  readonly say: (text: string) => void;
}

/**
 * Events on their way out: filtered, made into lines, written. The position is kept only behind what has been written, so
 * every event comes out at least once, whatever happens in between.
 */
export class Delivery {
  delivered = 0;
  readonly #output: Output;
  readonly #format: Format;
  readonly #settings: DeliverySettings;
  readonly #since: string;
  #positions: { readonly at: number; readonly position: LogPosition }[] = [];
  #kept = 0;
  #failing = false;
  /** Ends with the last write: lines of one must not come between those of another. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(output: Output, format: Format, settings: DeliverySettings) {
    this.#output = output;
    this.#format = format;
    this.#settings = settings;
    this.#since = new Date(settings.since).toISOString();
  }

  /** @throws SyscribeError ERR_FILE_WRITE */
  async deliver({ events, position }: StreamBatch, signal: AbortSignal): Promise<void> {
    const now = Date.now();
    const { filter } = this.#settings;
    const wanted = select(
      events.filter((event) => event.time >= this.#since),
      filter,
    );
    this.delivered += wanted.length;
    await this.#write(this.#format.lines(wanted), signal);
    if (position && this.#settings.positionFile !== undefined) this.#positions.push({ at: now, position });
    await this.#keepDue();
  }

  /** Gives out what was kept back and is due; to be called every now and then. */
  async tick(signal: AbortSignal): Promise<void> {
    await this.#write(this.#format.due(false), signal);
    await this.#keepDue();
  }

  /**
   * Gives out all that was kept back, and keeps the position.
   * @throws SyscribeError ERR_FILE_WRITE
   */
  async finish(signal: AbortSignal): Promise<void> {
    await this.#write(this.#format.due(true), signal);
    await this.#keep();
  }

  async #write(lines: string, signal: AbortSignal): Promise<void> {
    if (lines === '') return;
    const written = this.#turn.then(() => this.#output.write(lines, signal));
    this.#turn = written.catch(() => {
      // Told to the one who writes.
    });
    await written;
  }

  /** A full disk is no reason to end: until the position can be kept, more would come again after a kill. */
  async #keepDue(): Promise<void> {
    if (this.#positions.length === 0 || Date.now() - this.#kept < KEEP) return;
    const { say, positionFile } = this.#settings;
    try {
      await this.#keep();
      if (this.#failing) say(`writing ${positionFile} again`);
      this.#failing = false;
    } catch (error) {
      if (!(error instanceof SyscribeError)) throw error;
      if (!this.#failing) say(`${error.message} (${codeOf(error)}): trying again`);
      this.#failing = true;
    }
  }

  async #keep(): Promise<void> {
    const { positionFile } = this.#settings;
    const { keptSince = Number.POSITIVE_INFINITY } = this.#format;
    const last = this.#positions.findLastIndex(({ at }) => at < keptSince);
    const safe = this.#positions[last];
    if (positionFile === undefined || !safe) return;
    this.#positions = this.#positions.slice(last);
    this.#kept = Date.now();
    await this.#output.sync();
    writePosition(positionFile, safe.position);
    this.#positions = this.#positions.slice(this.#positions.indexOf(safe) + 1);
  }
}

function codeOf({ cause }: SyscribeError): string | undefined {
  return (cause as NodeJS.ErrnoException).code;
}
