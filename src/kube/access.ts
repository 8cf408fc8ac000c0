import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { KubeClient } from './client.ts';
import { type Clock, MONOTONIC } from './clock.ts';

/** Milliseconds for which an answer holds; somebody who has lost the right keeps it so long. */
const HOLDS = 60_000;
/** Refusals are asked again sooner: the right may have been given meanwhile. */
const HOLDS_REFUSAL = 10_000;
const MOST = 512;
/** Questions to the API server at once; tokens cost whoever sends them nothing. */
const AT_ONCE = 8;
/** What no token is longer than. */
const LONGEST = 16_384;

interface TokenReview {
  readonly status?: {
    readonly authenticated?: boolean;
    readonly user?: {
      readonly username?: string;
      readonly uid?: string;
      readonly groups?: readonly string[];
      readonly extra?: Readonly<Record<string, readonly string[]>>;
    };
  };
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

interface Answer {
  readonly status: Promise<number>;
  until: number;
}

/**
 * Whether the API server knows who comes with a bearer token (TokenReview) and allows him to get a path (SubjectAccessReview of
 * a nonResourceURL), as it is done for SPO's metrics.
 */
export class PathAccess {
  readonly #client: Pick<KubeClient, 'request'>;
  readonly #clock: Clock;
  readonly #answers = new LRUCache<string, Answer>({ max: MOST });
  #asking = 0;

  constructor(client: Pick<KubeClient, 'request'>, { clock = MONOTONIC }: { readonly clock?: Clock } = {}) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @returns 200, or what HTTP says to a refusal: 401, 403; 503 where the API server does not answer. */
  async status(authorization: string | undefined, path: string): Promise<number> {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined || token.length > LONGEST) return 401;
    // Not the token itself: what is in memory may get into a dump of it.
    const key = `${createHash('sha256').update(token).digest('base64')} ${path}`;
    const known = this.#answers.get(key);
    if (known && known.until > this.#clock.now()) return known.status;
    if (this.#asking >= AT_ONCE) return 503;
    const answer: Answer = { status: this.#ask(token, path), until: Number.POSITIVE_INFINITY };
    this.#answers.set(key, answer);
    const status = await answer.status;
    if (status === 503) this.#answers.delete(key);
    else answer.until = this.#clock.now() + (status === 200 ? HOLDS : HOLDS_REFUSAL);
    return status;
  }

  async #ask(token: string, path: string): Promise<number> {
    this.#asking += 1;
    try {
      const review = await this.#create<TokenReview>('authentication.k8s.io', 'TokenReview', { token });
      const { authenticated, user } = review.status ?? {};
      if (authenticated !== true || !user) return 401;
      const { username, uid, groups, extra } = user;
      const nonResourceAttributes = { path, verb: 'get' };
      const spec = { user: username, uid, groups, extra, nonResourceAttributes };
      const access = await this.#create<AccessReview>('authorization.k8s.io', 'SubjectAccessReview', spec);
      return access.status?.allowed === true ? 200 : 403;
    } catch {
      return 503; // Nobody is let in whom nobody vouches for; the client's errors are counted and logged by others.
    } finally {
      this.#asking -= 1;
    }
  }

  #create<T>(group: string, kind: string, spec: object): Promise<T> {
    const body = { apiVersion: `${group}/v1`, kind, spec };
    return this.#client.request('POST', `/apis/${group}/v1/${kind.toLowerCase()}s`, { body });
  }
}
