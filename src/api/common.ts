import { int32, listOf, mapOf, object, oneOf, prefixed, setOf, string } from './schema.ts';

/** What becomes of a profile on nodes. */
const STATUSES = ['Partial', 'Disabled', 'Pending', 'InProgress', 'Installed', 'Terminating', 'Error'] as const;

/** SCMP_ACT_*: seccomp's actions as the OCI runtime specification names them. */
export const ACTIONS = prefixed('SCMP_ACT_', [
  'KILL',
  'KILL_PROCESS',
  'KILL_THREAD',
  'TRAP',
  'ERRNO',
  'TRACE',
  'ALLOW',
  'LOG',
  'NOTIFY',
]);

/** `metav1.Condition`, by type. */
export const CONDITIONS = mapOf(
  'What is known of the object, by type.',
  'type',
  object(
    'One aspect of the state.',
    {
      type: string('Which aspect, in CamelCase.', { maxLength: 316 }),
      status: oneOf('Whether it holds.', ['True', 'False', 'Unknown']),
      reason: string('Why, in one CamelCase word.', { minLength: 1, maxLength: 1024 }),
      message: string('Why, for people; may be empty.', { maxLength: 32_768 }),
      lastTransitionTime: string('When the status changed last.', { format: 'date-time' }),
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0, description: 'The generation it is about.' },
    },
    ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
  ),
);

/** Of every profile: whether it goes to nodes. */
export const STATE = oneOf('Whether nodes get the profile.', ['Enabled', 'Disabled'], { default: 'Enabled' });

/** Of every profile's status. */
export const PROFILE_STATUS = {
  conditions: CONDITIONS,
  status: oneOf('What has become of the profile on the nodes.', STATUSES),
} as const;

/** Pods that use a profile, or are recorded: not all of many. */
export const ACTIVE_WORKLOADS = setOf('Pods that use it now.', string('NAMESPACE/POD.'));

/** Behind {@link ACTIVE_WORKLOADS}, which is no longer than an object may be. */
export const WORKLOADS = int32('How many pods use it now.', { minimum: 0 });

/** `metav1.LabelSelector`. */
export function labelSelector(description: string) {
  const expression = object(
    'A condition on a label.',
    {
      key: string('The label.'),
      operator: string('In, NotIn, Exists or DoesNotExist.'),
      values: listOf('For In and NotIn.', { type: 'string' }),
    },
    ['key', 'operator'],
  );
  return {
    ...object(description, {
      matchExpressions: listOf('Conditions that all must hold.', expression),
      matchLabels: {
        description: 'Labels with these values.',
        type: 'object',
        additionalProperties: { type: 'string' },
      },
    }),
    'x-kubernetes-map-type': 'atomic',
  } as const;
}
