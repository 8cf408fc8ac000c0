/** What the API server's audit log tells of syscribe's own requests. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface ApiRequest {
  /** `agent`, `operator` or `webhook`. */
  readonly component: string;
  readonly verb: string;
  /** With its subresource: `seccompprofiles/status`. */
  readonly resource: string;
  readonly uri: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Of the answer. */
  readonly code: number;
}

interface Line {
  readonly stage: string;
  readonly verb: string;
  readonly userAgent?: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly responseStatus?: { readonly code?: number };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

/** Requests of components that came between two times; a watch counts when it begins, as nobody knows when it ends. */
export async function requestsIn(log: string, from = 0, to = Number.POSITIVE_INFINITY): Promise<readonly ApiRequest[]> {
  const requests: ApiRequest[] = [];
  for await (const text of createInterface({ input: createReadStream(log) })) {
    const request = read(text);
    if (request && request.at >= from && request.at <= to) requests.push(request);
  }
  return requests;
}

function read(text: string): ApiRequest | undefined {
  if (!text.includes('"userAgent":"syscribe-')) return undefined;
  const {
    stage,
    verb,
    userAgent = '',
    requestURI,
    requestReceivedTimestamp,
    responseStatus,
    objectRef = {},
  } = JSON.parse(text) as Line;
  const component = /^syscribe-(agent|operator|webhook)\//.exec(userAgent)?.[1];
  if (component === undefined || stage !== (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete'))
    return undefined;
  return {
    component,
    verb,
    resource: [objectRef.resource, objectRef.subresource].filter(Boolean).join('/') || requestURI,
    uri: requestURI,
    at: Date.parse(requestReceivedTimestamp),
    code: responseStatus?.code ?? 0,
  };
}

/** How many of each kind, the most frequent first: `agent create events`. */
export function countKinds(requests: readonly ApiRequest[]): [string, number][] {
  const groups = Map.groupBy(requests, ({ component, verb, resource }) => `${component} ${verb} ${resource}`);
  return [...groups].map(([kind, group]): [string, number] => [kind, group.length]).sort(([, a], [, b]) => b - a);
}

/** Lists of pods that name neither a namespace nor a node: what nobody may ask for in a large cluster. */
export function listsOfAllPods(requests: readonly ApiRequest[]): number {
  return requests.filter(
    ({ verb, resource, uri }) =>
      verb === 'list' &&
      resource === 'pods' &&
      !uri.includes('/namespaces/') &&
      !decodeURIComponent(uri).includes('spec.nodeName='),
  ).length;
}
