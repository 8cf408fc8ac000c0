import { isDeepStrictEqual } from 'node:util';
import { denialsOf, sumDenials } from '../../api/denials.ts';
import { REPORTED } from '../../api/kinds/node-report.ts';
import { NODE_ROLLOUT } from '../../api/kinds/rollout.ts';
import type { Owner } from '../../api/node-status.ts';
import type { NodeRollout } from '../../api/rollout.ts';
import { nulls } from '../../api/schema.ts';
import type { NodeReport as Report } from '../../api/types.ts';
import { jittered } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { type Clock, MONOTONIC } from '../../kube/clock.ts';
import { isKube, postponed } from '../../kube/errors.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, isOlder, type KubeObject } from '../../kube/object.ts';
import { type Again, WorkQueue } from '../../kube/queue.ts';
import { Informer } from '../../kube/reflector.ts';
import { isPatient, keyOf, PAUSE, type Told } from './installation.ts';

const NODE_REPORTS = customResource('securityprofilenodereports', 'SecurityProfileNodeReport', false);
/** What changes at about the same time is written at once, milliseconds. */
const GATHER = 200;
/** How many times as long as it took to write, nothing is written behind it: what is slow has many nodes to answer. */
const EASE = 10;
/** But not longer, milliseconds. */
const MOST_EASE = 60_000;
/** Milliseconds: so long an API server works on a request (`--request-timeout`); what is given up before has cost it the same. */
const TIMEOUT = 60_000;
/** Of one profile: the object holds all profiles of the node, and is 1 MB at most. */
const MOST_PODS = 100;
const MOST_DENIED = 10;
const MOST_TEXT = 1000;

type ReportObject = Report & KubeObject;
type Reported = NonNullable<NonNullable<Report['status']>['profiles']>[string];

export interface NodeReportParts {
  readonly client: KubeClient;
  readonly log: Log;
  readonly node: string;
  readonly clock?: Clock;
}

/** The one object that says of all those profiles how they are on this node: what has changed is written together. */
export class NodeReport {
  readonly #client: KubeClient;
  readonly #node: string;
  readonly #clock: Clock;
  readonly #informer: Informer<ReportObject>;
  readonly #queue: WorkQueue;
  /** As new as is known. */
  #present: ReportObject | undefined;
  /** By KIND/NAME, what is to be written of a profile; undefined: nothing more is told of it. */
  readonly #changes = new Map<string, Reported | undefined>();
  /** Nothing is written before. */
  #next = Number.NEGATIVE_INFINITY;

