import type { Daemon } from '../../api/types.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import { enrichersOf } from './settings.ts';

type Spec = Daemon['spec'];

export const CONFIGURATION = 'spo-mutating-webhook-configuration';
export const CONFIGURATIONS: Resource = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'mutatingwebhookconfigurations',
  kind: 'MutatingWebhookConfiguration',
  namespaced: false,
};

/** SPO's names. */
const [BINDING, RECORDING, EXEC, DEBUG] = [
  'binding.spo.io',
  'recording.spo.io',
  'execmetadata.spo.io',
  'nodedebuggingpod.spo.io',
] as const;

/** All that there may be: by these the object's options name them. */
export const WEBHOOKS: readonly string[] = [BINDING, RECORDING, EXEC, DEBUG];

/** A pod that no webhook may keep from being made, whatever labels its namespace has. */
const SYSTEM = ['kube-system', 'kube-node-lease'];

interface Webhook {
  readonly name: string;
  readonly failurePolicy: string;
  readonly matchConditions?: readonly object[];
  readonly [field: string]: unknown;
}

export interface WebhookConfiguration extends KubeObject {
  readonly webhooks: readonly Webhook[];
}

/**
 * How the API server calls the webhooks. caBundle is left out: whoever owns the certificate writes it.
 * @param namespace where the webhooks are.
 * @param restrictedTo namespaces that they may see; undefined: all.
 */
export function webhookConfiguration(
  spec: Spec,
  namespace: string,
  restrictedTo?: readonly string[],
): WebhookConfiguration {
  const given = new Map((spec.webhook?.options ?? []).map((option) => [option.name, option]));
  const webhooks = [...podWebhooks(namespace), ...(enrichersOf(spec).json ? execWebhooks(namespace) : [])];
  return {
    metadata: { name: CONFIGURATION, labels: { app: 'security-profiles-operator' } },
    webhooks: webhooks.map((webhook) => {
      const { failurePolicy, namespaceSelector, objectSelector } = given.get(webhook.name) ?? {};
      const only = restrictedTo && { matchConditions: [...(webhook.matchConditions ?? []), within(restrictedTo)] };
      return {
        ...webhook,
        ...only,
        ...(failurePolicy !== undefined && { failurePolicy }),
        ...(namespaceSelector && { namespaceSelector }),
        ...(objectSelector && { objectSelector }),
      };
    }),
  };
}

function podWebhooks(namespace: string): Webhook[] {
  const both = {
    timeoutSeconds: 3,
    reinvocationPolicy: 'IfNeeded',
    // Events, none of them for a dry run.
    sideEffects: 'NoneOnDryRun',
    // A namespace's labels are whoever's may label it: what the cluster stands on is left out by name too.
    matchConditions: [notOfTheSystem(namespace)],
  };
  return [
    // Before recording: what this gives a container is stricter than the profile that logs, which recording leaves alone.
    {
      ...common(BINDING, namespace, '/mutate-v1-pod-binding'),
      ...both,
      // A pod that should have been bound does not run without its profile.
      failurePolicy: 'Fail',
      rules: [rule('CREATE', 'pods'), rule('UPDATE', 'pods/ephemeralcontainers')],
      namespaceSelector: labelled('spo.x-k8s.io/enable-binding', namespace),
    },
    {
      ...common(RECORDING, namespace, '/mutate-v1-pod-recording'),
      ...both,
      // No pod waits for a webhook that is dead. Recording by eBPF goes on without it; for recordings by Logs, which do not,
      // the policy recording-by-logs.spo.io refuses the pods that it has not seen. The API server cannot tell the two apart
      // here: neither selectors nor matchConditions know which recordings there are.
      failurePolicy: 'Ignore',
      rules: [rule('CREATE', 'pods')],
      namespaceSelector: labelled('spo.x-k8s.io/enable-recording', namespace),
    },
  ];
}

/** A shell that is started in a container is worth more than knowing by whom: these fail open. */
function execWebhooks(namespace: string): Webhook[] {
  const path = '/mutate-v1-exec-metadata';
  const both = { timeoutSeconds: 3, sideEffects: 'None', failurePolicy: 'Ignore' };
  return [
    {
      ...common(EXEC, namespace, path),
      ...both,
      rules: [rule('CONNECT', 'pods/exec'), rule('UPDATE', 'pods/ephemeralcontainers')],
      matchConditions: [notOfTheSystem(namespace)],
    },
    {
      ...common(DEBUG, namespace, path),
      ...both,
      rules: [rule('CREATE', 'pods')],
      objectSelector: { matchLabels: { 'app.kubernetes.io/managed-by': 'kubectl-debug' } },
    },
  ];
}

function common(name: string, namespace: string, path: string) {
  return {
    name,
    clientConfig: { service: { name: 'webhook-service', namespace, path, port: 443 } },
    admissionReviewVersions: ['v1', 'v1beta1'],
  };
}

function rule(operation: string, resource: string) {
  return { apiGroups: [''], apiVersions: ['v1'], operations: [operation], resources: [resource], scope: 'Namespaced' };
}

function labelled(label: string, namespace: string) {
  const values = [...SYSTEM, namespace];
  return {
    matchExpressions: [
      { key: label, operator: 'Exists' },
      { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values },
    ],
  };
}

function notOfTheSystem(namespace: string) {
  const names = [...SYSTEM, namespace].map((name) => `'${name}'`).join(', ');
  return { name: 'not-of-the-system', expression: `!(request.namespace in [${names}])` };
}

/** By condition, since who sets a selector of his own would lose one of these. */
function within(namespaces: readonly string[]) {
  const names = namespaces.map((name) => `'${name}'`).join(', ');
  return { name: 'seen', expression: `request.namespace in [${names}]` };
}
