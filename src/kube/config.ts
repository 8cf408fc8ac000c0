import { readFileSync, statSync } from 'node:fs';
import type { User } from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { SyscribeError } from '../platform/errors.ts';
import { type Choice, chooseTarget, type Material, type Surroundings, type Target } from './kubeconfig.ts';

/** The API server closes idle connections after 90 s; undici would after 4 s, and shake hands again for the next request. */
const IDLE = 60_000; // milliseconds
/** Behind load balancers that forget idle connections after a minute, a watch must not look idle. */
const PROBES_AFTER = 30_000; // milliseconds

interface Authorization {
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly dispatcher: Dispatcher;
}

/** Options of an authenticator of the kubeconfig package, as far as they are used. */
interface Filled {
  readonly headers: Record<string, string>;
  readonly cert?: string;
  readonly key?: string;
}

/**
 * The way to a cluster: address, credentials, and connections that all requests share. Files with certificates and tokens are
 * looked at before each request, as they are rotated under a running program; new certificates get new connections, and what
 * runs on the old ones goes on there.
 */
export class Connection implements AsyncDisposable {
  /** As the kubeconfig has it, without a slash at its end. */
  readonly server: string;
  readonly namespace: string;
  readonly origin: string;
  /** What of the server's address stands before each path; mostly empty. */
  readonly prefix: string;
  readonly #target: Target;
  readonly #files = new Map<string, { readonly state: string; readonly content: string }>();
  readonly #retired = new Set<Dispatcher>();
  #current: { readonly key: string; readonly dispatcher: Dispatcher } | undefined;
  #plugin = new ExecAuth();
  #asking: Promise<Filled> | undefined;
  #closed = false;

  constructor(target: Target) {
    this.server = target.server.replace(/\/+$/, '');
    const { origin, pathname } = new URL(this.server);
    this.origin = origin;
    this.prefix = pathname.replace(/\/+$/, '');
    this.namespace = target.namespace;
    this.#target = target;
  }

  /**
   * What the next request is to be sent with.
   * @throws Error of the file system, a plugin or an identity provider.
   */
  async authorize(): Promise<Authorization> {
    const { ca, certificate, key, token, user } = this.#target;
    // Requests that come at once wait for one answer: a plugin may open a browser.
    if (user) this.#asking ??= this.#ask(user).finally(() => (this.#asking = undefined));
    const filled = (await this.#asking) ?? { headers: {} };
    const bearer = this.#read(token)?.trim();
    const dispatcher = this.#dispatcher({
      ca: this.#read(ca),
      cert: filled.cert ?? this.#read(certificate),
      key: filled.key ?? this.#read(key),
    });
    const authorization = bearer === undefined ? undefined : { Authorization: `Bearer ${bearer}` };
    return { headers: { ...this.#target.headers, ...filled.headers, ...authorization }, dispatcher };
  }

  /** The server did not take the credentials: those that a plugin gave are not used again. */
  refused(): void {
    this.#plugin = new ExecAuth();
  }

  /** Ends all connections, and with them the requests that are on their way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const all = [...this.#retired, ...(this.#current ? [this.#current.dispatcher] : [])];
    this.#current = undefined;
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  async #ask(user: User): Promise<Filled> {
    const filled: Filled = { headers: {} };
    if (this.#plugin.isAuthProvider(user)) await this.#plugin.applyAuthentication(user, filled);
    else if (user.authProvider.name === 'oidc') {
      // It brings the generated client of all of Kubernetes' API (77 MiB): only for those who have it.
      const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
      await new OpenIDConnectAuth().applyAuthentication(user, filled);
    } else
      throw new SyscribeError('ERR_KUBE_CONFIG', `the auth-provider "${user.authProvider.name}" is not supported`, {
        remedy: 'Use its exec plugin, as kubectl does since 1.26.',
      });
    return filled;
  }

  #read(material: Material | undefined): string | undefined {
    if (material === undefined) return undefined;
    if ('data' in material) return Buffer.from(material.data, 'base64').toString();
    const { ino, mtimeMs, size } = statSync(material.file);
    const state = `${ino} ${mtimeMs} ${size}`;
    const known = this.#files.get(material.file);
    if (known?.state === state) return known.content;
    const content = readFileSync(material.file, 'utf8');
    this.#files.set(material.file, { state, content });
    return content;
  }

  #dispatcher(pem: { ca: string | undefined; cert: string | undefined; key: string | undefined }): Dispatcher {
    if (this.#closed) throw new Error('the connection is closed');
    const key = JSON.stringify(pem);
    if (this.#current?.key === key) return this.#current.dispatcher;
    if (this.#current) this.#retire(this.#current.dispatcher);
    const { serverName, insecure, proxy } = this.#target;
    const given = Object.entries(pem).filter(([, value]) => value !== undefined);
    const tls = {
      ...Object.fromEntries(given),
      ...(serverName !== undefined && { servername: serverName }),
      rejectUnauthorized: !insecure,
      keepAlive: true,
      keepAliveInitialDelay: PROBES_AFTER,
    };
    // HTTP/1.1: a connection that breaks takes one request with it, and not all watches.
    const options = { keepAliveTimeout: IDLE, allowH2: false };
    const dispatcher = proxy
      ? new ProxyAgent({ ...options, uri: proxy, requestTls: tls })
      : new Agent({ ...options, connect: tls });
    this.#current = { key, dispatcher };
    return dispatcher;
  }

  #retire(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    const forget = () => this.#retired.delete(dispatcher);
    // Fails when it is destroyed meanwhile.
    dispatcher.close().then(forget, forget);
  }
}

/**
 * The service account's where the program runs in a pod, unless a kubeconfig is named (here or by $KUBECONFIG).
 * @throws SyscribeError ERR_KUBE_CONFIG
 */
export function loadConnection(choice: Choice = {}, surroundings?: Surroundings): Connection {
  return new Connection(chooseTarget(choice, surroundings));
}
