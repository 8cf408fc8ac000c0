import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { lingering, pause, untilAborted, waitFor } from '../platform/wait.ts';
import { runTogether, startComponent } from './component.ts';
import { EXIT } from './exit.ts';
import { parseAddress } from './values.ts';

interface Options {
  readonly kubeconfig?: string;
  readonly namespace: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly health: { readonly host: string; readonly port: number };
  readonly certificates: 'own' | 'cert-manager';
}

const HELP = `
Certificates are made, renewed and put into the webhook configurations and CustomResourceDefinitions by one of the
replicas; with --certificates cert-manager all that is cert-manager's.

Example:
  $ syscribe webhook --namespace security-profiles-operator`;

/** Milliseconds: an object that is installed again gets its caBundle within that time. */
const AGAIN = 30_000;
const RETRY = 2000;
/** So long it still answers when it is told to end: API servers hear of that later than it does, and try no other. */
const LEAVING = 5000;

export function register(program: Command): void {
  program
    .command('webhook')
    .description('prepares new pods for recording, binds profiles to them, and converts objects of older versions')
    .option('--kubeconfig <file>', 'how to reach the API server; default: the service account of the pod')
    .option(
      '--namespace <name>',
      'where Service, Secrets and lease are (or $OPERATOR_NAMESPACE)',
      process.env.OPERATOR_NAMESPACE ?? 'security-profiles-operator',
    )
    .option('--listen <address>', 'where the API server calls', parseAddress, { host: '0.0.0.0', port: 9443 })
    .option('--health <address>', 'where /healthz is', parseAddress, { host: '0.0.0.0', port: 8085 })
    .addOption(new Option('--certificates <who>', 'who makes them').choices(['own', 'cert-manager']).default('own'))
    .addHelpText('after', HELP)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
}

async function run(options: Options): Promise<number> {
  const { EventRecorder } = await import('../kube/events.ts');
  const { LeaderElection } = await import('../kube/lease.ts');
  const { HealthServer } = await import('../platform/health-server.ts');
  const { serviceNames } = await import('../webhook/certificates/issue.ts');
  const { rotate } = await import('../webhook/certificates/rotation.ts');
  const { ServedCertificate } = await import('../webhook/cluster/certificate.ts');
  const { ClusterCollaborators } = await import('../webhook/cluster/collaborators.ts');
  const { secretStore } = await import('../webhook/cluster/secrets.ts');
  const { isTrusting, TRUSTING_OBJECTS, trustStore, watchConfiguration } = await import('../webhook/cluster/trust.ts');
  const { webhookRoutes } = await import('../webhook/routes.ts');
  const { WebhookServer } = await import('../webhook/server.ts');
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
