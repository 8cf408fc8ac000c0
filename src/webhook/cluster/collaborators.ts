import { LABELS } from '../../api/names.ts';
import type { ProfileRecording } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject, NAMESPACES } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import type { RecordingCollaborators } from '../pods/handler.ts';

const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);

type RecordingObject = ProfileRecording & KubeObject;

/** What the webhook asks of the cluster while a pod waits: from caches, and of the API server where these know nothing. */
export class ClusterCollaborators {
  readonly #client: KubeClient;
  readonly #events: Pick<EventRecorder, 'event'>;
  readonly #recordings: Informer<RecordingObject>;
  readonly #namespaces: Informer;

  constructor(client: KubeClient, events: Pick<EventRecorder, 'event'>, log: Log) {
    this.#client = client;
    this.#events = events;
    this.#recordings = new Informer<RecordingObject>({ client, resource: RECORDINGS, log });
    this.#namespaces = new Informer({ client, resource: NAMESPACES, log }, { labelSelector: LABELS.enableRecording });
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#recordings.run(signal), this.#namespaces.run(signal)]);
  }

  readonly asAsked: RecordingCollaborators = {
    recordings: { list: (namespace) => this.#list(namespace) },
    namespaces: { labels: (name) => this.#labels(name) },
    events: {
      event: ({ apiVersion, kind, metadata }, type, reason, message) => {
        const { name, namespace, uid } = metadata;
        const regarding = { apiVersion, kind, name, ...(namespace && { namespace }), ...(uid && { uid }) };
        this.#events.event(regarding, type, reason, message);
      },
    },
  };

  /** A recording and its pod may come in one file: the pod is there before the cache has heard of the recording. */
  async #list(namespace: string): Promise<readonly ProfileRecording[]> {
    const known = [...this.#recordings.list()].filter(({ metadata }) => metadata.namespace === namespace);
    if (known.length > 0) return known;
    const found: ProfileRecording[] = [];
    for await (const { items } of this.#client.pages<RecordingObject>(RECORDINGS, { namespace })) found.push(...items);
    return found;
  }

  async #labels(name: string): Promise<Readonly<Record<string, string>>> {
    const known = this.#namespaces.get(name);
    if (known) return known.metadata.labels ?? {};
    try {
      return (await this.#client.get(NAMESPACES, { name })).metadata.labels ?? {};
    } catch (error) {
      if (isKube(error, 'notFound')) return {};
      throw error;
    }
  }
}
