import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../../kube/client.ts';
import { Pace } from '../../kube/debounce.ts';
import { isKube } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { ifStill } from '../../kube/if-still.ts';
import type { Log } from '../../kube/log.ts';
import type { KubeObject } from '../../kube/object.ts';
import { type Again, WorkQueue } from '../../kube/queue.ts';
import type { Informer } from '../../kube/reflector.ts';
import type { InstallationView } from '../profiles/view.ts';
import { Applied, unwanted } from './applied.ts';
import { coverage } from './coverage.ts';
import { AGENTS, agentsManifest, DAEMON_SETS } from './daemon-set.ts';
import { ENRICHERS, enricherNames } from './enricher-containers.ts';
import { type OperatorImage, operatorImage } from './image.ts';
import { namespaceAsOwner } from './owner.ts';
import { type Problem, problemsOf } from './problems.ts';
import { DEFAULT_SPEC } from './settings.ts';
import { daemonStatus, type Progress } from './status.ts';
import { DAEMONS, type DaemonObject, type DaemonView } from './watch.ts';
import { CONFIGURATION, CONFIGURATIONS, WEBHOOKS, webhookConfiguration } from './webhooks.ts';

/** Changes come in bursts, milliseconds. */
const GATHER = 300;
/** What the API server has refused is tried again, milliseconds: what it depends on may have changed. */
const AGAIN = 60_000;

const NO_IMAGE =
  'there is no Deployment security-profiles-operator in its namespace, of whose image agents are: install it';

export interface DaemonParts {
  readonly client: KubeClient;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  readonly view: DaemonView;
  /** Run by their owner. */
  readonly cluster: Pick<InstallationView, 'agents' | 'nodes'>;
}

export interface DaemonSettings {
  readonly namespace: string;
  readonly kubeletDirectory: string;
  /** Namespaces that are seen; undefined: all. */
  readonly restrictedTo?: readonly string[] | undefined;
}

/** The daemon object `spod`: the agents and the webhooks are as it says, and it says how far they are; only the leader acts. */
export class DaemonOperator {
  readonly #parts: DaemonParts;
  readonly #settings: DaemonSettings;
  readonly #queue: WorkQueue;
  readonly #pace = new Pace();
  readonly #agents: Applied;
  readonly #webhooks: Applied;
  #image: OperatorImage | undefined;
  #owner: KubeObject['metadata']['ownerReferences'];
  #leading = false;

