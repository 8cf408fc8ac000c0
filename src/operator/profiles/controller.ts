import { isDeepStrictEqual } from 'node:util';
import { FINALIZERS, LABELS } from '../../api/names.ts';
import type { Owner } from '../../api/node-status.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { ifStill } from '../../kube/if-still.ts';
import type { Log } from '../../kube/log.ts';
import type { KubeObject } from '../../kube/object.ts';
import { WorkQueue } from '../../kube/queue.ts';
import type { Informer } from '../../kube/reflector.ts';
import type { Limits } from '../../profile/seccomp/limits.ts';
import type { DaemonObject } from '../daemon/watch.ts';
import type { ProfileObject } from '../recordings/instances.ts';
import { Bindings } from './bindings.ts';
import { Profiles, type Statuses } from './reconciler.ts';
import { refusalOf } from './refusal.ts';
import type { Reporting } from './reporting.ts';
import { NODE_REPORTS } from './reports.ts';
import { type InstallationView, type NodeObject, NodeStatusIndex, nodesOf } from './view.ts';

/**
 * Nodes tell at about the same time: what they tell of one profile is looked at once, so many milliseconds later, and one more for
 * each node: to sum up 500 profiles of 1,000 nodes takes half a second.
 */
const GATHER = 200;
const WORKERS = 4;
const KIND = 'SeccompProfile';
/** Between what a key is of and the object's own. */
const PROFILE = 'profile ';
const BINDING = 'binding ';
const REPORT = 'report ';

export interface InstallationsParts {
  readonly client: KubeClient;
  readonly log: Log;
  readonly events: Pick<EventRecorder, 'event'>;
  /** Run by its owner. */
  readonly profiles: Informer<ProfileObject>;
  /** The daemon object, run by its owner too. */
  readonly daemons: Informer<DaemonObject>;
  readonly view: InstallationView;
  readonly reporting: Pick<Reporting, 'hold'>;
}

/** Where profiles are, and who has them, over all nodes; only the leader acts. */
export class Installations {
  readonly #parts: InstallationsParts;
  readonly #index: NodeStatusIndex;
  readonly #queue: WorkQueue;
  #leading = false;

