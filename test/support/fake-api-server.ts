import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { TLSSocket } from 'node:tls';
import { type KubeObject, keyOf, pathOf, type Resource } from '../../src/kube/object.ts';
import { Changes } from './changes.ts';
import { type Change, Objects, Refusal, type Stored } from './fake-api-objects.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Instead of what is right: an answer, the connection's end, or nothing ever. */
export type Fault = { status: number; headers?: Record<string, string>; body?: string } | 'reset' | 'silent';

interface Watch {
  readonly type: string;
  readonly asked: Asked;
  readonly response: ServerResponse;
}

interface Address {
  readonly type: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Speaks the API's protocol over real connections; what goes wrong is up to the test. */
export class FakeApiServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** Told at each request, and at each watch's begin and end. */
  readonly changes = new Changes();
  readonly objects = new Objects((change) => this.#spread(change));
  readonly watches = new Set<Watch>();
  readonly #faults: { readonly when: (asked: Asked) => boolean; readonly fault: Fault }[] = [];
  readonly #server: SecureServer | ReturnType<typeof createServer>;
  readonly #secure: boolean;
  #port = 0;
  /** Connections that were made. */
  connections = 0;
  /** Whose certificates came with them. */
  readonly subjects: string[] = [];
  /** Watches go on, and are told nothing. */
  mute = false;

  private constructor(tls?: { readonly key: string; readonly cert: string; readonly ca?: string }) {
    this.#secure = tls !== undefined;
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#receive(request, response);
    this.#server = tls
      ? createSecureServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false }, answer)
      : createServer(answer);
    this.#server.on(tls ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections += 1;
      if (socket instanceof TLSSocket) this.subjects.push(String(socket.getPeerCertificate().subject?.CN));
    });
  }

  static async start(tls?: {
    readonly key: string;
    readonly cert: string;
    readonly ca?: string;
  }): Promise<FakeApiServer> {
    const server = new FakeApiServer(tls);
    await server.open();
    return server;
  }

  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
  }

  /** Listens, behind close() at the same address as before. */
  async open(): Promise<void> {
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Away: new connections are refused, present ones reset. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.reset();
    await closed;
  }

  reset(): void {
    this.#server.closeAllConnections();
  }

  renew(tls: { readonly key: string; readonly cert: string }): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(tls);
  }

  /** The next request that fits fails. */
  fail(when: (asked: Asked) => boolean, fault: Fault): void {
    this.#faults.push({ when, fault });
  }

  put(resource: Resource, object: KubeObject & Record<string, unknown>): Stored {
    const type = pathOf(resource);
    const { namespace, name } = object.metadata;
    const there = this.objects
      .all(type)
      .some(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
    return there ? this.objects.replace(type, object) : this.objects.create(type, object);
  }

  remove(resource: Resource, key: string): void {
    this.objects.remove(pathOf(resource), key);
  }

  bookmark(): void {
    const object = { metadata: { resourceVersion: String(this.objects.version) } };
    this.send(JSON.stringify({ type: 'BOOKMARK', object }));
  }

  /** A line to every watch. */
  send(line: string): void {
    for (const { response } of this.watches) response.write(`${line}\n`);
  }

  /** As a server does when their time is over. */
  endWatches(): void {
    for (const { response } of this.watches) response.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close();
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', this.url);
    const { method = 'GET', headers } = request;
    const asked: Asked = { method, path: pathname, query: searchParams, headers, body: await text(request) };
    this.asked.push(asked);
    const index = this.#faults.findIndex(({ when }) => when(asked));
    const [fault] = index < 0 ? [] : this.#faults.splice(index, 1);
    if (fault?.fault === 'reset') request.socket.resetAndDestroy();
    else if (typeof fault?.fault === 'object') {
      const { status, headers: extra, body } = fault.fault;
      response.writeHead(status, extra).end(body);
    } else if (!fault) this.#answer(asked, response);
    this.changes.tell();
  }

  #answer(asked: Asked, response: ServerResponse): void {
    try {
      const address = addressOf(asked.path);
      if (asked.query.get('watch') === 'true') {
        this.#watch(asked, address, response);
        return;
      }
      const body = JSON.stringify(this.#do(asked, address));
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(body);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.code, { 'Content-Type': 'application/json' }).end(JSON.stringify(error.status));
    }
  }

  #do({ method, query, headers, body }: Asked, { type, namespace, name }: Address): object {
    const key = namespace === undefined ? (name ?? '') : `${namespace}/${name}`;
    const sent = body === '' ? {} : JSON.parse(body);
    switch (method) {
      case 'GET':
        return name === undefined ? this.#list(type, namespace, query) : this.objects.get(type, key);
      case 'POST':
        return this.objects.create(type, sent);
      case 'PUT':
        return this.objects.replace(type, sent);
      case 'PATCH':
        return this.#patch(type, key, sent, String(headers['content-type']).includes('merge-patch'));
      default:
        return this.objects.remove(type, key, sent.preconditions);
    }
  }

  /** A merge, or an apply by the one manager that there is: what it leaves away of labels and annotations goes. */
  #patch(type: string, key: string, sent: KubeObject & Record<string, unknown>, merge: boolean): object {
    const { uid, resourceVersion } = sent.metadata ?? {};
    const there = this.objects.all(type).find((object) => keyOf(object) === key);
    if (uid !== undefined && uid !== there?.metadata.uid) throw new Refusal(409, 'Conflict', 'another uid');
    if (!there && !merge) return this.objects.create(type, sent);
    const before = this.objects.get(type, key);
    const after = merge
      ? merged(before, sent)
      : { ...before, ...sent, metadata: { ...before.metadata, ...sent.metadata } };
    const { resourceVersion: _, ...metadata } = (after as Stored).metadata;
    const given = resourceVersion === undefined ? {} : { resourceVersion };
    return this.objects.replace(type, { ...(after as Stored), metadata: { ...metadata, ...given } });
  }

  #list(type: string, namespace: string | undefined, query: URLSearchParams): object {
    const limit = Number(query.get('limit')) || Number.POSITIVE_INFINITY;
    const [version = String(this.objects.version), from = '0'] = query.get('continue')?.split('/') ?? [];
    this.objects.since(type, Number(version));
    const all = this.objects.all(type).filter((object) => fits(object, namespace, query));
    const end = Number(from) + limit;
    // Objects of a core group do not say in a list what they are.
    const items = all.slice(Number(from), end).map(({ apiVersion: _version, kind: _kind, ...object }) => object);
    return {
      metadata: { resourceVersion: version, ...(end < all.length && { continue: `${version}/${end}` }) },
      items,
    };
  }

  #watch(asked: Asked, { type }: Address, response: ServerResponse): void {
    const missed = this.objects.since(type, Number(asked.query.get('resourceVersion')));
    const watch = { type, asked, response };
    response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
    this.watches.add(watch);
    response.on('close', () => {
      this.watches.delete(watch);
      this.changes.tell();
    });
    for (const change of missed) this.#show(watch, change);
  }

  #spread(change: Change): void {
    for (const watch of this.watches) if (watch.type === change.of) this.#show(watch, change);
  }

  #show({ asked, response }: Watch, { type, object }: Change): void {
    if (this.mute) return;
    if (fits(object, addressOf(asked.path).namespace, asked.query))
      response.write(`${JSON.stringify({ type, object })}\n`);
    // What is no longer selected is told as gone.
    else if (type === 'MODIFIED' && asked.query.get('labelSelector')?.startsWith('!'))
      response.write(`${JSON.stringify({ type: 'DELETED', object })}\n`);
  }
}

/** `/api/v1/namespaces/NS/pods/NAME/SUB` and the like. */
function addressOf(path: string): Address {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  const base = parts.splice(0, parts[0] === 'api' ? 2 : 3);
  const namespace = parts[0] === 'namespaces' && parts.length > 2 ? parts.splice(0, 2)[1] : undefined;
  return { type: `/${base.join('/')}/${parts[0]}`, namespace, name: parts[1] };
}

/** RFC 7396. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as object | undefined) };
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  return result;
}

function fits(object: Stored, namespace: string | undefined, query: URLSearchParams): boolean {
  if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
  const equal = (selector: string | null, value: (name: string) => unknown) =>
    (selector ?? '').split(',').every((part) => {
      const [name = '', wanted] = part.split('=');
      if (part === '') return true;
      if (part.startsWith('!')) return value(name.slice(1)) === undefined;
      return wanted === undefined ? value(name) !== undefined : value(name) === wanted;
    });
  const field = (name: string) =>
    name.split('.').reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], object);
  return (
    equal(query.get('labelSelector'), (name) => object.metadata.labels?.[name]) &&
    equal(query.get('fieldSelector'), field)
  );
}
