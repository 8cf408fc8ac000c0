/** What is there of the Security Profiles Operator, as far as it matters for whoever takes its place. */
export interface Spo {
  /** Who would write all of it anew: KIND NAMESPACE/NAME. */
  readonly olm: readonly string[];
  /** Its profiles have namespaces, as up to SPO 0.8. */
  readonly namespaced: boolean;
  /** What it is recording, or has not merged yet. */
  readonly recording: readonly string[];
  readonly operator: boolean;
  readonly agents: boolean;
  readonly webhook: boolean;
  /** Of its webhook configurations, those that ours has not. */
  readonly webhooks: readonly string[];
  /** cert-manager's objects for its certificates: KIND NAME. */
  readonly certificates: readonly string[];
  /** Bindings under our names to other roles, which cannot be changed: KIND NAME. */
  readonly bindings: readonly string[];
  /** Finalizers of nodes that are gone: PROFILE FINALIZER. */
  readonly stale: readonly string[];
  /** ReplicaSets of its webhook that no Deployment has, once ours serves. */
  readonly orphans: readonly string[];
  /** What is labelled as its, and nobody needs behind it. */
  readonly others: readonly string[];
}

export interface AdoptOptions {
  readonly certificates: 'own' | 'cert-manager';
}

export type Deed = 'webhooks' | 'operator' | 'agents' | 'webhook' | 'certificates' | 'bindings' | 'stale' | 'orphans';

export interface Adoption {
  readonly refusal?: { readonly message: string; readonly remedy: string };
  /** What has to end by itself first. */
  readonly waits: readonly string[];
  /** In this order; each with what it is about. */
  readonly deeds: readonly { readonly do: Deed; readonly about: readonly string[] }[];
  /** What is left to whoever asked. */
  readonly advice: readonly string[];
}

/** What has to be done so that ours can be applied over it, and takes over its profiles, recordings and bindings as they are. */
export function adoptionOf(spo: Spo, { certificates }: AdoptOptions): Adoption {
  const nothing = { waits: [], deeds: [], advice: [] };
  if (spo.olm.length > 0)
    return {
      refusal: {
        message: `the Operator Lifecycle Manager has installed it, and would write it anew: ${spo.olm.join(', ')}`,
        remedy:
          'Delete the Subscription, then the ClusterServiceVersion: profiles and their definitions stay. Then again.',
      },
      ...nothing,
    };
  if (spo.namespaced)
    return {
      refusal: {
        message: 'its profiles have namespaces (SPO 0.8 and older), which a definition cannot lose in place',
        remedy:
          'syscribe migrate export --out-file FILE; uninstall it with its definitions; install; syscribe migrate import FILE.',
      },
      ...nothing,
    };
  const deeds = [
    // What its webhook alone does goes; bindings are kept until ours serves.
    { do: 'webhooks', about: spo.webhooks },
    // It writes the others anew: it goes first of them.
    { do: 'operator', about: spo.operator ? ['Deployment security-profiles-operator'] : [] },
    { do: 'agents', about: spo.agents ? ['DaemonSet spod'] : [] },
    { do: 'webhook', about: spo.webhook ? ['Deployment security-profiles-operator-webhook'] : [] },
    { do: 'certificates', about: certificates === 'own' ? spo.certificates : [] },
    { do: 'bindings', about: spo.bindings },
    { do: 'stale', about: spo.stale },
    { do: 'orphans', about: spo.orphans },
  ] as const;
  const advice = [
    ...(spo.operator || spo.agents || spo.webhook
      ? ['now install (kubectl apply -k deploy), then adopt once more: that removes what is left']
      : []),
    ...(certificates === 'cert-manager' && spo.certificates.length > 0
      ? ['have the webhook leave certificates to cert-manager: webhook --certificates cert-manager']
      : []),
    ...(spo.others.length > 0
      ? [`nobody needs any more, delete it when you will not go back: ${spo.others.join(', ')}`]
      : []),
  ];
  return { waits: spo.recording, deeds: deeds.filter(({ about }) => about.length > 0), advice };
}

export interface Webhook {
  readonly name: string;
  readonly rules?: readonly { readonly operations?: readonly string[]; readonly resources?: readonly string[] }[];
  readonly objectSelector?: object;
}

const BINDING = 'binding.spo.io';

/**
 * Of SPO's webhooks the one for bindings alone, asked when pods are made and not when they change or go; its selector of objects
 * goes, too: what is applied over it says nothing of that, and would keep it.
 */
export function reduced(webhooks: readonly Webhook[]): Webhook[] {
  return webhooks
    .filter(({ name }) => name === BINDING)
    .map(({ objectSelector: _, ...webhook }) => {
      const pods = (webhook.rules ?? []).filter(({ operations = [] }) => operations.includes('CREATE'));
      return { ...webhook, rules: pods.map((rule) => ({ ...rule, operations: ['CREATE'] })) };
    });
}

/** SPO's: NODE-deleted, the node's name cut so that both are no longer than this. */
const MOST = 63;
const ENDING = '-deleted';

/** Finalizers of SPO's for nodes that are not there: a cut name is one of those that begin so. */
export function staleFinalizers(finalizers: readonly string[], nodes: readonly string[]): string[] {
  const present = new Set(nodes.map((node) => node.slice(0, MOST - ENDING.length) + ENDING));
  return finalizers.filter((one) => one.endsWith(ENDING) && !one.includes('/') && !present.has(one));
}
