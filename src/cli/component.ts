import { type Logger, pino } from 'pino';
import { KubeClient, type Observe } from '../kube/client.ts';
import { loadConnection } from '../kube/config.ts';
import { version } from './version.ts';

/** What agent, operator and webhook have in common: a log of JSON lines, a client, and an end by signal. */
export interface Component {
  readonly log: Logger;
  readonly client: KubeClient;
  readonly stop: AbortController;
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
  const client = new KubeClient(loadConnection(kubeconfig === undefined ? {} : { kubeconfig }), {
    userAgent: `syscribe-${name}/${version()}`,
    observe,
  });
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
