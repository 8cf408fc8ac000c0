import { isDeepStrictEqual } from 'node:util';
import { approve } from '../../api/approval.ts';
import { isReleased } from '../../api/conditions.ts';
import { deniedCalls } from '../../api/denials.ts';
import { ROLLOUT_STATUS } from '../../api/kinds/rollout.ts';
import { FINALIZERS, LABELS } from '../../api/names.ts';
import { referenceOf } from '../../api/references.ts';
import { APPROVE, type Rollout } from '../../api/rollout.ts';
import { nulls } from '../../api/schema.ts';
import type { NodeStatus, SeccompProfile } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { Pace } from '../../kube/debounce.ts';
import type { EventRecorder, EventType } from '../../kube/events.ts';
import { ifStill } from '../../kube/if-still.ts';
import type { KubeObject } from '../../kube/object.ts';
import type { Again } from '../../kube/queue.ts';
import type { ProfileObject } from '../recordings/instances.ts';
import { PROFILES } from '../recordings/reconciler.ts';
import { nextRollout, silence } from '../rollout/next.ts';
import { promotionText, withRollout } from '../rollout/tell.ts';
import { aggregate } from './aggregate.ts';
import { remaining } from './finalizers.ts';
import { waitsUnscheduled } from './pods.ts';
import { NODE_STATUSES, type NodeStatusObject } from './view.ts';

type Status = NonNullable<SeccompProfile['status']>;

/** As long waits a profile that is deleted for the pods that no node has yet, before they are listed again, milliseconds. */
const LIST_AGAIN = 10_000;

/** What nodes tell of a profile. */
export interface Statuses {
  readonly present: readonly NodeStatus[];
  /** Of nodes that are gone, or that were another of that name. */
  readonly gone: readonly NodeStatusObject[];
}

export interface ProfilesParts {
  readonly client: Pick<KubeClient, 'patch' | 'delete' | 'pages'>;
  readonly profile: (name: string) => ProfileObject | undefined;
  readonly statuses: (profile: ProfileObject) => Statuses;
  /** What a profile is given that nodes may have from now on. */
  readonly hold: (metadata: KubeObject['metadata']) => object;
  /** Why the administrator does not let a profile be installed. */
  readonly refusal: (profile: ProfileObject) => string | undefined;
  /** Nodes that run an agent, or are to. */
  readonly expected: () => number | undefined;
  readonly events: Pick<EventRecorder, 'event'>;
}

/** One profile: its status follows its nodes', and once it is deleted it stays until no node has it any more. */
export class Profiles {
  readonly #parts: ProfilesParts;
  readonly #pace = new Pace();

  constructor(parts: ProfilesParts) {
    this.#parts = parts;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<Again | undefined> {
    const profile = this.#parts.profile(name);
    if (!profile) {
      this.#pace.forget(name);
      return undefined;
    }
    const nodes = await this.#present(profile, signal);
    const { labels, deletionTimestamp } = profile.metadata;
    if (deletionTimestamp !== undefined) return this.#end(profile, nodes, signal);
    // What is still recorded is on no node; its status is another's (partial-status.ts).
    if (labels?.[LABELS.partial] !== undefined) return undefined;
    await this.#hold(profile, signal);
    if (profile.metadata.annotations?.[APPROVE] !== undefined) return this.#approve(profile, signal);
    const now = new Date();
    const next = nextRollout(profile, nodes, now);
    const facts = {
      ...{ nodes, expected: this.#parts.expected(), refusal: this.#refusal(profile), inUse: false },
      mode: next.rollout?.mode,
    };
    const status = aggregate(profile, facts, now);
    const again = await this.#write(profile, withRollout(status, next, profile.status, now), signal, next.promoted);
    // A node that counts and ends does not tell that.
    const waits = next.rollout?.mode === 'Audit' && { requeueAfter: silence(profile.spec) };
    return again ?? (waits || undefined);
  }

  /** What is disabled goes nowhere, allowed or not. */
  #refusal(profile: ProfileObject): string | undefined {
    return profile.spec.state === 'Disabled' ? undefined : this.#parts.refusal(profile);
  }

