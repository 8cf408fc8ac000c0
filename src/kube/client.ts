import type { Dispatcher } from 'undici';
import { readAll, splitLines } from './body.ts';
import { abortable, Deadline, MONOTONIC, sleep } from './clock.ts';
import type { Connection } from './config.ts';
import { errorOfConnection, errorOfStatus, isKube, KubeError, type Status } from './errors.ts';
import { apiVersionOf, type KubeObject, pathOf, type Reference, type Resource } from './object.ts';

const TIMEOUT = 30_000; // milliseconds
const PAGE = 500;
/** Requests in a row that reached nobody: the server is away. One of several servers that is away is seldom met so often. */
const AWAY = 5;
/** Milliseconds: as client-go waits where the server throttles and does not say for how long. */
const PAUSE = 1000;
/** An object has 1.5 MiB at most in etcd; a page has 500. */
const ANSWER_LIMIT = 256 * 2 ** 20;
const LINE_LIMIT = 16 * 2 ** 20;

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds for this request, instead of the client's. */
  readonly timeout?: number;
}

export interface RequestOptions extends CallOptions {
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** Which objects of a type. */
export interface Selection {
  /** All namespaces, where it is not given. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  /** Of the whole list: what a watch goes on from. */
  readonly resourceVersion: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  /** Of a bookmark: nothing but the version. */
  readonly object: T;
}

export interface WatchOptions extends Selection {
  readonly resourceVersion: string;
  /** How long the server keeps it open. */
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
  /** Told when the server has accepted it, which may be long before the first event. */
  readonly opened?: () => void;
}

/** Told of each request: the status of its answer, 0 where there was none. */
export type Observe = (verb: Method | 'WATCH', path: string, status: number) => void;

interface List<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: T[] | null;
}

export interface ClientOptions {
  /** Milliseconds for a request. */
  readonly timeout?: number;
  readonly userAgent?: string;
  readonly observe?: Observe;
  /**
   * How often a request is sent again that the server has throttled, after the pause it asks for. For commands, which have no loop of their
   * own: the server also throttles for a second after a CRD was changed ("storage is (re)initializing").
   */
  readonly throttledRetries?: number;
}

/**
 * Asks the API server. By default nothing is tried again in here, not even a GET on a connection that was reset: components have
 * a loop with a back-off of their own (informer, queue, lease, events), and two of them, one inside the other, multiply the load on
 * a server in trouble and run past the deadline of a lease.
 *
 * Every method throws a {@link KubeError}, or the signal's reason where that aborted.
 */
