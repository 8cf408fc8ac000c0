import { GROUP } from '../api/crd.ts';
import { KINDS } from '../api/kinds.ts';
import { LABELS } from '../api/names.ts';
import type { Daemon } from '../api/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { isKube } from '../kube/errors.ts';
import { customResource, type KubeObject, NAMESPACES, NODES } from '../kube/object.ts';
import { DAEMON_SETS, DEPLOYMENTS, MUTATING } from '../kube/resources.ts';
import type { Findings } from './checks.ts';
import { all } from './list.ts';
import { OPERATOR, WEBHOOK } from './names.ts';
import { missingRights } from './rights.ts';
import { elsewhere, isUnconverted, misdirected, missingPolicies, unconverted } from './shared.ts';

const WORKLOADS = [OPERATOR, WEBHOOK];
const DAEMONS = customResource('securityprofilesoperatordaemons', 'SecurityProfilesOperatorDaemon', true);
const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);

const NONE: readonly KubeObject[] = [];

interface Discovered {
  readonly versions?: readonly { readonly version: string }[];
  readonly resources?: readonly { readonly name: string }[];
}

interface DaemonSet extends KubeObject {
  readonly status?: { readonly desiredNumberScheduled?: number; readonly numberReady?: number };
}

interface Deployment extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status?: { readonly readyReplicas?: number };
}

interface Configuration extends KubeObject {
  readonly webhooks?: readonly { readonly name: string; readonly clientConfig: ClientConfig }[];
}

interface ClientConfig {
  readonly caBundle?: string;
  readonly service?: { readonly namespace?: string };
}

/** Asks the cluster for all that {@link Findings} tell; what may not be asked is told too. */
export async function findOut(client: KubeClient): Promise<Findings> {
  const unasked: string[] = [];
  /** @returns undefined where it is forbidden, or needs a conversion that nobody does; `none` where it is not there. */
  const ask = async <T>(what: string, none: T, question: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await question();
    } catch (error) {
      if (isKube(error, 'notFound')) return none;
      if (isUnconverted(error)) return undefined;
      if (!isKube(error, 'forbidden')) throw error;
      unasked.push(what);
      return undefined;
    }
  };
  const inOurs = (name: string) => ({ namespace: OPERATOR, name });
  const agents = await ask('agents', { desired: 0, ready: 0 }, async () => {
    const { status } = await client.get<DaemonSet>(DAEMON_SETS, inOurs('spod'));
    return { desired: status?.desiredNumberScheduled ?? 0, ready: status?.numberReady ?? 0 };
  });
  const deployments = await Promise.all(
    WORKLOADS.map((name) =>
      ask(name, { name, wanted: 0, ready: 0 }, async () => {
        const { spec, status } = await client.get<Deployment>(DEPLOYMENTS, inOurs(name));
        return { name, wanted: spec.replicas ?? 1, ready: status?.readyReplicas ?? 0 };
      }),
    ),
  );
  const nodes = await ask('nodes', 0, async () => (await all(client, NODES)).length);
  const settings = await ask(
    'the daemon object',
    'there is no daemon object: the operator has not made it',
    async () => {
      const { status } = await client.get<Daemon & KubeObject>(DAEMONS, inOurs('spod'));
      const wrong = ['Accepted', 'Ready'].flatMap(
        (type) => status?.conditions?.find((one) => one.type === type && one.status !== 'True') ?? [],
      );
      return wrong[0] ? wrong[0].message || wrong[0].reason : '';
    },
  );
  const webhooks = await ask('webhooks', [], async () => {
    const { webhooks: found } = await client.get<Configuration>(MUTATING, {
      name: 'spo-mutating-webhook-configuration',
    });
    return (found ?? []).map(({ name, clientConfig: { caBundle, service } }) => ({
      name,
      trusted: Boolean(caBundle),
      namespace: service?.namespace ?? OPERATOR,
    }));
  });
  const recorded = await ask('namespaces', [], async () => {
    const found = await all(client, NAMESPACES, LABELS.enableRecording);
    return found.map(({ metadata }) => metadata.name);
  });
  const recordings = await ask('recordings', NONE, () => all(client, RECORDINGS));
  const waiting = new Set((recordings ?? []).map(({ metadata }) => metadata.namespace ?? ''));
  const kinds = await served(client);
  const installed = kinds.size > 0;
  return {
    kinds,
    wantedKinds: KINDS.map(({ plural }) => plural),
    agents,
    nodes,
    settings,
    deployments: deployments.filter((one) => one !== undefined),
    webhooks,
    rights: installed ? await ask('rights', [], () => missingRights(client)) : [],
    misdirected: await ask('definitions', [], () => misdirected(client)),
    unconverted: await ask('conversion', [], () => unconverted(client, kinds)),
    missingPolicies: installed ? await ask('policies', [], () => missingPolicies(client)) : [],
    elsewhere: await ask('other installations', [], () => elsewhere(client)),
    recorded,
    unlabelled: recorded ? [...waiting].filter((name) => !recorded.includes(name)).sort() : [],
    unasked,
  };
}

async function served(client: KubeClient): Promise<Map<string, string[]>> {
  const kinds = new Map<string, string[]>();
  let group: Discovered;
  try {
    group = await client.request<Discovered>('GET', `/apis/${GROUP}`);
  } catch (error) {
    if (isKube(error, 'notFound')) return kinds;
    throw error;
  }
  for (const { version } of group.versions ?? []) {
    const { resources = [] } = await client.request<Discovered>('GET', `/apis/${GROUP}/${version}`);
    for (const { name } of resources) kinds.set(name, [...(kinds.get(name) ?? []), version]);
  }
  return kinds;
}
