import type { LogPosition } from '../../capture/audit/log-file.ts';
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
    if (this.#positions.length > 0 && now - this.#kept >= KEEP) await this.#keep();
  }

  /** Gives out what was kept back and is due; to be called every now and then. */
  async tick(signal: AbortSignal): Promise<void> {
    await this.#write(this.#format.due(false), signal);
    if (this.#positions.length > 0 && Date.now() - this.#kept >= KEEP) await this.#keep();
  }

  /** Gives out all that was kept back, and keeps the position. */
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

  async #keep(): Promise<void> {
    const { positionFile } = this.#settings;
    const { keptSince = Number.POSITIVE_INFINITY } = this.#format;
    const last = this.#positions.findLastIndex(({ at }) => at < keptSince);
    const safe = this.#positions[last];
    if (positionFile === undefined || !safe) return;
    this.#positions = this.#positions.slice(last + 1);
    this.#kept = Date.now();
    await this.#output.sync();
    writePosition(positionFile, safe.position);
  }
}
