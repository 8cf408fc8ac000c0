import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import { ifStill } from '../../kube/if-still.ts';
import type { Log } from '../../kube/log.ts';
import { NODES } from '../../kube/object.ts';
import { type Again, WorkQueue } from '../../kube/queue.ts';
import { type InstallationView, STARTUP_TAINT } from '../profiles/view.ts';
import type { DaemonView } from './watch.ts';

/** The right may come, milliseconds. */
const AGAIN = 60_000;

export interface StartupTaintsParts {
  readonly client: Pick<KubeClient, 'patch' | 'onReturn'>;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly log: Log;
  /** Both are run by their owners. */
  readonly nodes: InstallationView['nodes'];
  readonly agentPods: DaemonView['agentPods'];
}

/** Lets pods onto nodes that have joined with a taint against them, once their agent is ready; only the leader acts. */
export class StartupTaints {
  readonly #parts: StartupTaintsParts;
  readonly #queue: WorkQueue;
  readonly #refused = new Set<string>();
  #leading = false;

  constructor(parts: StartupTaintsParts) {
    this.#parts = parts;
    const { client, log, nodes, agentPods } = parts;
    this.#queue = new WorkQueue((name, { signal }) => this.#reconcile(name, signal), {
      client,
      backoff: { base: 500, cap: AGAIN },
      onError: (error, { key, retryIn }) => log.warn({ node: key, error, retryIn }, 'the start-up taint stays'),
    });
    nodes.onChange((name) => this.#add(name));
    agentPods.onChange((_, now) => now && this.#add(now.node));
  }

  /** The leader's work. */
  async lead(signal: AbortSignal): Promise<void> {
    const { nodes, agentPods } = this.#parts;
    await Promise.all([nodes.synced, agentPods.synced]);
    this.#leading = true;
    for (const { metadata } of nodes.list()) this.#add(metadata.name);
    await this.#queue.run(signal);
  }

  #add(name: string): void {
    if (this.#leading) this.#queue.add(name);
  }

  async #reconcile(name: string, signal: AbortSignal): Promise<Again | undefined> {
    const { client, agentPods, nodes } = this.#parts;
    const node = nodes.get(name);
    if (!node || node.startupTaints.length === 0) {
      this.#refused.delete(name);
      return undefined;
    }
    if (![...agentPods.list()].some((pod) => pod.node === name && pod.ready)) return undefined;
    const patch = node.startupTaints.toReversed().flatMap((place) => [
      // The list may be another by now.
      { op: 'test', path: `/spec/taints/${place}/key`, value: STARTUP_TAINT },
      { op: 'remove', path: `/spec/taints/${place}` },
    ]);
    try {
      await ifStill(() => client.patch(NODES, { name }, patch, { type: 'json', signal }));
      return undefined;
    } catch (error) {
      if (!isKube(error, 'forbidden')) throw error;
      this.#tell(name, node.metadata.uid);
      return { requeueAfter: AGAIN };
    }
  }

  /** Once. */
  #tell(name: string, uid = ''): void {
    if (this.#refused.has(name)) return;
    this.#refused.add(name);
    const message = `the agent is ready, but the operator may not take the taint ${STARTUP_TAINT} away: kubectl apply -k deploy/startup-taint`;
    this.#parts.events.event({ apiVersion: 'v1', kind: 'Node', name, uid }, 'Warning', 'StartupTaintStays', message);
  }
}
