import { waitFor } from '../../platform/wait.ts';
import { type Mark, prepareMark } from './marker.ts';
import type { AuditBatch, AuditSource, SourceCounts } from './source.ts';

const PATIENCE = 1000; // milliseconds
const MAX_ROUNDS = 30;

interface Awaited {
  readonly mark: Mark;
  readonly came: () => void;
}

/** A source whose reader can be waited for: the log is a queue, so a logged call of our own is its mark. */
export class MarkedSource implements AuditSource {
  readonly kind: AuditSource['kind'];
  readonly #source: AuditSource;
  readonly #awaited = new Set<Awaited>();

  constructor(source: AuditSource) {
    this.#source = source;
    this.kind = source.kind;
  }

  get label(): string {
    return this.#source.label;
  }

  counts(): SourceCounts {
    return this.#source.counts();
  }

  async *read(signal: AbortSignal): AsyncGenerator<AuditBatch> {
    for await (const batch of this.#source.read(signal)) {
      yield batch;
      // Whoever asks for the next batch is done with this one.
      for (const awaited of this.#awaited)
        if (batch.events.some((event) => awaited.mark.is(event))) {
          this.#awaited.delete(awaited);
          awaited.came();
        }
    }
  }

  /**
   * Waits until the reader is done with all that was logged before this call.
   * @returns false when the mark did not come within a second after the last record that did, or half a minute in all.
   */
  async settle(): Promise<boolean> {
    const arrived = Promise.withResolvers<void>();
    const awaited = { mark: prepareMark(), came: arrived.resolve };
    this.#awaited.add(awaited);
    await awaited.mark.make();
    let lines = -1;
    let came = false;
    for (let round = 0; round < MAX_ROUNDS && !came && lines !== this.counts().lines; round++) {
      lines = this.counts().lines;
      came = await waitFor(arrived.promise, PATIENCE);
    }
    this.#awaited.delete(awaited);
    return came;
  }
}
