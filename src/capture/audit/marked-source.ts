import { AwaitedMarks } from './marker.ts';
import type { AuditBatch, AuditSource, SourceCounts } from './source.ts';

/** A source whose reader can be waited for: the log is a queue, so a logged call of our own is its mark. */
export class MarkedSource implements AuditSource {
  readonly kind: AuditSource['kind'];
  readonly #source: AuditSource;
  readonly #marks = new AwaitedMarks();

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
      for (const event of batch.events) this.#marks.came(event);
    }
  }

  /**
   * Waits until the reader is done with all that was logged before this call.
   * @returns false where the mark did not come in time ({@link AwaitedMarks.settle}).
   */
  settle(): Promise<boolean> {
    return this.#marks.settle(() => this.counts().lines);
  }
}