  constructor(parts: InstallationsParts) {
    this.#parts = parts;
    const { client, log, profiles, daemons, view, events, reporting } = parts;
    this.#index = new NodeStatusIndex(view.statuses, (owner) => this.#changed(owner));
    const works = new Profiles({
      client,
      profile: (name) => profiles.get(name),
      statuses: (profile) => this.#of(profile),
      hold: (metadata) => reporting.hold(metadata),
      events,
      refusal: (profile) => refusalOf(profile, (name) => wholeOf(profiles.get(name)), limitsOf(daemons)),
      expected: () => nodesOf(view),
    });
    const bindings = new Bindings({
      client,
      binding: (key) => view.bindings.get(key),
      statuses: ({ spec: { profileRef } }) => {
        const profile = profileRef.kind === KIND ? profiles.get(profileRef.name) : undefined;
        return profile ? this.#of(profile).present : [];
      },
    });
    this.#queue = new WorkQueue(
      (key, { signal }) => {
        if (key.startsWith(PROFILE)) return works.reconcile(key.slice(PROFILE.length), signal);
        if (key.startsWith(REPORT)) return this.#sweep(key.slice(REPORT.length), signal);
        return bindings.reconcile(key.slice(BINDING.length), signal);
      },
      {
        concurrency: WORKERS,
        client,
        backoff: { base: 200, cap: 60_000 },
        onError: (error, { key, retryIn }) => log.warn({ key, error, retryIn }, 'not reconciled'),
      },
    );
    profiles.onChange((name, now) => {
      // Nodes tell of it once it is held.
      if (now && !now.metadata.finalizers?.includes(FINALIZERS.onNodes)) this.#addNow(PROFILE + name);
      else this.#add(PROFILE + name);
    });
    view.reports.onChange((profile) => this.#changed(profile));
    view.reports.informer.onChange((node) => this.#add(REPORT + node));
    view.bindings.onChange((key) => this.#add(BINDING + key));
    view.nodes.onChange((node, now, before) => {
      if (now?.metadata.uid === before?.metadata.uid || !before) return;
      this.#addProfiles();
      this.#add(REPORT + node);
    });
    daemons.onChange((_, now, before) => {
      if (!isDeepStrictEqual(now?.spec.security, before?.spec.security)) this.#addProfiles();
    });
    view.agents.onChange((_, now, before) => {
      if (now?.status?.desiredNumberScheduled !== before?.status?.desiredNumberScheduled) this.#addProfiles();
    });
  }

  /** Caches, on every replica. */
  watch(signal: AbortSignal): Promise<unknown> {
    return Promise.all(this.#informers.map((informer) => informer.run(signal)));
  }

  /** The leader's work. */
  async lead(signal: AbortSignal): Promise<void> {
    // A node that is not known yet must not be taken for one that is gone.
    const { profiles, daemons } = this.#parts;
    await Promise.all([profiles.synced, daemons.synced, ...this.#informers.map(({ synced }) => synced)]);
    this.#leading = true;
    this.#addProfiles();
    const { bindings, reports } = this.#parts.view;
    for (const { metadata } of bindings.list()) this.#add(`${BINDING}${metadata.namespace}/${metadata.name}`);
    for (const { metadata } of reports.informer.list()) this.#add(REPORT + metadata.name);
    await this.#queue.run(signal);
  }

  get stats() {
    return this.#queue.stats;
  }

  get #informers(): readonly Pick<Informer, 'run' | 'synced'>[] {
    const { reports, ...others } = this.#parts.view;
    return [reports.informer, ...Object.values(others)];
  }

  #of({ metadata: { name, uid = '' } }: KubeObject): Statuses {
    const { nodes, reports } = this.#parts.view;
    const owner = { kind: KIND, name, uid };
    const statuses = this.#index.of(owner);
    const present = statuses.filter((status) => isOf(status, nodes.get(status.spec.nodeName)));
    const gone = statuses.filter((status) => !present.includes(status));
    const reported = reports.of(owner, (report) => isOf(report, nodes.get(report.metadata.name)));
    // A node that changes over from one to the other has both.
    for (const { spec } of present) reported.delete(spec.nodeName);
    return { present: [...present, ...reported.values()], gone };
  }

  /** What a node reported that is gone. */
  async #sweep(node: string, signal: AbortSignal): Promise<undefined> {
    const { nodes, reports } = this.#parts.view;
    const report = reports.informer.get(node);
    if (!report || isOf(report, nodes.get(node))) return;
    const { name, uid } = report.metadata;
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await ifStill(() => this.#parts.client.delete(NODE_REPORTS, { name }, { ...preconditions, signal }));
  }

  #changed({ kind, name }: Pick<Owner, 'kind' | 'name'>): void {
    if (kind !== KIND) return;
    this.#add(PROFILE + name);
    for (const { metadata, spec } of this.#parts.view.bindings.list())
      if (spec.profileRef.kind === kind && spec.profileRef.name === name)
        this.#add(`${BINDING}${metadata.namespace}/${metadata.name}`);
  }

  #addProfiles(): void {
    for (const { metadata } of this.#parts.profiles.list()) this.#add(PROFILE + metadata.name);
  }

  #addNow(key: string): void {
    if (this.#leading) this.#queue.add(key);
  }

  #add(key: string): void {
    if (this.#leading) this.#queue.addAfter(key, GATHER + (nodesOf(this.#parts.view) ?? 0));
  }
}

/** What is still recorded is no base. */
function wholeOf(profile: ProfileObject | undefined): ProfileObject | undefined {
  return profile?.metadata.labels?.[LABELS.partial] === undefined ? profile : undefined;
}

/** There is one daemon object. */
function limitsOf(daemons: Informer<DaemonObject>): Limits {
  return [...daemons.list()][0]?.spec.security ?? {};
}

/** A status that is older than its node is of an earlier one of that name: its disk may be another. The agent writes it anew. */
function isOf({ metadata }: KubeObject, node: NodeObject | undefined): boolean {
  // Both are the API server's, in one form, which sorts as text.
  return node !== undefined && (metadata.creationTimestamp ?? '') >= (node.metadata.creationTimestamp ?? '');
}
