import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import { SyscribeError } from './errors.ts';

const MAX_CONNECTIONS = 32;

export interface MetricsSettings {
  /** HTTPS with this certificate, as PEM; absent: HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Whether who comes with this `Authorization` may read a path: 200, or the status to refuse with. Absent: everybody may. */
  readonly authorize?: (authorization: string | undefined, path: string) => Promise<number>;
  /** Told of each answer. */
  readonly observe?: (status: number) => void;
}

interface Result {
  readonly status: number;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Offers registries' metrics over HTTP/1.1, one at each path. */
export class MetricsServer implements AsyncDisposable {
  readonly #server: ReturnType<typeof createServer> | SecureServer;
  readonly #registries: Readonly<Record<string, Registry>>;
  readonly #settings: MetricsSettings;

  private constructor(registries: Readonly<Record<string, Registry>>, settings: MetricsSettings) {
    this.#registries = registries;
    this.#settings = settings;
    const listener: RequestListener = (request, response) => void this.#answer(request, response);
    this.#server = settings.tls
      ? createSecureServer({ ...settings.tls, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] }, listener)
      : createServer(listener);
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** @throws SyscribeError ERR_LISTEN, ERR_CERTIFICATE */
  static async listen(
    { host, port }: { readonly host: string; readonly port: number },
    registries: Readonly<Record<string, Registry>>,
    settings: MetricsSettings = {},
  ): Promise<MetricsServer> {
    let server: MetricsServer;
    try {
      server = new MetricsServer(registries, settings);
    } catch (cause) {
      const remedy = 'Give a certificate and its key as PEM.';
      throw new SyscribeError('ERR_CERTIFICATE', 'the certificate of the metrics cannot be used', { cause, remedy });
    }
    try {
      await once(server.#server.listen(port, host), 'listening');
    } catch (cause) {
      throw new SyscribeError('ERR_LISTEN', `cannot offer metrics at ${host}, port ${port}`, {
        cause,
        remedy: 'Choose an address of this machine and a port that nobody else listens at.',
      });
    }
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** For connections made from now on. @throws where it cannot be used; the old one stays then. */
  renew(tls: NonNullable<MetricsSettings['tls']>): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext({ ...tls, minVersion: 'TLSv1.2' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?')[0] ?? '/';
    const registry = Object.hasOwn(this.#registries, path) ? this.#registries[path] : undefined;
    const { status, text = '', headers = {} } = await this.#result(request, path, registry);
    this.#settings.observe?.(status);
    response.writeHead(status, headers).end(text);
  }

  async #result(request: IncomingMessage, path: string, registry: Registry | undefined): Promise<Result> {
    if (!registry) return { status: 404, text: `metrics are at ${Object.keys(this.#registries).join(', ')}\n` };
    if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, headers: { Allow: 'GET, HEAD' } };
    try {
      const status = (await this.#settings.authorize?.(request.headers.authorization, path)) ?? 200;
      if (status !== 200) return { status, headers: status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {} };
      return { status, text: await registry.metrics(), headers: { 'Content-Type': registry.contentType } };
    } catch (error) {
      return { status: 500, text: `${(error as Error).message}\n` };
    }
  }
}
