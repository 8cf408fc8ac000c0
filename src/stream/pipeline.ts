import type { Continuation } from '../capture/audit/log-file.ts';
import { isMark } from '../capture/audit/marker.ts';
import { auditStatus } from '../capture/audit/socket.ts';
import type { AuditSource, SourceCounts } from '../capture/audit/source.ts';
import type { ContainerDirectory } from '../container/directory.ts';
import { Enricher } from './enrich.ts';
import type { EnrichedEvent } from './event.ts';
import type { Processes } from './process-identity.ts';

export interface StreamBatch {
  readonly events: readonly EnrichedEvent[];
  /** Where to begin again once these events are safe. */
  readonly position?: Continuation;
}

export interface StreamCounts extends SourceCounts {
  /** Events whose process's container, or that it has none, could not be told. */
  readonly unresolved: number;
  /** Records that the kernel says it lost since the stream began; undefined where it may not be asked. */
  readonly kernelLost: number | undefined;
  /** Births and moves of processes that the kernel could not tell. */
  readonly processesLost: number;
}

export interface StreamSources {
  readonly source: AuditSource;
  readonly processes: Pick<Processes, 'identity' | 'update' | 'lost'>;
  readonly containers: ContainerDirectory;
}

/** The audit events of a machine, each with the container it belongs to. */
export class AuditStream {
  readonly #sources: StreamSources;
  readonly #enricher: Enricher;
  readonly #lostBefore = auditStatus()?.lost;

  constructor(sources: StreamSources, settings: { readonly node: string }) {
    this.#sources = sources;
    this.#enricher = new Enricher(sources.processes.identity, sources.containers, settings);
  }

  async *read(signal: AbortSignal): AsyncGenerator<StreamBatch> {
    const { source, processes, containers } = this.#sources;
    for await (const { events, position } of source.read(signal)) {
      processes.update();
      const wanted = events.filter((event) => !isMark(event));
      const enriched = wanted.map((event) => this.#enricher.enrich(event));
      await containers.complete();
      yield { events: enriched, ...(position && { position }) };
    }
  }

  counts(): StreamCounts {
    const lost = auditStatus()?.lost;
    return {
      ...this.#sources.source.counts(),
      unresolved: this.#enricher.unresolved,
      kernelLost:
        lost === undefined || this.#lostBefore === undefined ? undefined : Math.max(lost - this.#lostBefore, 0),
      processesLost: this.#sources.processes.lost,
    };
  }
}
