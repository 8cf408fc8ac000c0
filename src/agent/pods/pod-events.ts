import type { EventRecorder } from '../../kube/events.ts';
import type { PodObject } from './cluster.ts';

const MOST = 10_000;

/** Tells of pods what is worth telling once each, however often it is looked at. */
export class PodEvents {
  readonly #events: Pick<EventRecorder, 'event'>;
  readonly #told = new Set<string>();

  constructor(events: Pick<EventRecorder, 'event'>) {
    this.#events = events;
  }

  tell({ metadata }: Pick<PodObject, 'metadata'>, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const key = `${metadata.uid}/${reason}/${message}`;
    if (this.#told.has(key)) return;
    if (this.#told.size >= MOST) this.#told.clear();
    this.#told.add(key);
    const { name, namespace, uid } = metadata;
    const regarding = { apiVersion: 'v1', kind: 'Pod', name, ...(namespace && { namespace }), ...(uid && { uid }) };
    this.#events.event(regarding, type, reason, message);
  }
}
