import { isBuilt } from '../../api/built.ts';
import { LABELS } from '../../api/names.ts';
import type { ProfileBinding, ProfileRecording } from '../../api/types.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/log.ts';
import { customResource, type KubeObject, NAMESPACES, type Resource } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import type { BindingCollaborators } from '../binding/handler.ts';
import type { BoundKind, BoundProfile } from '../binding/reference.ts';
import type { RecordingCollaborators } from '../recording/handler.ts';
import { eventsOn, find, labelsOf, listIn } from './lookup.ts';

const RECORDINGS = customResource('profilerecordings', 'ProfileRecording', true);
const BINDINGS = customResource('profilebindings', 'ProfileBinding', true);
const PROFILES: Readonly<Record<BoundKind, Resource>> = {
  SeccompProfile: customResource('seccompprofiles', 'SeccompProfile', false),
  SelinuxProfile: customResource('selinuxprofiles', 'SelinuxProfile', false),
  AppArmorProfile: customResource('apparmorprofiles', 'AppArmorProfile', false),
};

type ProfileObject = BoundProfile & KubeObject;

/** What the webhook asks of the cluster while a pod waits: from caches, and of the API server where these know nothing. */
export class ClusterCollaborators {
  readonly recording: RecordingCollaborators;
  readonly binding: BindingCollaborators;
  readonly #informers: readonly { run(signal: AbortSignal): Promise<void> }[];

  constructor(client: KubeClient, recorders: Readonly<Record<'recording' | 'binding', EventRecorder>>, log: Log) {
    const recordings = new Informer<ProfileRecording & KubeObject>({ client, resource: RECORDINGS, log });
    const bindings = new Informer<ProfileBinding & KubeObject>({ client, resource: BINDINGS, log });
    const labelled = (labelSelector: string) => new Informer({ client, resource: NAMESPACES, log }, { labelSelector });
    const [recorded, bound] = [labelled(LABELS.enableRecording), labelled(LABELS.enableBinding)];
    // Those that are still recorded change often, and are given to no pod.
    const profilesOf = (kind: BoundKind) =>
      new Informer<ProfileObject>(
        { client, resource: PROFILES[kind], log },
        { labelSelector: `!${LABELS.partial}`, transform: reduced },
      );
    const kinds = (Object.keys(PROFILES) as BoundKind[]).filter(isBuilt);
    const profiles = new Map(kinds.map((kind) => [kind, profilesOf(kind)]));
    this.#informers = [recordings, bindings, recorded, bound, ...profiles.values()];
    this.recording = {
      recordings: { list: (namespace) => listIn(client, RECORDINGS, recordings, namespace) },
      namespaces: { labels: (name) => labelsOf(client, recorded, name) },
      events: eventsOn(recorders.recording),
    };
    this.binding = {
      bindings: { list: (namespace) => listIn(client, BINDINGS, bindings, namespace) },
      profiles: {
        get: async ({ kind, name }) => {
          const cache = profiles.get(kind);
          return cache && (await find(client, PROFILES[kind], cache, name));
        },
      },
      namespaces: { labels: (name) => labelsOf(client, bound, name) },
      events: eventsOn(recorders.binding),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#informers.map((informer) => informer.run(signal)));
  }
}

/** A profile has thousands of names, of which binding needs none. */
function reduced(raw: KubeObject): ProfileObject {
  const { apiVersion, kind, metadata, spec, status } = raw as ProfileObject;
  const { name, uid, resourceVersion } = metadata;
  return {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(kind !== undefined && { kind }),
    metadata: {
      name,
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(metadata.labels && { labels: metadata.labels }),
    },
    ...(spec?.state !== undefined && { spec: { state: spec.state } }),
    ...(status && { status: { ...statusOf(status) } }),
  };
}

function statusOf({ status, localhostProfile, usage }: NonNullable<BoundProfile['status']>): BoundProfile['status'] {
  return {
    ...(status !== undefined && { status }),
    ...(localhostProfile !== undefined && { localhostProfile }),
    ...(usage !== undefined && { usage }),
  };
}
