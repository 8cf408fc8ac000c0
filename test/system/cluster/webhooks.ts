import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { CONVERTED_KINDS } from '../../../src/api/kinds.ts';
import { CONFIGURATIONS, webhookConfiguration } from '../../../src/operator/daemon/webhooks.ts';
import type { BindingCollaborators } from '../../../src/webhook/binding/handler.ts';
import { caBundle } from '../../../src/webhook/certificates/bundle.ts';
import { newAuthority, newLeaf } from '../../../src/webhook/certificates/issue.ts';
import type { RecordingCollaborators } from '../../../src/webhook/recording/handler.ts';
import { webhookRoutes } from '../../../src/webhook/routes.ts';
import { type Route, WebhookServer } from '../../../src/webhook/server.ts';
import type { TestCluster } from './use.ts';

export const CRDS = fileURLToPath(new URL('../../../deploy/crds/', import.meta.url));
export const WEBHOOK = fileURLToPath(new URL('../../../deploy/webhook/', import.meta.url));
export const GROUP = 'security-profiles-operator.x-k8s.io';
const ADDRESS = '127.0.0.1'; // The API server is a process of this machine.
const CONFIGURATION = 'mutatingwebhookconfiguration/spo-mutating-webhook-configuration';
/** Their places in it: a patch knows no names. */
const BINDING = '/webhooks/0';
const RECORDING = '/webhooks/1';

/** The webhooks of this tree, outside of the cluster, and what they told. */
export interface Webhooks {
  readonly server: WebhookServer;
  readonly told: readonly string[];
  /** In which versions pods were asked about. */
  readonly asked: readonly string[];
}

/** As the operator makes it where the daemon object says nothing about it. */
function configuration(): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: CONFIGURATIONS.kind,
    ...webhookConfiguration({}, 'security-profiles-operator'),
  };
}

/** Runs kubectl; a failure is one of the test's. */
export async function kubectlOf(cluster: TestCluster, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Installs definitions and policies, and has the API server call a server of ours by address instead of by Service. */
export async function installWebhooks(cluster: TestCluster): Promise<Webhooks> {
  const kubectl = (...args: string[]) => kubectlOf(cluster, args);
  await kubectl('apply', '-k', CRDS);
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  await kubectl('apply', '-k', WEBHOOK);
  await kubectlOf(cluster, ['apply', '-f', '-'], JSON.stringify(configuration()));
  const told: string[] = [];
  const asked: string[] = [];
  const list = async (plural: string, namespace: string) =>
    JSON.parse(await kubectl('get', `${plural}.v1.${GROUP}`, '-n', namespace, '-o', 'json')).items;
  const labels = async (name: string) =>
    JSON.parse(await kubectl('get', 'namespace', name, '-o', 'json')).metadata.labels;
  const profile = async ({ kind, name }: { readonly kind: string; readonly name: string }) => {
    const found = await kubectl('get', `${kind.toLowerCase()}s.v1.${GROUP}`, name, '--ignore-not-found', '-o', 'json');
    return found === '' ? undefined : JSON.parse(found);
  };
  const events: RecordingCollaborators['events'] & BindingCollaborators['events'] = {
    event: ({ metadata }: { readonly metadata: { readonly name: string } }, _: string, reason: string) =>
      told.push(`${metadata.name} ${reason}`),
  };
  const common = { namespaces: { labels }, events };
  const routes = webhookRoutes({
    recording: { ...common, recordings: { list: (namespace) => list('profilerecordings', namespace) } },
    binding: {
      ...common,
      bindings: { list: (namespace) => list('profilebindings', namespace) },
      profiles: { get: profile },
    },
  });
  const mutate = routes['/mutate-v1-pod-recording'];
  const answer: Route['answer'] = (body, hold) => {
    asked.push(JSON.parse(Buffer.from(body).toString()).apiVersion);
    return mutate.answer(body, hold);
  };
  const authority = await newAuthority(Date.now());
  const leaf = await newLeaf(authority, [ADDRESS], Date.now());
  // Closed where what follows fails: a test's process would not end.
  await using open = new AsyncDisposableStack();
  const server = await WebhookServer.listen(
    {
      routes: { ...routes, '/mutate-v1-pod-recording': { ...mutate, answer } },
      certificate: { current: () => leaf, onChange: () => () => {} },
      failed: (what, error) => told.push(`${what} ${error}`),
    },
    { host: ADDRESS, port: 0 },
  );
  open.use(server);
  const at = (path: string) => ({
    url: `https://${ADDRESS}:${server.port}${path}`,
    caBundle: caBundle(authority.cert),
  });
  await Promise.all(
    CONVERTED_KINDS.map(({ plural }) =>
      replace(cluster, `crd/${plural}.${GROUP}`, '/spec/conversion/webhook/clientConfig', at('/convert')),
    ),
  );
  await replace(cluster, CONFIGURATION, `${BINDING}/clientConfig`, at('/mutate-v1-pod-binding'));
  await replace(cluster, CONFIGURATION, `${RECORDING}/clientConfig`, at('/mutate-v1-pod-recording'));
  open.move();
  return { server, told, asked };
}

export async function replace(cluster: TestCluster, object: string, path: string, value: unknown): Promise<void> {
  const patch = JSON.stringify([{ op: 'replace', path, value }]);
  await kubectlOf(cluster, ['patch', object, '--type=json', '-p', patch]);
}

/** Has the API server call an address where nobody listens. */
export async function breakWebhook(cluster: TestCluster): Promise<void> {
  await replace(cluster, CONFIGURATION, `${RECORDING}/clientConfig/url`, `https://${ADDRESS}:1/nobody`);
}

export async function askInV1beta1(cluster: TestCluster): Promise<void> {
  await replace(cluster, CONFIGURATION, `${RECORDING}/admissionReviewVersions`, ['v1beta1']);
}
