import { isDeepStrictEqual } from 'node:util';
import { LABELS } from '../../api/names.ts';
import type { Owner } from '../../api/node-status.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import type { KubeObject } from '../../kube/object.ts';
import { WorkQueue } from '../../kube/queue.ts';
import type { Informer } from '../../kube/reflector.ts';
import type { Limits } from '../../profile/allowed.ts';
import type { DaemonObject } from '../daemon/watch.ts';
import type { ProfileObject } from '../instances.ts';
import { Bindings } from './bindings.ts';
import { Profiles } from './profiles.ts';
import { refusalOf } from './refusal.ts';
import { type InstallationView, type NodeObject, NodeStatusIndex, type NodeStatusObject } from './watch.ts';

/** Nodes tell at about the same time: what they tell of one profile is looked at once, milliseconds. */
const GATHER = 200;
const WORKERS = 4;
const KIND = 'SeccompProfile';
/** Between what a key is of and the object's own. */
const PROFILE = 'profile ';
const BINDING = 'binding ';

export interface InstallationsParts {
  readonly client: KubeClient;
  readonly log: Log;
  readonly events: Pick<EventRecorder, 'event'>;
  /** Run by its owner. */
  readonly profiles: Informer<ProfileObject>;
  /** The daemon object, run by its owner too. */
  readonly daemons: Informer<DaemonObject>;
  readonly view: InstallationView;
}

/** Where profiles are, and who has them, over all nodes; only the leader acts. */
export class Installations {
  readonly #parts: InstallationsParts;
  readonly #index: NodeStatusIndex;
  readonly #queue: WorkQueue;
  #leading = false;

  constructor(parts: InstallationsParts) {
    this.#parts = parts;
    const { client, log, profiles, daemons, view, events } = parts;
    this.#index = new NodeStatusIndex(view.statuses, (owner) => this.#changed(owner));
    const works = new Profiles({
      client,
      profile: (name) => profiles.get(name),
      statuses: (profile) => this.#of(profile),
      present: (status) => isOf(status, view.nodes.get(status.spec.nodeName)),
      events,
      refusal: (profile) => refusalOf(profile, (name) => wholeOf(profiles.get(name)), limitsOf(daemons)),
      expected: () => [...view.agents.list()][0]?.status?.desiredNumberScheduled,
    });
    const bindings = new Bindings({
      client,
      binding: (key) => view.bindings.get(key),
      statuses: ({ spec: { profileRef } }) => {
        const profile = profileRef.kind === KIND ? profiles.get(profileRef.name) : undefined;
        return profile ? this.#of(profile) : [];
      },
    });
    this.#queue = new WorkQueue(
      (key, { signal }) =>
        key.startsWith(PROFILE)
          ? works.reconcile(key.slice(PROFILE.length), signal)
          : bindings.reconcile(key.slice(BINDING.length), signal),
      {
        concurrency: WORKERS,
        backoff: { base: 200, cap: 60_000 },
        onError: (error, { key, retryIn }) => log.warn({ key, error, retryIn }, 'not reconciled'),
      },
    );
    profiles.onChange((name) => this.#add(PROFILE + name));
    view.bindings.onChange((key) => this.#add(BINDING + key));
    view.nodes.onChange((_, now, before) => {
      if (now?.metadata.uid !== before?.metadata.uid && before) this.#addProfiles();
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
    for (const { metadata } of this.#parts.view.bindings.list())
      this.#add(`${BINDING}${metadata.namespace}/${metadata.name}`);
    await this.#queue.run(signal);
  }

  get stats() {
    return this.#queue.stats;
  }

  get #informers(): readonly Pick<Informer, 'run' | 'synced'>[] {
    return Object.values(this.#parts.view);
  }

  #of({ metadata: { name, uid = '' } }: KubeObject): NodeStatusObject[] {
    return this.#index.of({ kind: KIND, name, uid });
  }

  #changed({ kind, name }: Owner): void {
    if (kind !== KIND) return;
    this.#add(PROFILE + name);
    for (const { metadata, spec } of this.#parts.view.bindings.list())
      if (spec.profileRef.kind === kind && spec.profileRef.name === name)
        this.#add(`${BINDING}${metadata.namespace}/${metadata.name}`);
  }

  #addProfiles(): void {
    for (const { metadata } of this.#parts.profiles.list()) this.#add(PROFILE + metadata.name);
  }

  #add(key: string): void {
    if (this.#leading) this.#queue.addAfter(key, GATHER);
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
function isOf({ metadata }: NodeStatusObject, node: NodeObject | undefined): boolean {
  // Both are the API server's, in one form, which sorts as text.
  return node !== undefined && (metadata.creationTimestamp ?? '') >= (node.metadata.creationTimestamp ?? '');
}
