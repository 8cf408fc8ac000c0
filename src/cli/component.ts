import { type Logger, pino } from 'pino';
import { isDnsLabel } from '../api/names.ts';
import { KubeClient, type Observe } from '../kube/client.ts';
import { loadConnection } from '../kube/config.ts';
import { RestrictedClient } from '../kube/restricted.ts';
import { SyscribeError } from '../platform/errors.ts';
import { parseList } from './values.ts';
import { version } from './version.ts';

/** What agent, operator and webhook have in common: a log of JSON lines, a client, and an end by signal. */
export interface Component {
  readonly log: Logger;
  readonly client: KubeClient;
  readonly stop: AbortController;
}

/**
 * SPO's setting for an installation that may see some namespaces only; its own it always sees.
 * @returns undefined where it may see all.
 * @throws SyscribeError ERR_USAGE for what is no namespace's name.
 */
export function restrictedTo(env: NodeJS.ProcessEnv, own: string): string[] | undefined {
  const text = env.RESTRICT_TO_NAMESPACE || env.WATCH_NAMESPACE || '';
  const names = parseList(text);
  if (names.length === 0) return undefined;
  const wrong = names.find((name) => !isDnsLabel(name));
  if (wrong !== undefined)
    throw new SyscribeError('ERR_USAGE', `RESTRICT_TO_NAMESPACE: "${wrong}" is no namespace's name`, {
      remedy: 'Give names of namespaces with commas between them.',
    });
  return [...new Set([...names, own])];
}

export function startComponent(
  name: string,
  { kubeconfig, verbosity = 0 }: { readonly kubeconfig?: string; readonly verbosity?: number },
  count?: Observe,
): Component {
  const level = verbosity > 0 ? 'debug' : 'info';
  const log = pino({ name, level, serializers: { error: pino.stdSerializers.err } });
  // SPO's words.
  if (verbosity > 0) log.info({}, `Set logging verbosity to ${verbosity}`);
  const observe: Observe = (verb, path, status) => {
    count?.(verb, path, status);
    log.debug({ verb, path, status }, 'asked the API server');
  };
  const connection = loadConnection(kubeconfig === undefined ? {} : { kubeconfig });
  const settings = { userAgent: `syscribe-${name}/${version()}`, observe };
  const namespaces = restrictedTo(process.env, process.env.OPERATOR_NAMESPACE ?? connection.namespace);
  if (namespaces) log.info({ namespaces }, 'other namespaces are not seen');
  const client = namespaces
    ? new RestrictedClient(connection, { ...settings, namespaces })
    : new KubeClient(connection, settings);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      log.info({ signal }, 'ending');
      stop.abort();
    });
  return { log, client, stop };
}

/** Runs parts until the first of them ends or fails, then ends the others. */
export async function runTogether(
  stop: AbortController,
  parts: readonly ((signal: AbortSignal) => Promise<void>)[],
): Promise<void> {
  const running = parts.map((part) => part(stop.signal).finally(() => stop.abort()));
  const outcomes = await Promise.allSettled(running);
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failure) throw failure.reason;
}
