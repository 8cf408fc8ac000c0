import type { CallOptions, Page, Selection, WatchEvent, WatchOptions } from './client.ts';
import { KubeClient } from './client.ts';
import type { Connection } from './config.ts';
import { KubeError } from './errors.ts';
import { type KubeObject, NAMESPACES, type Resource } from './object.ts';

type Listing = Selection & CallOptions & { limit?: number };
type Part = Pick<Selection, 'namespace' | 'fieldSelector'>;

/**
 * Sees some namespaces alone, by the rights that it has there: what others ask of all namespaces it asks of each of these. Types
 * without namespaces it sees as they are.
 */
export class RestrictedClient extends KubeClient {
  readonly #namespaces: readonly string[];

  constructor(
    connection: Connection,
    {
      namespaces,
      ...settings
    }: { readonly namespaces: readonly string[] } & ConstructorParameters<typeof KubeClient>[1],
  ) {
    super(connection, settings);
    this.#namespaces = namespaces;
  }

  /** The version is that of the first list, which is the oldest: what a watch tells again from there on changes nothing. */
  override async *pages<T extends KubeObject>(resource: Resource, selection: Listing = {}): AsyncGenerator<Page<T>> {
    let resourceVersion: string | undefined;
    for (const part of this.#parts(resource, selection))
      for await (const page of super.pages<T>(resource, { ...selection, ...part })) {
        resourceVersion ??= page.resourceVersion;
        yield { ...page, resourceVersion };
      }
  }

  /**
   * Of several watches none knows how far the others are, so that there is no version from which all could be gone on with: no
   * bookmarks are told, and whoever watches has to list again when the first of them ends (kind `gone`).
   */
  override async *watch<T extends KubeObject>(
    resource: Resource,
    options: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const parts = this.#parts(resource, options);
    if (parts.length === 1) {
      yield* super.watch<T>(resource, { ...options, ...parts[0] });
      return;
    }
    using stop = new Stop(options.signal);
    let closed = parts.length;
    const opened = () => {
      closed -= 1;
      if (closed === 0) options.opened?.();
    };
    const watches = parts.map((part) =>
      super.watch<T>(resource, { ...options, ...part, signal: stop.signal, opened })[Symbol.asyncIterator](),
    );
    const next = (index: number) => watches[index]?.next().then((result) => ({ index, result }));
    const waiting = new Map(watches.map((_, index) => [index, next(index)]));
    try {
      for (;;) {
        const first = await Promise.race(waiting.values());
        if (!first || first.result.done)
          throw new KubeError(
            'gone',
            `watch of ${resource.plural} in ${parts.length} namespaces: one of them has ended`,
          );
        waiting.set(first.index, next(first.index));
        if (first.result.value.type !== 'BOOKMARK') yield first.result.value;
      }
    } finally {
      stop.end();
      await Promise.allSettled(waiting.values());
    }
  }

  #parts(resource: Resource, { namespace, fieldSelector }: Selection): Part[] {
    if (resource.plural === NAMESPACES.plural && resource.group === NAMESPACES.group)
      return this.#namespaces.map((name) => {
        const named = `metadata.name=${name}`;
        return { fieldSelector: fieldSelector === undefined ? named : `${fieldSelector},${named}` };
      });
    if (!resource.namespaced || namespace !== undefined) return [{}];
    return this.#namespaces.map((name) => ({ namespace: name }));
  }
}

/** Aborts with another signal, or when it is told to. */
class Stop implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal | undefined;
  readonly #follow = () => this.#controller.abort(this.#parent?.reason);

  constructor(parent: AbortSignal | undefined) {
    this.#parent = parent;
    parent?.addEventListener('abort', this.#follow);
    if (parent?.aborted) this.#follow();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    this.#controller.abort();
  }

  [Symbol.dispose](): void {
    this.#parent?.removeEventListener('abort', this.#follow);
  }
}
