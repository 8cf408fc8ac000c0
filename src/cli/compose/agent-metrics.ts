import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { PathAccess } from '../../kube/access.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { MetricsServer } from '../../platform/metrics-server.ts';
import { pause, untilAborted } from '../../platform/wait.ts';

/** Milliseconds between looks at the certificate's files. */
const LOOK = 60_000;
/** Of a certificate that nobody verifies, since it is made anew at each start. */
const LIFE = 10 * 365 * 86_400_000;

export interface MetricsOptions {
  readonly metrics: { readonly host: string; readonly port: number } | false;
  readonly withInsecureMetricsAccess?: boolean;
  readonly metricsCertDir?: string;
}

interface Pair {
  readonly cert: string;
  readonly key: string;
}

interface Served extends AsyncDisposable {
  /** Takes over certificates that are renewed in their files. */
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Offers metrics as SPO does: HTTPS for those whom the API server allows to get the path, or plain HTTP for all.
 * @throws SyscribeError ERR_LISTEN, ERR_CERTIFICATE, ERR_FILE_READ
 */
export async function serveMetrics(
  { metrics, withInsecureMetricsAccess: insecure, metricsCertDir: directory }: MetricsOptions,
  registries: Readonly<Record<string, Registry>>,
  { client, log, observe }: { client: KubeClient; log: Log; observe: (status: number) => void },
): Promise<Served> {
  if (!metrics) return { run: (signal) => untilAborted(signal), [Symbol.asyncDispose]: async () => {} };
  const access = new PathAccess(client);
  let pair = directory === undefined ? await ownPair() : readPair(directory);
  const server = await MetricsServer.listen(metrics, registries, {
    observe,
    ...(!insecure && { tls: pair, authorize: (authorization, path) => access.status(authorization, path) }),
  });
  const look = () => {
    const now = readPair(directory as string);
    if (now.cert === pair.cert && now.key === pair.key) return;
    server.renew(now);
    pair = now;
  };
  return {
    run: async (signal) => {
      if (directory === undefined || insecure) return untilAborted(signal);
      while (!signal.aborted) {
        await pause(LOOK, signal);
        try {
          look();
        } catch (error) {
          // Half renewed, perhaps: the old one goes on.
          log.warn({ error }, 'the certificate of the metrics cannot be renewed');
        }
      }
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function ownPair(): Promise<Pair> {
  const { newAuthority, newLeaf } = await import('../../webhook/certificates/issue.ts');
  const now = Date.now();
  return newLeaf(await newAuthority(now, LIFE), [hostname()], now, LIFE);
}

function readPair(directory: string): Pair {
  try {
    const [cert, key] = ['tls.crt', 'tls.key'].map((name) => readFileSync(join(directory, name), 'utf8'));
    return { cert: cert ?? '', key: key ?? '' };
  } catch (cause) {
    throw new SyscribeError('ERR_FILE_READ', `cannot read tls.crt and tls.key in ${directory}`, {
      cause,
      remedy: 'Mount a Secret of type kubernetes.io/tls there, or leave --metrics-cert-dir away.',
    });
  }
}
