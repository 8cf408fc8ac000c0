import { CONDITIONS, labelSelector } from '../common.ts';
import type { Kind } from '../crd.ts';
import { boolean, int32, mapOf, object, oneOf, setOf, string } from '../schema.ts';

const CONTAINER = object(
  'What was recorded of the containers of one name.',
  {
    name: string("The container's name."),
    profileName: string('The profile it becomes.'),
    running: int32('Instances that run and are recorded.', { minimum: 0 }),
    done: int32('Instances that have ended.', { minimum: 0 }),
    syscalls: int32('Different system calls seen so far.', { minimum: 0 }),
    newest: string('When the last new one was seen.', { format: 'date-time' }),
    complete: string('True, or why not.'),
  },
  ['name'],
);

export const PROFILE_RECORDING = {
  kind: 'ProfileRecording',
  plural: 'profilerecordings',
  scope: 'Namespaced',
  description: 'Which pods are watched, and what kind of profile is made of what they do.',
  columns: [
    { name: 'PodSelector', type: 'string', priority: 10, jsonPath: '.spec.podSelector' },
    { name: 'Pods', type: 'integer', jsonPath: '.status.pods' },
    { name: 'Syscalls', type: 'integer', jsonPath: '.status.syscalls' },
    { name: 'Newest', type: 'date', jsonPath: '.status.newest' },
    { name: 'Complete', type: 'string', jsonPath: '.status.conditions[?(@.type=="Complete")].status' },
  ],
  spec: object(
    'What is to be recorded.',
    {
      kind: oneOf('The kind of profile to make.', ['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile']),
      recorder: oneOf('How: by eBPF, or from the audit log.', ['Bpf', 'Logs']),
      mergeStrategy: oneOf(
        'A profile for each instance of a container, or one for all instances of the same name.',
        ['None', 'Containers'],
        { default: 'None' },
      ),
      podSelector: labelSelector("Which pods; empty: all of the recording's namespace."),
      containers: setOf('Which of their containers; absent: all.', { type: 'string' }),
      disableProfileAfterRecording: boolean('Profiles are made with state Disabled.'),
      snapshotInterval: string('How often the profile of what still runs is written, at most.', {
        default: '30s',
        pattern: '^([0-9]+(s|m|h))+$',
      }),
    },
    ['kind', 'podSelector', 'recorder'],
  ),
  status: object('How far it is.', {
    activeWorkloads: setOf('Pods that are recorded now.', { type: 'string' }, { maxItems: 100 }),
    pods: int32('How many pods are recorded now.', { minimum: 0 }),
    syscalls: int32('Different system calls seen so far, in all containers.', { minimum: 0 }),
    newest: string('When the last new one was seen.', { format: 'date-time' }),
    conditions: CONDITIONS,
    containers: mapOf('By name of the container.', 'name', CONTAINER),
  }),
} as const satisfies Kind;
