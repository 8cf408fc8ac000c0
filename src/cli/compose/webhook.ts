import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { EventRecorder } from '../../kube/events.ts';
import { LeaderElection } from '../../kube/lease.ts';
import { HealthServer } from '../../platform/health-server.ts';
import { lingering, pause, untilAborted, waitFor } from '../../platform/wait.ts';
import { serviceNames } from '../../webhook/certificates/issue.ts';
import { rotate } from '../../webhook/certificates/rotation.ts';
import { ServedCertificate } from '../../webhook/cluster/certificate.ts';
import { ClusterCollaborators } from '../../webhook/cluster/collaborators.ts';
import { secretStore } from '../../webhook/cluster/secrets.ts';
import { isTrusting, TRUSTING_OBJECTS, trustStore, watchConfiguration } from '../../webhook/cluster/trust.ts';
import { webhookRoutes } from '../../webhook/routes.ts';
import { WebhookServer } from '../../webhook/server.ts';
import { runTogether, startComponent } from '../component.ts';
import { EXIT } from '../exit.ts';

export interface Options {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly health: { readonly host: string; readonly port: number };
  readonly certificates: 'own' | 'cert-manager';
}

/** Milliseconds: an object that is installed again gets its caBundle within that time. */
const AGAIN = 30_000;
const RETRY = 2000;
/** So long it still answers when it is told to end: API servers hear of that later than it does, and try no other. */
const LEAVING = 5000;

/** The webhooks, from their options on: what they are made of, and what runs. Gives its exit status. */
export async function run(options: Options): Promise<number> {
  const { namespace } = options;
  const { log, client, stop } = startComponent('webhook', options);
  await using _client = client;
  await using recording = new EventRecorder(client, { component: 'recording-webhook' });
  await using binding = new EventRecorder(client, { component: 'binding-webhook' });
  const certificate = new ServedCertificate(client, log, namespace);
  const collaborators = new ClusterCollaborators(client, { recording, binding }, log);
  let serving = false;
  await using _health = await HealthServer.listen(options.health, {
    webhook: () => {
      if (stop.signal.aborted) return 'it is ending';
      return serving ? undefined : 'there is no certificate yet';
    },
  });
  const parts = { secrets: secretStore(client, namespace), trust: trustStore(client), objects: TRUSTING_OBJECTS };
  // The operator makes the configuration: until it has its certificate, pods that are to be bound are refused.
  const configuration = watchConfiguration(client, log);
  let untrusting = Promise.withResolvers<void>();
  configuration.onChange((_, now) => now && !isTrusting(now) && untrusting.resolve());
  const keepCertificates = async (signal: AbortSignal) => {
    while (!signal.aborted) {
      try {
        untrusting = Promise.withResolvers();
        await rotate(parts, { names: serviceNames(namespace), mode: options.certificates });
        await waitFor(untrusting.promise, AGAIN, signal);
      } catch (error) {
        log.warn({ error }, 'certificates are not as they should be');
        await pause(RETRY, signal);
      }
    }
  };
  const serve = async (signal: AbortSignal) => {
    // Conversion needs no cache, and the caches need conversion where older objects are stored.
    await certificate.ready(signal);
    if (signal.aborted) return;
    await using server = await WebhookServer.listen(
      {
        routes: webhookRoutes(collaborators),
        certificate: certificate.asServed,
        failed: (what, error) => log.warn({ error }, `${what} failed`),
      },
      { ...options.listen },
    );
    serving = true;
    stop.signal.addEventListener('abort', () => server.leave(), { once: true });
    log.info({ port: server.port }, 'webhooks are served');
    await untilAborted(signal);
  };
  const election = new LeaderElection(client, {
    namespace,
    name: 'security-profiles-operator-webhook-lock',
    identity: `${hostname()}_${randomUUID()}`,
    log,
  });
  const left = lingering(stop.signal, LEAVING);
  await runTogether(stop, [
    () => certificate.run(left),
    () => collaborators.run(left),
    (signal) => configuration.run(signal),
    (signal) => election.run(signal, keepCertificates),
    () => serve(left),
  ]);
  return EXIT.ok;
}