  /** What a person has approved of what was seen is let through from now on. */
  async #approve(profile: ProfileObject, signal: AbortSignal): Promise<undefined> {
    const { name, resourceVersion, annotations } = profile.metadata;
    const seen = deniedCalls(profile.status?.rollout?.denied ?? []);
    const { syscalls, added, unseen } = approve(profile.spec.syscalls ?? [], annotations?.[APPROVE] ?? '', seen);
    const metadata = { resourceVersion, annotations: { [APPROVE]: null } };
    const patch = { metadata, ...(added.length > 0 && { spec: { syscalls } }) };
    await ifStill(async () => {
      await this.#parts.client.patch(PROFILES, { name }, patch, { type: 'merge', signal });
      if (added.length > 0) this.#event(profile, 'Normal', 'Approved', `lets through from now on: ${added.join(', ')}`);
      const text = unseen.join(', ') || 'nothing was seen';
      if (unseen.length > 0 || added.length === 0)
        this.#event(profile, 'Warning', 'NotApproved', `was not seen to be refused, or has no name: ${text}`);
    });
  }

  #event({ metadata: { name, uid = '' } }: ProfileObject, type: EventType, reason: string, message: string): void {
    const apiVersion = 'security-profiles-operator.x-k8s.io/v1';
    this.#parts.events.event({ apiVersion, kind: 'SeccompProfile', name, uid }, type, reason, message);
  }

  /** What nodes say that are there; what others said goes. */
  async #present(profile: ProfileObject, signal: AbortSignal): Promise<readonly NodeStatus[]> {
    const { present, gone } = this.#parts.statuses(profile);
    for (const { metadata } of gone) {
      const preconditions = metadata.uid === undefined ? {} : { preconditions: { uid: metadata.uid } };
      await ifStill(() => this.#parts.client.delete(NODE_STATUSES, metadata, { ...preconditions, signal }));
    }
    return present;
  }

  async #hold({ metadata }: KubeObject, signal: AbortSignal): Promise<void> {
    const { name, resourceVersion, finalizers } = metadata;
    if (finalizers?.includes(FINALIZERS.onNodes)) return;
    const patch = { metadata: { resourceVersion, ...this.#parts.hold(metadata) } };
    await ifStill(() => this.#parts.client.patch(PROFILES, { name }, patch, { type: 'merge', signal }));
  }

  async #end(profile: ProfileObject, nodes: readonly NodeStatus[], signal: AbortSignal): Promise<Again | undefined> {
    const { name, resourceVersion, finalizers = [] } = profile.metadata;
    // Nothing of it is ours to end.
    if (nodes.length === 0 && remaining(finalizers, [], false).length === finalizers.length) return undefined;
    const used = nodes.some(({ status }) => (status?.pods ?? 0) > 0);
    const waits = !used && !isReleased(profile.status?.conditions) && (await this.#waits(name, signal));
    const inUse = used || waits;
    const left = remaining(
      finalizers,
      nodes.map(({ spec }) => spec.nodeName),
      inUse,
    );
    if (left.length < finalizers.length) {
      const patch = { metadata: { resourceVersion, finalizers: left } };
      await ifStill(() => this.#parts.client.patch(PROFILES, { name }, patch, { type: 'merge', signal }));
    }
    if (left.length === 0) return undefined;
    const { rollout, enforced } = profile.status ?? {};
    const status = {
      ...aggregate(profile, { nodes, expected: undefined, inUse }, new Date()),
      ...(rollout && { rollout }),
      ...(enforced && { enforced }),
    };
    const again = await this.#write(profile, status, signal);
    return waits ? { requeueAfter: LIST_AGAIN } : again;
  }

  #waits(name: string, signal: AbortSignal): Promise<boolean> {
    return waitsUnscheduled(this.#parts.client, referenceOf('SeccompProfile', name), signal);
  }

  /** @param promoted what comes to be enforced by it: that has to be the profile as it is known. */
  async #write(
    profile: ProfileObject,
    status: Status,
    signal: AbortSignal,
    promoted?: Rollout,
  ): Promise<Again | undefined> {
    const { metadata, status: before } = profile;
    const { name, resourceVersion } = metadata;
    if (isDeepStrictEqual(status, before)) return undefined;
    const wait = this.#pace.wait(name, isPatient(status, before));
    if (wait > 0) return { requeueAfter: wait };
    // A merge leaves what is not named.
    const { rollout, enforced } = status;
    const patch = {
      ...(promoted && { metadata: { resourceVersion } }),
      status: {
        ...{ activeWorkloads: null, pods: null, ...status },
        rollout: rollout ? { ...NO_ROLLOUT, ...rollout } : null,
        enforced: enforced ? { spec: null, ...enforced } : null,
      },
    };
    const merge = { type: 'merge', subresource: 'status', signal } as const;
    await ifStill(async () => {
      await this.#parts.client.patch(PROFILES, { name }, patch, merge);
      if (promoted) this.#event(profile, 'Normal', 'Promoted', promotionText(promoted));
    });
    return undefined;
  }
}

const NO_ROLLOUT = nulls(ROLLOUT_STATUS);

/** Whether nothing differs but which pods there are, how often calls were refused, what is kept for an update, and times. */
function isPatient(now: Status | undefined, before: Status | undefined): boolean {
  return isDeepStrictEqual(urgent(now), urgent(before));
}

function urgent(status: Status | undefined): unknown {
  const { activeWorkloads: _, pods: __, enforced: ___, rollout, ...rest } = status ?? {};
  const { digest, mode, denied = [] } = rollout ?? {};
  return { ...rest, digest, mode, calls: denied.map(({ syscall, workload }) => `${syscall} ${workload}`) };
}
