import { isDeepStrictEqual } from 'node:util';
import { readyCondition, withTime } from '../../api/conditions.ts';
import type { Owner } from '../../api/node-status.ts';
import type { NodeReport, NodeStatus } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';

export const NODE_REPORTS = customResource('securityprofilenodereports', 'SecurityProfileNodeReport', false);

type Reported = NonNullable<NonNullable<NodeReport['status']>['profiles']>[string];

interface Entry {
  readonly uid: string;
  readonly status: NonNullable<NodeStatus['status']>;
}

export interface ReportObject extends KubeObject {
  /** By KIND/NAME. */
  readonly entries: ReadonlyMap<string, Entry>;
}

/**
 * Nodes' reports, and what they say of each profile as its node statuses would. 1,000 nodes with 500 profiles each say the same
 * nearly always: that is kept once.
 */
export class Reports {
  readonly informer: Informer<ReportObject>;
  readonly #byProfile = new Map<string, Map<string, Entry>>();
  /** What was said of a profile last. */
  readonly #last = new Map<string, { readonly raw: Reported; readonly entry: Entry }>();

  constructor(client: KubeClient, log: Log) {
    const transform = (raw: KubeObject) => this.#littleOf(raw);
    this.informer = new Informer<ReportObject>({ client, resource: NODE_REPORTS, log }, { transform });
    this.informer.onChange((node, now, before) => {
      for (const key of changed(now, before)) this.#keep(key, node, now?.entries.get(key));
    });
  }

  /** @param listener told of profiles of which a node reports another thing now. */
  onChange(listener: (profile: Pick<Owner, 'kind' | 'name'>) => void): void {
    this.informer.onChange((_, now, before) => {
      for (const key of changed(now, before)) {
        const slash = key.indexOf('/');
        listener({ kind: key.slice(0, slash), name: key.slice(slash + 1) });
      }
    });
  }

  /**
   * Of the profile with this UID, by node, not of an earlier one of its name.
   * @param present whether the node is there that a report is of.
   */
  of({ kind, name, uid }: Owner, present: (report: ReportObject) => boolean): Map<string, NodeStatus> {
    const found = new Map<string, NodeStatus>();
    for (const [node, entry] of this.#byProfile.get(`${kind}/${name}`) ?? []) {
      const report = this.informer.get(node);
      if (entry.uid === uid && report && present(report)) found.set(node, statusOf(node, entry));
    }
    return found;
  }

  #keep(key: string, node: string, entry: Entry | undefined): void {
    const nodes = this.#byProfile.get(key) ?? new Map<string, Entry>();
    if (entry) this.#byProfile.set(key, nodes.set(node, entry));
    else if (nodes.delete(node) && nodes.size === 0) {
      this.#byProfile.delete(key);
      this.#last.delete(key);
    }
  }

  #littleOf(raw: KubeObject): ReportObject {
    const { metadata, status } = raw as NodeReport & KubeObject;
    const { name, uid, resourceVersion, creationTimestamp } = metadata;
    const kept = { name, uid, resourceVersion, creationTimestamp } as KubeObject['metadata'];
    const profiles = Object.entries(status?.profiles ?? {});
    return { metadata: kept, entries: new Map(profiles.map(([key, one]) => [key, this.#entryOf(key, one)])) };
  }

  #entryOf(key: string, raw: Reported): Entry {
    const last = this.#last.get(key);
    if (last && isDeepStrictEqual(last.raw, raw)) return last.entry;
    const { uid, status, message, observedGeneration, ...rest } = raw;
    const ready = withTime(readyCondition(status, message, observedGeneration), undefined, new Date(0));
    const entry = { uid, status: { ...rest, status, conditions: [ready] } };
    this.#last.set(key, { raw, entry });
    return entry;
  }
}

/** Profiles, by KIND/NAME. */
function changed(now: ReportObject | undefined, before: ReportObject | undefined): string[] {
  const keys = new Set([...(now?.entries.keys() ?? []), ...(before?.entries.keys() ?? [])]);
  return [...keys].filter((key) => now?.entries.get(key) !== before?.entries.get(key));
}

function statusOf(nodeName: string, { status }: Entry): NodeStatus {
  return {
    apiVersion: API,
    kind: 'SecurityProfileNodeStatus',
    metadata: { name: nodeName },
    spec: { nodeName },
    status,
  };
}

const API = 'security-profiles-operator.x-k8s.io/v1';