  constructor({ client, log, node, clock = MONOTONIC }: NodeReportParts) {
    this.#client = client;
    this.#node = node;
    this.#clock = clock;
    // Of one name: the API server looks at no other watcher for it.
    this.#informer = new Informer<ReportObject>(
      { client, resource: NODE_REPORTS, log },
      { fieldSelector: `metadata.name=${node}` },
    );
    this.#informer.onChange((_, now, before) => this.#heard(now, before));
    this.#queue = new WorkQueue((_, { signal }) => this.#write(signal), {
      clock,
      client,
      backoff: { base: 200, cap: 60_000 },
      onError: (error, { retryIn }) => log.warn({ error, retryIn }, 'report of this node not written'),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#informer.run(signal), this.#queue.run(signal)]);
  }

  get synced(): Promise<void> {
    return this.#informer.synced;
  }

  /** Told of profiles, by KIND/NAME, of which another thing is reported now. */
  onChange(listener: (key: string) => void): void {
    this.#informer.onChange((_, now, before) => {
      const [is, was] = [now?.status?.profiles ?? {}, before?.status?.profiles ?? {}];
      for (const key of new Set([...Object.keys(is), ...Object.keys(was)]))
        if (!isDeepStrictEqual(is[key], was[key])) listener(key);
    });
  }

  has(kind: string, name: string): boolean {
    return this.#reported(keyOf({ kind, name })) !== undefined;
  }

  /** What was told last of a profile that is rolled out. */
  rollout(kind: string, name: string): NodeRollout | undefined {
    return this.#reported(keyOf({ kind, name }))?.rollout;
  }

  /** It is written soon. */
  put(owner: Owner, told: Told): void {
    this.#change(keyOf(owner), reportedOf(owner, told));
  }

  remove(kind: string, name: string): void {
    this.#change(keyOf({ kind, name }), undefined);
  }

  #reported(key: string): Reported | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#present?.status?.profiles?.[key];
  }

  #change(key: string, now: Reported | undefined): void {
    const before = this.#reported(key);
    if (isDeepStrictEqual(now, before)) return;
    this.#changes.set(key, now);
    const patient = now && before && isPatient(now, before);
    this.#queue.addAfter(this.#node, Math.max(patient ? PAUSE : GATHER, this.#wait()));
  }

  /** Milliseconds until it may be written. */
  #wait(): number {
    return Math.max(0, this.#next - this.#clock.now());
  }

  async #write(signal: AbortSignal): Promise<Again | undefined> {
    const changes = new Map(this.#changes);
    if (changes.size === 0) return undefined;
    // What changed while it was written did not know of it yet.
    if (this.#wait() > 0) return { requeueAfter: this.#wait() };
    this.#present ??= await this.#create(signal);
    const profiles = { ...this.#present.status?.profiles, ...Object.fromEntries(changes) };
    const states = Object.values(profiles).flatMap((one) => one?.status ?? []);
    const status = {
      total: states.length,
      errors: states.filter((state) => state === 'Error').length,
      profiles: Object.fromEntries([...changes].map(([key, one]) => [key, patchOf(one)])),
    };
    this.#heard(await this.#patch(status, signal), undefined);
    for (const [key, one] of changes) if (this.#changes.get(key) === one) this.#changes.delete(key);
    return this.#changes.size > 0 ? { requeueAfter: this.#wait() } : undefined;
  }

  async #patch(status: object, signal: AbortSignal): Promise<ReportObject> {
    const options = { type: 'merge', subresource: 'status', timeout: TIMEOUT, signal } as const;
    const begun = this.#clock.now();
    const rest = () => jittered(Math.min(MOST_EASE, EASE * (this.#clock.now() - begun)));
    try {
      const now = await this.#client.patch<ReportObject>(NODE_REPORTS, { name: this.#node }, { status }, options);
      this.#next = Math.max(begun + PAUSE, this.#clock.now() + rest());
      return now;
    } catch (error) {
      const milliseconds = rest();
      this.#next = this.#clock.now() + milliseconds;
      throw isKube(error) ? postponed(error, milliseconds) : error;
    }
  }

  /** Where it is there already, since an earlier request was done and not answered, it is heard of soon, and this tried again. */
  #create(signal: AbortSignal): Promise<ReportObject> {
    const report: ReportObject = {
      apiVersion: 'security-profiles-operator.x-k8s.io/v1',
      kind: 'SecurityProfileNodeReport',
      metadata: { name: this.#node },
      spec: { nodeName: this.#node },
    };
    return this.#client.create<ReportObject>(NODE_REPORTS, report, { signal });
  }

  #heard(now: ReportObject | undefined, before: ReportObject | undefined): void {
    if (!now) {
      if (this.#present?.metadata.uid === before?.metadata.uid) this.#present = undefined;
    } else if (!this.#present || !isOlder(now, this.#present)) this.#present = now;
  }
}

/** A merge leaves what is not named. */
const NO_REPORT = nulls(REPORTED);
const NO_ROLLOUT = nulls(NODE_ROLLOUT);

function patchOf(now: Reported | undefined): object | null {
  if (!now) return null;
  const { rollout } = now;
  return { ...NO_REPORT, ...now, ...(rollout && { rollout: { ...NO_ROLLOUT, ...rollout } }) };
}

function reportedOf({ uid }: Owner, { state, message, generation, pods, rollout }: Told): Reported {
  return {
    uid,
    status: state,
    ...(message && { message: message.slice(0, MOST_TEXT) }),
    ...(generation !== undefined && { observedGeneration: generation }),
    ...(pods.length > 0 && { activeWorkloads: pods.slice(0, MOST_PODS), pods: pods.length }),
    ...(rollout && { rollout: shortened(rollout) }),
  };
}

function shortened(rollout: NodeRollout): NodeRollout {
  const { denied, deniedLeft } = sumDenials([denialsOf(rollout)], MOST_DENIED);
  const { denied: _, deniedLeft: __, ...rest } = rollout;
  return { ...rest, ...(denied.length > 0 && { denied }), ...(deniedLeft > 0 && { deniedLeft }) };
}