  constructor(parts: DaemonParts, settings: DaemonSettings) {
    this.#parts = parts;
    this.#settings = settings;
    const { client, log, cluster } = parts;
    this.#agents = new Applied(client, DAEMON_SETS);
    this.#webhooks = new Applied(client, CONFIGURATIONS);
    this.#queue = new WorkQueue((_, { signal }) => this.reconcile(signal), {
      client,
      backoff: { base: 500, cap: 60_000 },
      onError: (error, { retryIn }) => log.warn({ error, retryIn }, 'the daemon object is not acted on'),
    });
    for (const informer of this.#informers) informer.onChange(() => this.#add());
    for (const informer of [cluster.agents, cluster.nodes]) informer.onChange(() => this.#add());
  }

  /** Caches, on every replica. */
  watch(signal: AbortSignal): Promise<unknown> {
    return Promise.all(this.#informers.map((informer) => informer.run(signal)));
  }

  /** The leader's work. */
  async lead(signal: AbortSignal): Promise<void> {
    const { agents, nodes } = this.#parts.cluster;
    await Promise.all([agents.synced, nodes.synced, ...this.#informers.map(({ synced }) => synced)]);
    this.#leading = true;
    this.#add();
    await this.#queue.run(signal);
  }

  async reconcile(signal: AbortSignal): Promise<Again | undefined> {
    const daemon = this.#parts.view.daemons.get(`${this.#settings.namespace}/${AGENTS}`);
    if (!daemon) {
      await this.#make(signal);
      return undefined;
    }
    const problems = problemsOf(daemon.spec);
    if (!problems.some(({ refused }) => refused)) problems.push(...(await this.#obey(daemon.spec, signal)));
    this.#tell(daemon, problems);
    const again = await this.#write(daemon, problems, signal);
    return again ?? (problems.some(({ refused }) => refused) ? { requeueAfter: AGAIN } : undefined);
  }

  get #informers(): readonly Pick<Informer, 'run' | 'synced' | 'onChange'>[] {
    return Object.values(this.#parts.view);
  }

  #add(): void {
    if (this.#leading) this.#queue.addAfter(AGENTS, GATHER);
  }

  /** Somebody else may have been quicker. */
  async #make(signal: AbortSignal): Promise<void> {
    const metadata = {
      name: AGENTS,
      namespace: this.#settings.namespace,
      labels: { app: 'security-profiles-operator' },
    };
    try {
      await this.#parts.client.create(DAEMONS, { metadata, spec: DEFAULT_SPEC } as KubeObject, { signal });
    } catch (error) {
      if (!isKube(error, 'alreadyExists')) throw error;
    }
  }

  /** Each once, however often it is looked at. */
  #tell({ metadata: { name, namespace, uid }, status }: DaemonObject, problems: readonly Problem[]): void {
    const said = status?.conditions?.find(({ type }) => type === 'Accepted')?.message ?? '';
    for (const { field, message, refused } of problems) {
      if (said.includes(`${field}: ${message}`)) continue;
      const regarding = {
        ...{ apiVersion: 'security-profiles-operator.x-k8s.io/v1', kind: DAEMONS.kind, name },
        ...(namespace !== undefined && { namespace }),
        ...(uid !== undefined && { uid }),
      };
      const reason = refused ? 'CannotUpdateSPOD' : 'NotSupported';
      this.#parts.events.event(regarding, 'Warning', reason, `${field}: ${message}`);
    }
  }

  /** Makes the cluster as the object wants it. @returns what the API server refuses of that. */
  async #obey(spec: DaemonObject['spec'], signal: AbortSignal): Promise<Problem[]> {
    const { client, cluster, view } = this.#parts;
    const { namespace } = this.#settings;
    this.#image ??= await operatorImage(client, namespace, signal);
    if (!this.#image) return [{ field: 'spec', message: NO_IMAGE, refused: true }];
    const manifest = agentsManifest(spec, { ...this.#settings, ...this.#image });
    const set = cluster.agents.get(`${namespace}/${AGENTS}`);
    const containers = unwanted(set?.containers ?? [], ENRICHERS, enricherNames(spec));
    await this.#agents.drop(set, '/spec/template/spec/containers', containers, signal);
    const agents = await unlessRefused(
      'spec',
      'correct daemonResourceRequirements, scheduling or imagePullSecrets',
      () => this.#agents.apply(manifest, set, signal),
    );
    if (spec.webhook?.staticConfig) return agents;
    this.#owner ??= await namespaceAsOwner(client, namespace, signal);
    const { metadata, ...rest } = webhookConfiguration(spec, namespace, this.#settings.restrictedTo);
    const wanted = { metadata: { ...metadata, ownerReferences: this.#owner }, ...rest };
    const configuration = view.configurations.get(CONFIGURATION);
    const names = configuration?.webhooks.map(({ name }) => name) ?? [];
    const left = unwanted(
      names,
      WEBHOOKS,
      wanted.webhooks.map(({ name }) => name),
    );
    await this.#webhooks.drop(configuration, '/webhooks', left, signal);
    const webhooks = await unlessRefused('spec.webhook.options', 'correct the selectors', () =>
      this.#webhooks.apply(wanted, configuration, signal),
    );
    return [...agents, ...webhooks];
  }

  async #write(daemon: DaemonObject, problems: readonly Problem[], signal: AbortSignal): Promise<Again | undefined> {
    const { cluster, view } = this.#parts;
    const covered = new Set([...view.agentPods.list()].filter(({ ready }) => ready).map(({ node }) => node));
    const facts = {
      problems,
      progress: this.#progress(),
      trusted: daemon.spec.webhook?.staticConfig === true || this.#trusted,
      coverage: coverage(cluster.nodes.list(), covered),
    };
    const status = daemonStatus(daemon, facts, new Date());
    if (isDeepStrictEqual(status, daemon.status)) return undefined;
    // Agents come and go: how many of them is not told at once.
    const wait = this.#pace.wait(AGENTS, isDeepStrictEqual(outlineOf(status), outlineOf(daemon.status)));
    if (wait > 0) return { requeueAfter: wait };
    const { name, namespace } = daemon.metadata;
    const options = { type: 'merge', subresource: 'status', signal } as const;
    await ifStill(() => this.#parts.client.patch(DAEMONS, { name, namespace }, { status }, options));
    return undefined;
  }

  get #trusted(): boolean {
    const webhooks = this.#parts.view.configurations.get(CONFIGURATION)?.webhooks ?? [];
    const ours = webhooks.filter(({ name }) => WEBHOOKS.includes(name));
    return ours.length > 0 && ours.every(({ trusted }) => trusted);
  }

  #progress(): Progress | undefined {
    const set = this.#parts.cluster.agents.get(`${this.#settings.namespace}/${AGENTS}`);
    if (!set) return undefined;
    const {
      observedGeneration = 0,
      desiredNumberScheduled = 0,
      updatedNumberScheduled = 0,
      numberReady = 0,
    } = set.status ?? {};
    // What was applied may not have come back yet.
    const generation = Math.max(set.metadata.generation ?? 0, this.#agents.generation);
    return {
      observed: observedGeneration >= generation,
      desired: desiredNumberScheduled,
      updated: updatedNumberScheduled,
      ready: numberReady,
    };
  }
}

/**
 * What the API server alone looks at: resources, affinity, selectors. Of what does not even have its type's form it says
 * so with status 500.
 */
async function unlessRefused(field: string, remedy: string, attempt: () => Promise<void>): Promise<Problem[]> {
  try {
    await attempt();
    return [];
  } catch (error) {
    const formless =
      isKube(error, 'retryable') && /failed to (create typed patch|convert new) object/.test(error.message);
    if (!formless && !isKube(error, 'invalid')) throw error;
    return [{ field, message: `${error.message}: ${remedy}`, refused: true }];
  }
}

function outlineOf(status: DaemonObject['status']): unknown {
  const conditions = status?.conditions?.map(({ message: _, lastTransitionTime: __, ...rest }) => rest);
  return { state: status?.state, conditions };
}
