import { randomInt } from 'node:crypto';
import type { ProfileRecording } from '../../api/types.ts';
import { allow, type Review } from '../admission.ts';
import { isPod } from '../pod/pod.ts';
import { mutatePod } from './mutate.ts';

export interface RecordingCollaborators {
  /** A namespace's recordings: as new as the pod's maker can know them, since nobody asks again. */
  readonly recordings: {
    list(namespace: string): readonly ProfileRecording[] | Promise<readonly ProfileRecording[]>;
  };
  readonly namespaces: { labels(name: string): Promise<Readonly<Record<string, string>>> };
  readonly events: {
    event(regarding: ProfileRecording, type: 'Normal' | 'Warning', reason: string, message: string): void;
  };
}

export interface RecordingSettings {
  /** SPO's way: the Logs recorder replaces stricter profiles in every namespace. */
  readonly replaceStricter?: () => boolean;
  readonly now?: () => number;
}

/**
 * Answers for `recording.spo.io`. Only new pods are changed, and nothing is kept of them: who is recorded is known from
 * watching pods, so that a dry run leaves no trace and a pod's end needs no webhook.
 * @returns undefined where the review holds no pod.
 * @throws what the collaborators throw: the API server then goes by the webhook's failurePolicy.
 */
export async function reviewPod(
  review: Review,
  { recordings, namespaces, events }: RecordingCollaborators,
  { replaceStricter = () => false, now = Date.now }: RecordingSettings = {},
): Promise<object | undefined> {
  const { operation, namespace = '', object, subResource, resource, dryRun } = review.request;
  const made = operation === 'CREATE' && !subResource && (resource?.resource ?? 'pods') === 'pods';
  if (!made) return allow(review, object);
  if (!isPod(object)) return undefined;
  const list = await recordings.list(namespace);
  const context = {
    namespace,
    namespaceLabels: await namespaces.labels(namespace),
    now: now(),
    random: (below: number) => randomInt(below),
    replaceStricter: replaceStricter(),
  };
  const { pod, events: told, warnings } = mutatePod(object, list, context);
  if (!dryRun) for (const { recording, reason, message } of told) events.event(recording, 'Warning', reason, message);
  return allow(review, pod, warnings);
}
