import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SyscribeError } from '../platform/errors.ts';
import type { Budget, Hold } from './budget.ts';
import { type Answer, RequestError, readBody, refuse, within, writeBody } from './http.ts';
import { MOST_CONNECTIONS } from './memory.ts';

/** Answers what is asked at a path: body and answer are JSON. */
export interface Route {
  /** Bytes of a body, at most. */
  readonly limit: number;
  /** Where the memory for its requests comes from. */
  readonly budget: Budget;
  /** @param hold what else it needs memory for is taken there. */
  answer(body: Uint8Array, hold: Hold): Promise<Answer>;
}

export interface ServerCollaborators {
  readonly routes: Readonly<Record<string, Route>>;
  readonly certificate: {
    current(): { readonly key: string; readonly cert: string };
    /** @returns what ends it. */
    onChange(listener: () => void): () => void;
  };
  /** Told of each request that was answered. */
  readonly observe?: (path: string, status: number, seconds: number) => void;
  /** Told of what went wrong with one, or with a new certificate: the client is told only that it did. */
  readonly failed?: (what: string, error: unknown) => void;
}

export interface ServerSettings {
  /** Absent: every address of the machine. */
  readonly host?: string;
  readonly port?: number;
  /** Until this aborts. */
  readonly signal?: AbortSignal;
  /** Milliseconds for an answer. The API server gives us three seconds for a pod, and thirty for a conversion. */
  readonly deadline?: number;
}

const PLAIN = { 'Content-Type': 'text/plain; charset=utf-8' };
/** Clients of the API server's kind try again where they are told after how many seconds. */
const [BUSY, RETRY] = [503, { 'Retry-After': 1 }];
const STOPPING = 10_000; // milliseconds for what is under way when it is to end

/**
 * The webhooks' HTTPS server: HTTP/1.1, TLS 1.2 or newer. A new certificate holds for connections made from then on;
 * those that are open go on.
 */
export class WebhookServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #collaborators: ServerCollaborators;
  readonly #deadline: number;
  readonly #unsubscribe: () => void;
  #closing: Promise<void> | undefined;
  #leaving = false;

  private constructor(collaborators: ServerCollaborators, { deadline = 25_000 }: ServerSettings) {
    this.#collaborators = collaborators;
    this.#deadline = deadline;
    const { certificate } = collaborators;
    const secure = { ...certificate.current(), minVersion: 'TLSv1.2' } as const;
    const times = {
      handshakeTimeout: 10_000,
      headersTimeout: 10_000,
      keepAliveTimeout: 120_000,
      connectionsCheckingInterval: 5000,
    };
    this.#server = createServer({ ...secure, ...times, ALPNProtocols: ['http/1.1'] }, (request, response) => {
      void this.#answer(request, response);
    });
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#unsubscribe = certificate.onChange(() => this.#renew());
  }

  /** @throws SyscribeError ERR_LISTEN, ERR_CERTIFICATE */
  static async listen(collaborators: ServerCollaborators, settings: ServerSettings = {}): Promise<WebhookServer> {
    const { host, port = 9443, signal } = settings;
    let server: WebhookServer;
    try {
      server = new WebhookServer(collaborators, settings);
    } catch (cause) {
      const remedy = 'Remove the Secret webhook-server-cert: a new one is made.';
      throw new SyscribeError('ERR_CERTIFICATE', 'the webhooks’ certificate cannot be used', { cause, remedy });
    }
    try {
      await once(server.#server.listen({ port, ...(host !== undefined && { host }) }), 'listening');
    } catch (cause) {
      server.#unsubscribe();
      const remedy = 'Choose an address of this machine and a port that nobody else listens at.';
      throw new SyscribeError('ERR_LISTEN', `cannot serve webhooks at ${host ?? 'any address'}, port ${port}`, {
        cause,
        remedy,
      });
    }
    signal?.addEventListener('abort', () => void server[Symbol.asyncDispose](), { once: true });
    if (signal?.aborted) void server[Symbol.asyncDispose]();
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Answers on, and ends each connection behind its answer: a client that keeps one open would send its next request at the
   * very moment when this ends, and be told of a failure.
   */
  leave(): void {
    this.#leaving = true;
  }

  /** Takes no more connections, and lets what is under way come to its end, for ten seconds at most. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Goes on with the old one where the new one is of no use. */
  #renew(): void {
    try {
      this.#server.setSecureContext({ ...this.#collaborators.certificate.current(), minVersion: 'TLSv1.2' });
    } catch (error) {
      this.#collaborators.failed?.('certificate', error);
    }
  }

  async #close(): Promise<void> {
    this.#unsubscribe();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), STOPPING);
    await closed;
    clearTimeout(timer);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const path = request.url?.split('?')[0] ?? '/';
    const status = await this.#status(request, response, path);
    this.#collaborators.observe?.(status === 404 ? 'other' : path, status, (performance.now() - began) / 1000);
  }

  /** Answers, and gives the status of the answer. */
  async #status(request: IncomingMessage, response: ServerResponse, path: string): Promise<number> {
    const { routes, failed } = this.#collaborators;
    try {
      if (path === '/healthz') {
        response.writeHead(200, this.#headers(PLAIN)).end('ok');
        return 200;
      }
      const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
      if (route === undefined) throw new RequestError(404, 'there is nothing here');
      if (request.method !== 'POST') throw new RequestError(405, 'reviews are posted');
      await this.#review(request, response, route);
      return 200;
    } catch (error) {
      const known = error instanceof RequestError ? error : new RequestError(500, 'it went wrong: see the log', error);
      const { status, message } = known;
      if (status >= 500 && status !== BUSY) failed?.(path, error);
      // Half of an answer cannot be taken back.
      if (response.headersSent) response.destroy();
      else await refuse(request, response, { status, ...this.#headers(PLAIN), ...(status === BUSY && RETRY) }, message);
      return status;
    }
  }

  /** @throws RequestError 504 where it takes too long: what is then under way keeps its memory until it ends. */
  async #review(request: IncomingMessage, response: ServerResponse, route: Route): Promise<void> {
    const hold = route.budget.hold();
    const work = async () => {
      using _hold = hold;
      const body = await readBody(request, route.limit, hold);
      try {
        const answer = await route.answer(body, hold);
        if (response.headersSent) return;
        response.writeHead(200, this.#headers({ 'Content-Type': 'application/json' }, answer));
        await writeBody(response, answer, hold);
      } finally {
        // Given back at once, not when it is collected.
        (body.buffer as ArrayBuffer).transfer(0);
      }
    };
    try {
      await within(work(), this.#deadline);
    } finally {
      hold.cutOff();
    }
  }

  #headers(headers: OutgoingHttpHeaders, answer?: Answer): OutgoingHttpHeaders {
    return {
      ...headers,
      'X-Content-Type-Options': 'nosniff',
      ...(typeof answer === 'string' && { 'Content-Length': Buffer.byteLength(answer) }),
      ...((this.#leaving || this.#closing) && { Connection: 'close' }),
    };
  }
}
