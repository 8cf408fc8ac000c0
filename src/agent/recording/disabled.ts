import { LABELS } from '../../api/names.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { ClusterView } from '../pods/cluster.ts';
import { LOG_SESSION } from '../pods/pod.ts';
import { PodEvents } from '../pods/pod-events.ts';
import { recordingsOf } from './selection.ts';

const SETTINGS = { Bpf: 'enableBpfRecorder', Logs: 'enableLogEnricher' } as const;

/** Tells pods that a recording wants that its recorder is off on their node. */
export class RecorderOff {
  readonly #view: ClusterView;
  readonly #events: PodEvents;
  readonly #recorder: keyof typeof SETTINGS;

  constructor(view: ClusterView, events: Pick<EventRecorder, 'event'>, recorder: keyof typeof SETTINGS) {
    this.#view = view;
    this.#events = new PodEvents(events);
    this.#recorder = recorder;
    for (const informer of [view.pods, view.recordings, view.namespaces]) informer.onChange(() => this.#look());
  }

  #look(): void {
    const { pods, recordings, namespaces } = this.#view;
    if (recordings.size === 0) return;
    for (const pod of pods.list()) {
      if (namespaces.get(pod.metadata.namespace ?? '') === undefined) continue;
      const wanted = pod.containers.filter(
        ({ name, ended }) => !ended && recordingsOf(pod, name, recordings.list(), this.#recorder).length > 0,
      );
      if (wanted.length === 0) continue;
      const names = wanted.map(({ name }) => name).join(', ');
      const remedy = `Set spec.enricher.${SETTINGS[this.#recorder]} of the daemon object spod`;
      this.#events.tell(
        pod,
        'Warning',
        'RecorderDisabled',
        `${names}: not recorded, as recorder ${this.#recorder} is off on this node. ${remedy}.`,
      );
    }
  }
}

/** Tells pods that the webhook has put under the profile that logs, and that are not recorded for want of a label. */
export function tellUnlabelled({ pods }: Pick<ClusterView, 'pods'>, events: Pick<EventRecorder, 'event'>): void {
  const told = new PodEvents(events);
  pods.onChange((_, pod) => {
    if (!pod?.unlabelled || !Object.keys(pod.metadata.annotations ?? {}).some((key) => key.startsWith(LOG_SESSION)))
      return;
    told.tell(
      pod,
      'Warning',
      'NotLabelled',
      `it runs under the profile that logs, and is not recorded: enableMemoryOptimization of the daemon object spod is on. Label it ${LABELS.enableRecording}=true, or leave it out of the recording's podSelector.`,
    );
  });
}
