import { ANNOTATIONS, LABELS, nodeLabel, profileName, suffixed } from '../../api/names.ts';
import { encodeState, RECORDING_UID, STATE_ANNOTATION } from '../../api/recording-state.ts';
import type { SeccompProfile } from '../../api/types.ts';
import { machine } from '../../kernel/abi.ts';
import { BASE_SYSCALLS, buildProfile } from '../../profile/seccomp/build.ts';
import { type ContainerRecord, stateOfRecord, totalOf } from './container-record.ts';

/**
 * SPO's name for the record's profile, with the node's hash behind that of a static pod; one that nobody else can have where
 * that is taken, or is what the merged profile of the recording will be called.
 */
export function nameOf({ recording, container, pod }: ContainerRecord, node: string, taken: boolean): string {
  const usual = profileName(recording.name, container, pod.name, pod.generateName);
  const name = pod.static ? suffixed(usual, recording.namespace, node) : usual;
  const merged = recording.merged && name === profileName(recording.name, container, pod.name);
  return taken || merged || name.length > 253
    ? suffixed(name, recording.namespace, `${recording.uid}/${pod.uid}`)
    : name;
}

/** The record as an object of the API. It carries the partial label until the operator takes it away. */
export function profileOf(record: ContainerRecord, name: string, node: string): SeccompProfile {
  const { recording } = record;
  const { profile } = buildProfile({
    machine: machine(),
    sightings: totalOf(record).calls,
    defaultAction: 'SCMP_ACT_ERRNO',
    runtime: record.runtime,
    base: BASE_SYSCALLS,
    portable: false,
    name,
  });
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: {
      name,
      labels: {
        [LABELS.recordingId]: recording.name,
        [LABELS.recordingNamespace]: recording.namespace,
        [LABELS.containerId]: record.container,
        [LABELS.nodeName]: nodeLabel(node),
        [LABELS.partial]: 'true',
      },
      annotations: {
        [RECORDING_UID]: recording.uid,
        ...(nodeLabel(node) !== node && { [ANNOTATIONS.nodeName]: node }),
        [STATE_ANNOTATION]: encodeState(stateOfRecord(record, node)),
      },
    },
    spec: {
      state: recording.disabled ? 'Disabled' : 'Enabled',
      defaultAction: profile.defaultAction,
      architectures: [...profile.architectures] as NonNullable<SeccompProfile['spec']['architectures']>,
      syscalls: profile.syscalls.map(({ names, action }) => ({ names, action })),
    },
  };
}