export class KubeClient implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #timeout: number;
  readonly #userAgent: string;
  readonly #observe: Observe;
  readonly #throttledRetries: number;
  readonly #returned = new Set<() => void>();
  #unanswered = 0;

  constructor(
    connection: Connection,
    { timeout = TIMEOUT, userAgent = 'syscribe', observe = () => {}, throttledRetries = 0 }: ClientOptions = {},
  ) {
    this.#connection = connection;
    this.#throttledRetries = throttledRetries;
    this.#observe = observe;
    this.#timeout = timeout;
    this.#userAgent = userAgent;
  }

  /**
   * Calls back each time the server answers again that was away: whoever waits to ask again need not wait longer. One that takes
   * requests and does not answer them in time is in trouble, not away. Returns how to take that back.
   */
  onReturn(callback: () => void): () => void {
    this.#returned.add(callback);
    return () => this.#returned.delete(callback);
  }

  /** @param path below the server's address, `/api/v1/pods` for example. */
  async request<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    for (let left = this.#throttledRetries; ; left--)
      try {
        return await this.#request(method, path, options);
      } catch (error) {
        if (left === 0 || !isKube(error, 'throttled')) throw error;
        const { retryAfter = PAUSE } = error;
        if (retryAfter > this.#timeout) throw error;
        const { signal = new AbortController().signal } = options;
        await sleep(MONOTONIC, retryAfter, signal);
      }
  }

  async #request<T>(method: Method, path: string, options: RequestOptions): Promise<T> {
    const what = `${method} ${path}`;
    using deadline = this.#deadline(what, options);
    const response = await this.#send(what, method, path, options, deadline.signal);
    const text = await guard(what, deadline.signal, () => readAll(response.body, ANSWER_LIMIT));
    return parse<T>(what, text);
  }

  get<T extends KubeObject>(resource: Resource, reference: Reference, options?: CallOptions): Promise<T> {
    return this.request('GET', pathOf(resource, reference), options);
  }

  /**
   * A list, page by page: all pages are of one version. Throws kind `gone` when it has become too old meanwhile.
   * @param options.cached from the API server's memory (`resourceVersion=0`), as one page: what was written just now may not be in it yet. For
   *   what a thousand nodes ask at once: a list in pages is read from etcd, all objects of the type for the few of a label.
   */
  async *pages<T extends KubeObject>(
    resource: Resource,
    {
      namespace,
      limit = PAGE,
      cached = false,
      labelSelector,
      fieldSelector,
      ...call
    }: Selection & CallOptions & { readonly limit?: number; readonly cached?: boolean } = {},
  ): AsyncGenerator<Page<T>> {
    const path = pathOf(resource, { namespace });
    const how = cached ? { resourceVersion: 0 } : { limit };
    let next: string | undefined;
    do {
      const query = { labelSelector, fieldSelector, ...how, continue: next };
      const { metadata, items } = await this.request<Partial<List<T>>>('GET', path, { ...call, query });
      if (typeof metadata?.resourceVersion !== 'string') throw nonsense(`GET ${path}`, 'is no list');
      const page = items ?? [];
      // Within a list, objects of the core groups do not say what they are, unlike in a watch.
      for (const item of page) Object.assign(item, { apiVersion: apiVersionOf(resource), kind: resource.kind });
      yield { items: page, resourceVersion: metadata.resourceVersion };
      next = metadata.continue || undefined;
    } while (next !== undefined);
  }

  create<T extends KubeObject>(resource: Resource, object: T, options?: CallOptions): Promise<T> {
    const { namespace } = object.metadata;
    if (resource.namespaced && !namespace) throw new TypeError(`${resource.kind} without a namespace`);
    return this.request('POST', pathOf(resource, { namespace }), { ...options, body: typed(resource, object) });
  }

  /** Fails with kind `conflict` when the object's `resourceVersion` is no longer the present one. */
  replace<T extends KubeObject>(
    resource: Resource,
    object: T,
    { subresource, ...call }: CallOptions & { readonly subresource?: string } = {},
  ): Promise<T> {
    const path = pathOf(resource, { ...object.metadata, subresource });
    return this.request('PUT', path, { ...call, body: typed(resource, object) });
  }

  /** Server-side apply: `object` holds the fields that `fieldManager` owns, and those alone. */
  apply<T extends KubeObject>(
    resource: Resource,
    object: KubeObject,
    {
      fieldManager,
      force = true,
      subresource,
      ...call
    }: CallOptions & { readonly fieldManager: string; readonly force?: boolean; readonly subresource?: string },
  ): Promise<T> {
    return this.request('PATCH', pathOf(resource, { ...object.metadata, subresource }), {
      ...call,
      query: { fieldManager, force },
      body: typed(resource, object),
      contentType: 'application/apply-patch+yaml',
    });
  }

  patch<T extends KubeObject>(
    resource: Resource,
    reference: Reference,
    patch: object,
    { type, subresource, ...call }: CallOptions & { readonly type: 'json' | 'merge'; readonly subresource?: string },
  ): Promise<T> {
    return this.request('PATCH', pathOf(resource, { ...reference, subresource }), {
      ...call,
      body: patch,
      contentType: `application/${type === 'json' ? 'json-patch' : 'merge-patch'}+json`,
    });
  }

  /** Fails with kind `conflict` when it is another object by now. */
  async delete(
    resource: Resource,
    reference: Reference,
    {
      preconditions,
      ...call
    }: CallOptions & { readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } } = {},
  ): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions };
    await this.request('DELETE', pathOf(resource, reference), { ...call, body });
  }

  /**
   * What happens from a version on, with bookmarks, until the server ends it. An ERROR event is thrown.
   * Only the wait for the server's acceptance has a limit of time in here.
   */
  async *watch<T extends KubeObject>(
    resource: Resource,
    { namespace, signal, opened, ...options }: WatchOptions,
  ): AsyncGenerator<WatchEvent<T>> {
    const path = pathOf(resource, { namespace });
    const what = `watch of ${path}`;
    const query = { ...options, watch: true, allowWatchBookmarks: true };
    using deadline = this.#deadline(what, { signal });
    const { body } = await this.#send(what, 'GET', path, { query }, deadline.signal);
    deadline.lift();
    opened?.();
    const lines = splitLines(body, LINE_LIMIT);
    try {
      for (;;) {
        const { done, value } = await guard(what, deadline.signal, () => lines.next());
        if (done) return;
        const event = parse<WatchEvent<T> | { type: 'ERROR'; object: Status }>(what, value);
        if (event.type === 'ERROR') throw errorOfStatus(what, event.object?.code ?? 500, event.object);
        if (typeof event.object?.metadata !== 'object') throw nonsense(what, 'is no event');
        yield event;
      }
    } finally {
      body.on('error', () => {
        // Nobody reads it any more: destroying a body that has not ended is told as an error.
      });
      body.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]();
  }

  #answered(): void {
    const away = this.#unanswered >= AWAY;
    this.#unanswered = 0;
    if (away) for (const callback of [...this.#returned]) callback();
  }

  #deadline(what: string, { signal, timeout = this.#timeout }: CallOptions): Deadline {
    const silent = () => new KubeError('retryable', `${what}: no answer within ${timeout} ms`);
    return new Deadline(timeout, silent, signal);
  }

  async #send(
    what: string,
    method: Method,
    path: string,
    { query = {}, body, contentType = 'application/json' }: RequestOptions,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> {
    signal.throwIfAborted();
    const { headers, dispatcher } = await guard(what, signal, () => abortable(this.#connection.authorize(), signal));
    const verb = query.watch === true ? 'WATCH' : method;
    const asking = guard(what, signal, () =>
      dispatcher.request({
        origin: this.#connection.origin,
        path: `${this.#connection.prefix}${path}${queryOf(query)}`,
        method,
        signal,
        // Ours is the only limit: undici's would end a quiet watch.
        headersTimeout: 0,
        bodyTimeout: 0,
        headers: {
          ...headers,
          Accept: 'application/json',
          'User-Agent': this.#userAgent,
          ...(body !== undefined && { 'Content-Type': contentType }),
        },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    );
    asking.then(
      ({ statusCode }) => {
        this.#observe(verb, path, statusCode);
        this.#answered();
      },
      () => {
        this.#observe(verb, path, 0);
        if (!signal.aborted) this.#unanswered += 1;
      },
    );
    const response = await asking;
    if (response.statusCode >= 200 && response.statusCode < 300) return response;
    const text = await guard(what, signal, () => readAll(response.body, LINE_LIMIT));
    if (response.statusCode === 401) this.#connection.refused();
    throw errorOfStatus(what, response.statusCode, statusOf(text), String(response.headers['retry-after'] ?? ''));
  }
}

/** Makes whatever a connection's end throws a KubeError, but for the signal's own reason. */
async function guard<T>(what: string, signal: AbortSignal, attempt: () => Promise<T>): Promise<T> {
  try {
    return await attempt();
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw errorOfConnection(what, cause);
  }
}

/** Without the parser's own error: it quotes the text, which may be a secret's. */
function parse<T>(what: string, text: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw nonsense(what, `of ${text.length} characters is not JSON`);
  }
}

/** Of something in between, for example, that answers for the API server: it may be put right. */
function nonsense(what: string, how: string): KubeError {
  return new KubeError('retryable', `${what}: the answer ${how}`);
}

/** What stands between, a load balancer for example, answers with other texts. */
function statusOf(text: string): Status | undefined {
  try {
    const status = JSON.parse(text);
    return status?.kind === 'Status' ? status : undefined;
  } catch {
    return undefined;
  }
}

function typed<T extends KubeObject>(resource: Resource, object: T): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}

function queryOf(query: Query): string {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}
