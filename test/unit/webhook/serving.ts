import { once } from 'node:events';
import { type RequestOptions, request } from 'node:https';
import { Budget } from '../../../src/webhook/budget.ts';
import type { Pair } from '../../../src/webhook/certificates/issue.ts';
import { type Route, type ServerCollaborators, WebhookServer } from '../../../src/webhook/server.ts';

export const NAME = 'webhook-service.security-profiles-operator.svc';

/** A certificate that can be replaced. */
export class Certificate {
  #pair: Pair;
  readonly #listeners = new Set<() => void>();

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  current(): Pair {
    return this.#pair;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  replace(pair: Pair): void {
    this.#pair = pair;
    for (const listener of this.#listeners) listener();
  }
}

export function serve(
  certificate: Certificate,
  routes: Readonly<Record<string, Route>>,
  others: Partial<ServerCollaborators> & { signal?: AbortSignal; deadline?: number } = {},
): Promise<WebhookServer> {
  const { signal, deadline, ...collaborators } = others;
  const settings = { ...(signal && { signal }), ...(deadline !== undefined && { deadline }) };
  return WebhookServer.listen({ certificate, routes, ...collaborators }, { host: '127.0.0.1', port: 0, ...settings });
}

/** A route of texts. */
export function route(
  answer: (body: string) => Promise<string>,
  budget = new Budget(2 ** 20, 1000),
  limit = 100,
): Route {
  return { limit, budget, answer: (body) => answer(Buffer.from(body).toString()) };
}

/** What a route answers, without a server. */
export async function answerOf(routed: Route | undefined, body: string | Buffer): Promise<string> {
  using hold = new Budget(2 ** 30, 1000).hold();
  const answer = (await routed?.answer(Buffer.from(body), hold)) ?? '';
  return typeof answer === 'string' ? answer : [...answer].join('');
}

export interface Response {
  readonly status: number | undefined;
  readonly text: string;
  readonly version: string;
  readonly retryAfter?: string;
}

/** One request on a connection of its own, which verifies the server by `ca` as the API server does. */
export async function ask(
  port: number,
  path: string,
  ca: string,
  options: RequestOptions & { body?: string } = {},
): Promise<Response> {
  const { body, ...rest } = options;
  const sent = request({ host: '127.0.0.1', port, path, ca, servername: NAME, agent: false, method: 'POST', ...rest });
  sent.end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const part of response) text += part;
  const { 'retry-after': retryAfter } = response.headers;
  return { status: response.statusCode, text, version: response.httpVersion, ...(retryAfter && { retryAfter }) };
}
